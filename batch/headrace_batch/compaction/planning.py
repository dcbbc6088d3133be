"""Which files are made one. By the log which may be at all, by their footers which fit together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from headrace_batch.followers import IsPassed
from headrace_batch.place import Place
from headrace_batch.rewriting import Origin, StandingFile, footer_of, provenance_in, standing_files
from headrace_batch.side_by_side import each
from headrace_consumers.commitlog.standing import Standing
from headrace_consumers.pipeline import Pipeline

MAX_FILES = 1_000
"""In one commit: it names all that it replaces in one item of the log."""
_BIG = 0.75
"""Of the target: such files are left alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What may be compacted, and to what."""

    target_bytes: int
    older_than_s: float
    table: str = ""
    """All tables where it is empty."""


@dataclass(frozen=True, slots=True)
class Group:
    """Files of one partition that become one file, in one commit."""

    table: str
    partition: str
    origin: Origin
    sources: tuple[StandingFile, ...]
    """In the order of their commits."""
    schema: pa.Schema

    @property
    def bytes(self) -> int:
        return sum(source.file.bytes for source in self.sources)

    @property
    def rows(self) -> int:
        return sum(source.file.rows for source in self.sources)


def sort_keys(pipeline: Pipeline) -> dict[str, tuple[str, ...]]:
    """Of all tables that are compacted. Partials are not: they name no commit, and the windows service merges them by
    commit. Raw files are not: each is what one commit read. Windows that are out are written by their service alone."""
    keys = {table.name: (*table.sort_by, "event_time") for table in pipeline.lake_tables}
    return keys | {pipeline.dead_letter_table: (), pipeline.late_table: ()}


def left_alone(pipeline: Pipeline, standing: Standing, rules: Rules, is_passed: IsPassed, now_ms: int) -> str:
    """Why files that are many still are, for people: each is told by the first rule that keeps it."""
    newest, oldest_ms = _newest(_tabled(pipeline, standing, rules)), now_ms - int(rules.older_than_s * 1000)
    whys: Counter[str] = Counter()
    for one in _tabled(pipeline, standing, rules):
        if newest.get(_where(one), 0) >= oldest_ms:
            whys["in partitions with a commit that is not older than --older-than"] += 1
        elif one.file.bytes >= rules.target_bytes * _BIG:
            whys["big enough"] += 1
        elif not is_passed(one):
            whys["not yet passed by the loader"] += 1
        else:
            whys["with none beside them that they fit together with"] += 1
    return ", ".join(f"{number:,} files {why}" for why, number in whys.most_common())


def plan(place: Place, standing: Standing, rules: Rules, is_passed: IsPassed, now_ms: int) -> list[Group]:
    """Blocks on the lake: one request for each file that may be compacted."""
    small = _candidates(place.pipeline, standing, rules, is_passed, now_ms)
    alike: dict[tuple[str, str, Origin, str], list[tuple[StandingFile, pa.Schema]]] = defaultdict(list)
    for source, (origin, schema) in zip(small, each(lambda one: _looked_at(place, one), small), strict=True):
        if origin is not Origin.UNKNOWN:
            alike[source.file.table, source.file.partition, origin, _form(schema)].append((source, schema))
    return [
        Group(table, partition, origin, tuple(sources), found[0][1])
        for (table, partition, origin, _), found in sorted(alike.items())
        for sources in _bins((source for source, _ in found), rules.target_bytes)
    ]


def _candidates(
    pipeline: Pipeline, standing: Standing, rules: Rules, is_passed: IsPassed, now_ms: int
) -> list[StandingFile]:
    files = _tabled(pipeline, standing, rules)
    newest = _newest(files)
    oldest_ms = now_ms - int(rules.older_than_s * 1000)
    found = defaultdict(list)
    for one in files:
        is_cold = newest.get(_where(one), 0) < oldest_ms
        if is_cold and one.file.bytes < rules.target_bytes * _BIG and is_passed(one):
            found[_where(one)].append(one)
    several = (one for group in found.values() if len(group) > 1 for one in group)
    return sorted(several, key=lambda one: (one.commit.attempt_id, one.file.key))


def _tabled(pipeline: Pipeline, standing: Standing, rules: Rules) -> list[StandingFile]:
    tables = sort_keys(pipeline).keys() & ({rules.table} if rules.table else sort_keys(pipeline).keys())
    return [one for one in standing_files(standing) if one.file.table in tables]


def _newest(files: Iterable[StandingFile]) -> dict[tuple[str, str], int]:
    """When each partition got rows that it had not had; by that, in milliseconds, it is cold."""
    newest: dict[tuple[str, str], int] = defaultdict(int)
    for one in files:
        if not one.file.rewritten:
            newest[_where(one)] = max(newest[_where(one)], committed_ms(one.commit.attempt_id))
    return newest


def _where(one: StandingFile) -> tuple[str, str]:
    return one.file.table, one.file.partition


def committed_ms(attempt_id: str) -> int:
    """Attempt ids begin with their time."""
    return int(attempt_id[:12], 16)


def _looked_at(place: Place, source: StandingFile) -> tuple[Origin, pa.Schema]:
    footer = footer_of(place, source)
    return provenance_in(source, footer.metadata).origin, footer.schema.to_arrow_schema()


def _form(schema: pa.Schema) -> str:
    """Files of one form have the same columns, by the same contract."""
    contract = (schema.metadata or {}).get(b"headrace.contract", b"")
    return f"{contract.decode()} {schema.remove_metadata().to_string(show_field_metadata=False)}"


def _bins(sources: Iterable[StandingFile], target_bytes: int) -> Iterator[Sequence[StandingFile]]:
    """One after the other, each as full as it gets; what stands alone stays as it is."""
    waiting: list[StandingFile] = []
    size = 0
    for source in sources:
        if waiting and (size + source.file.bytes > target_bytes or len(waiting) == MAX_FILES):
            if len(waiting) > 1:
                yield waiting
            waiting, size = [], 0
        waiting.append(source)
        size += source.file.bytes
    if len(waiting) > 1:
        yield waiting
