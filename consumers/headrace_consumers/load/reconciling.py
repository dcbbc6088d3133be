"""What is committed against what is in the warehouse: the log says which files there are, the ledger what became of
each, and the tables how many rows of each commit they really hold. It only reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import msgspec

from headrace_consumers.commitlog.batch import BATCH, batch_chain
from headrace_consumers.commitlog.following import Lineage
from headrace_consumers.commitlog.log import CommitLog
from headrace_consumers.commitlog.model import Chain, Commit, Link, LinkKind
from headrace_consumers.load.counting import rows_by_commit
from headrace_consumers.load.ledger import IN_THE_TABLE, FileState, Ledger
from headrace_consumers.load.waiting import LakeFile, TablePlace, by_table, lake_files
from headrace_consumers.records import ROOT
from headrace_consumers.warehouse.session import WarehouseSession
from headrace_consumers.windows_service.chain import SHARD_ID as WINDOWS


class FindingKind(StrEnum):
    """What is wrong with a file, or with a commit's rows in a table."""

    OVERDUE = "overdue"
    """Committed longer ago than a load may take, and the ledger does not know it."""
    HELD = "held"
    QUARANTINED = "quarantined"
    ROWS_MISSING = "rows missing"
    """The ledger says loaded, and the table holds fewer rows of the commit."""
    ROWS_DOUBLED = "rows doubled"
    """The table holds more rows of the commit than its files have."""
    ROWS_RETIRED = "rows retired"
    """The table holds rows of a commit that batch has retired."""


class Finding(msgspec.Struct, frozen=True):
    kind: FindingKind
    table: str
    commit_id: str
    file: str = ""
    """Empty where it is about a commit's rows in a table."""
    detail: str = ""

    def __str__(self) -> str:
        where = self.file or f"commit {self.commit_id}"
        return f"{self.kind}: {self.table}, {where}" + (f": {self.detail}" if self.detail else "")


