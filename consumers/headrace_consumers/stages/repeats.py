"""Repeats: a producer's retry can put a pack twice, and its lane and number tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headrace_consumers.records import KinesisRecord, ShardRecords
from headrace_consumers.stages.staged import LaneState, ShardStart
from headrace_producers.wire.lane import PackKey, parse_pack_key


@dataclass(frozen=True, slots=True)
class Marked:
    """All records of a batch in order, each with its shard and whether it repeats an accepted pack."""

    records: Sequence[KinesisRecord]
    shard_ids: Sequence[str]
    repeats: Sequence[bool]
    lane_changes: Mapping[str, Mapping[str, LaneState]]
    """Per shard, the lanes that accepted a pack."""

    def repeats_by_shard(self) -> Counter[str]:
        return Counter(shard_id for shard_id, repeat in zip(self.shard_ids, self.repeats, strict=True) if repeat)


def mark_repeats(
    batch: Sequence[ShardRecords], starts: Mapping[str, ShardStart], lane_horizon_s: float
) -> Marked:  # fmt: skip
    """A pack repeats when its lane has accepted its number, or a higher one, within the horizon of arrival time.

    Foreign partition keys are never repeats. A lane that was silent for longer than the horizon is unknown again.
    """
    horizon_ms = int(lane_horizon_s * 1000)
    records: list[KinesisRecord] = []
    shard_ids: list[str] = []
    repeats: list[bool] = []
    changes: dict[str, dict[str, LaneState]] = {piece.shard_id: {} for piece in batch}
    for piece in batch:
        known, changed = starts[piece.shard_id].lanes, changes[piece.shard_id]
        for record in piece.records:
            pack = parse_pack_key(record.partition_key)
            repeats.append(pack is not None and _repeats(pack, record, known, changed, horizon_ms))
        records.extend(piece.records)
        shard_ids.extend([piece.shard_id] * len(piece.records))
    return Marked(records, shard_ids, repeats, changes)


def _repeats(
    pack: PackKey,
    record: KinesisRecord,
    known: Mapping[str, LaneState],
    changed: dict[str, LaneState],
    horizon_ms: int,
) -> bool:
    name, arrival_ms = pack.lane.name, record.approximate_arrival_timestamp
    last = changed.get(name) or known.get(name)
    if last is not None and arrival_ms - last.arrival_ms <= horizon_ms and pack.number <= last.number:
        return True
    changed[name] = LaneState(pack.number, arrival_ms)
    return False
