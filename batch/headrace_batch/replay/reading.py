"""Records of the raw zone, in the order of each shard: of the commits whose records the lake is made of."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headrace_consumers.commitlog.standing import Standing
from headrace_consumers.errors import LogError
from headrace_consumers.lake.objects import ObjectStore


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A record as it was received once."""

    shard_id: str
    sequence_number: str
    partition_key: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Stretch:
    """Which records: those that arrived from a time on, and before another; not those up to `after`, by shard."""

    from_ms: int
    to_ms: int
    after: Mapping[str, int]
    with_repeats: bool = False


def read_records(store: ObjectStore, standing: Standing, stretch: Stretch) -> Iterator[RawRecord]:
    """One commit's at a time in memory. Raises LogError, and MissingFileError where a raw file has expired."""
    for commit_id in commits_of(standing, stretch):
        raw = standing.raw.get(commit_id)
        if raw is None:
            raise LogError(f"commit {commit_id} names no raw file: its records cannot be replayed")
        yield from _records(_chosen(pq.read_table(io.BytesIO(store.read(raw.bucket, raw.key))), stretch))


def commits_of(standing: Standing, stretch: Stretch) -> Iterator[str]:
    """Those that may have such records, in an order in which each is its shards' next."""
    waiting = _by_shard(standing, stretch)
    shards = {commit_id: {link.chain.shard_id for link in links} for commit_id, links in standing.links.items()}
    while waiting:
        heads = {commits[-1] for commits in waiting.values()}
        ready = (one for one in sorted(heads) if all(waiting[shard][-1] == one for shard in shards[one]))
        commit_id = next(ready)
        for shard_id in shards[commit_id]:
            waiting[shard_id].pop()
            if not waiting[shard_id]:
                del waiting[shard_id]
        yield commit_id


def _by_shard(standing: Standing, stretch: Stretch) -> dict[str, list[str]]:
    """The commits of each shard, the next one last."""
    wanted = {commit_id for sources in standing.sources.values() for commit_id in sources}
    links = [link for commit_id in wanted for link in standing.links[commit_id]]
    late_enough = {link.attempt_id for link in links if link.arrival_ms >= stretch.from_ms}
    found: dict[str, list[str]] = {}
    for link in sorted(links, key=lambda link: link.start, reverse=True):
        if link.attempt_id in late_enough:
            found.setdefault(link.chain.shard_id, []).append(link.attempt_id)
    return found


def _chosen(raw: pa.Table, stretch: Stretch) -> pa.Table:
    arrived = raw["arrival_time"]
    chosen = pc.and_(pc.greater_equal(arrived, _instant(stretch.from_ms)), pc.less(arrived, _instant(stretch.to_ms)))
    if not stretch.with_repeats:
        chosen = pc.and_(chosen, pc.invert(raw["repeat"]))
    return raw.filter(chosen) if not stretch.after else _behind(raw.filter(chosen), stretch.after)


def _behind(raw: pa.Table, after: Mapping[str, int]) -> pa.Table:
    """Sequence numbers have more digits than Arrow's integers."""
    positions = zip(raw["shard_id"].to_pylist(), raw["sequence_number"].to_pylist(), strict=True)
    return raw.filter(pa.array([int(number) > after.get(shard_id, 0) for shard_id, number in positions], pa.bool_()))


def _records(raw: pa.Table) -> Iterator[RawRecord]:
    columns = (raw[name].to_pylist() for name in ("shard_id", "sequence_number", "partition_key", "data"))
    return (RawRecord(*record) for record in zip(*columns, strict=True))


def _instant(at_ms: int) -> pa.Scalar:
    return pa.scalar(datetime.fromtimestamp(at_ms / 1000, UTC), pa.timestamp("us", "UTC"))