class Reconciled(msgspec.Struct, frozen=True):
    """The files of the commits that were looked at."""

    committed: int
    loaded: int
    waiting: int
    """Committed a moment ago, and not loaded yet."""
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciler:
    """Blocks on the log and the warehouse; raises their errors."""

    log: CommitLog
    session: WarehouseSession
    ledger: Ledger
    places: frozenset[TablePlace]

    def reconcile(self, now_ms: int, *, since_s: float, overdue_s: float) -> Reconciled:
        """Of the commits of the last `since_s`; younger ones than `overdue_s` may still wait. SettingsError where there
        are no books."""
        self.ledger.head(self.session)
        since_ms, overdue_ms = now_ms - int(since_s * 1000), now_ms - int(overdue_s * 1000)
        batch = list(self._batch(since_ms))
        retired = {commit_id for _, commit in batch for commit_id in commit.retires}
        found = (*self._commits(since_ms), *(commit for _, commit in batch))
        commits = [commit for commit in found if commit.attempt_id not in retired]
        named = [file for commit in commits for file in lake_files(commit, self.places)]
        files = [file for file in named if not file.rewritten]
        old = {commit.attempt_id for commit in found if commit.written_ms <= overdue_ms}
        known = self.ledger.known(self.session, named)
        reasons = self._reasons(known)
        findings = [
            *_of_files(named, known, old, reasons),
            *self._of_rows(files, known),
            *self._of_batch([(link, commit) for link, commit in batch if commit.attempt_id in old]),
        ]
        loaded = sum(known.get(file.url) in IN_THE_TABLE for file in files)
        waiting = sum(file.url not in known and file.commit_id not in old for file in files)
        return Reconciled(len(files), loaded, waiting, tuple(findings))

    def _reasons(self, known: Mapping[str, FileState]) -> dict[str, str]:
        if not {FileState.HELD, FileState.QUARANTINED} & set(known.values()):
            return {}
        entries = self.ledger.entries(self.session, FileState.HELD, FileState.QUARANTINED)
        return {entry.file.url: entry.reason for entry in entries}

    def _commits(self, since_ms: int) -> Iterator[Commit]:
        """Of the stream and its windows, in all generations."""
        ours = self.ledger.lineage
        seen: set[str] = set()
        for generation in range(1, self.log.generation(ours.pipeline) + 1):
            lineage = replace(ours, generation=generation)
            for shard_id in self._shard_ids(lineage):
                for link in self._links(lineage.chain(shard_id), since_ms):
                    if link.attempt_id not in seen:
                        seen.add(link.attempt_id)
                        yield from self._commit_of(link)

    def _batch(self, since_ms: int) -> Iterator[tuple[Link, Commit]]:
        for link in self._links(batch_chain(self.ledger.lineage.pipeline), since_ms):
            for commit in self._commit_of(link):
                yield link, commit

    def _links(self, chain: Chain, since_ms: int) -> Iterator[Link]:
        for link in self.log.newest_links(chain):
            if link.written_ms < since_ms:
                break
            if link.kind is LinkKind.DATA:
                yield link

    def _commit_of(self, link: Link) -> Iterator[Commit]:
        commit = self.log.commit(link.chain.pipeline, link.chain.generation, link.attempt_id)
        if commit is not None:
            yield commit

    def _shard_ids(self, lineage: Lineage) -> list[str]:
        chains = self.log.chains(lineage.pipeline, lineage.generation, lineage.stream_created_ms)
        return [*sorted(chain.shard_id for chain in chains), WINDOWS]

    def _of_rows(self, files: Sequence[LakeFile], known: Mapping[str, FileState]) -> Iterator[Finding]:
        erased = self.ledger.erased(self.session, sorted({file.commit_id for file in files}))
        for table, found in by_table(files).items():
            wanted: Counter[str] = Counter()
            for file in found:
                wanted[file.commit_id] += file.rows if known.get(file.url) in IN_THE_TABLE else 0
            held = self._rows_in(table, sorted(wanted))
            for commit_id, brought in sorted(wanted.items()):
                rows = brought - erased[commit_id, table]
                if held[commit_id] != rows:
                    kind = FindingKind.ROWS_MISSING if held[commit_id] < rows else FindingKind.ROWS_DOUBLED
                    detail = f"{held[commit_id]} rows in the table, {rows} loaded"
                    yield Finding(kind, table, commit_id, detail=detail)

    def _of_batch(self, batch: Sequence[tuple[Link, Commit]]) -> Iterator[Finding]:
        """What such commits change, beside their files."""
        where = self.ledger.positions(self.session).get(batch_chain(self.ledger.lineage.pipeline))
        for link, commit in batch:
            if link.end > (where.position if where else ROOT):
                yield Finding(FindingKind.OVERDUE, BATCH, commit.attempt_id, detail=f"a {commit.kind}")
        retired = sorted({commit_id for _, commit in batch for commit_id in commit.retires})
        for table in sorted({place.table for place in self.places}) if retired else ():
            for commit_id, rows in sorted(self._rows_in(table, retired).items()):
                yield Finding(FindingKind.ROWS_RETIRED, table, commit_id, detail=f"{rows} rows in the table")

    def _rows_in(self, table: str, commit_ids: Sequence[str]) -> Counter[str]:
        """By commit; none where the table is gone, or has lost the column."""
        return rows_by_commit(self.session, self.ledger.schema, table, commit_ids) or Counter()


def _of_files(
    files: Iterable[LakeFile], known: Mapping[str, FileState], old: set[str], reasons: Mapping[str, str]
) -> Iterator[Finding]:
    kinds = {FileState.HELD: FindingKind.HELD, FileState.QUARANTINED: FindingKind.QUARANTINED}
    for file in files:
        state = known.get(file.url)
        if state in kinds:
            yield Finding(kinds[state], file.table, file.commit_id, file.url, reasons.get(file.url, ""))
        elif state is None and file.commit_id in old and not file.rewritten:
            yield Finding(FindingKind.OVERDUE, file.table, file.commit_id, file.url)
