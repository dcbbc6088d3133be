"""What goes into one commit: per shard, the records between the chain's tip and the batch's end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from headrace_consumers.commitlog.model import Chain
from headrace_consumers.commitlog.tip import Tip
from headrace_consumers.errors import CheckpointAheadError
from headrace_consumers.records import KinesisRecord, ShardRecords


@dataclass(frozen=True, slots=True)
class Segment:
    """Records of one shard, all after `tip`, in order; not empty. Records of one sequence number never part."""

    chain: Chain
    tip: Tip
    have_from: int
    records: Sequence[KinesisRecord]

    def __post_init__(self) -> None:
        require_held(self.chain, self.tip, self.have_from)

    @property
    def shard_id(self) -> str:
        return self.chain.shard_id

    @property
    def last(self) -> KinesisRecord:
        return self.records[-1]

    def head(self, count: int) -> Segment:
        return replace(self, records=self.records[:count])


def require_held(chain: Chain, tip: Tip, have_from: int) -> None:
    """A link may begin only where every later record was, or will be, delivered to this process."""
    if tip.position < have_from:
        raise CheckpointAheadError(
            f"shard {chain.shard_id} of pipeline {chain.pipeline}: records are held from {have_from} on, but the log "
            f"ends at {tip.position}; going on would skip what lies between. Delete the lease, so that KCL reads again "
            "and the log skips what it has; or accept the gap with `headrace-consumers adopt`"
        )


def steps_of(segments: Sequence[Segment], step_bytes: int) -> Iterator[list[ShardRecords]]:
    """Cuts the segments into steps of about `step_bytes`, in each shard's order."""
    step: list[ShardRecords] = []
    room = step_bytes
    for segment in segments:
        begin = 0
        while begin < len(segment.records):
            end = _cut(segment.records, begin, room)
            piece = ShardRecords(segment.shard_id, segment.records[begin:end])
            step.append(piece)
            room -= piece.data_bytes
            begin = end
            if room <= 0:
                yield step
                step, room = [], step_bytes
    if step:
        yield step


def _cut(records: Sequence[KinesisRecord], begin: int, room: int) -> int:
    """The end of the longest run from `begin` that fills `room`, at least one record, never inside an aggregate."""
    end, held = begin, 0
    while end < len(records) and (held < room or end == begin):
        held += len(records[end].data)
        end += 1
    return _whole(records, end)


def _whole(records: Sequence[KinesisRecord], end: int) -> int:
    while 0 < end < len(records) and records[end].sequence_number == records[end - 1].sequence_number:
        end += 1
    return end


def halves(step: Sequence[ShardRecords]) -> tuple[list[ShardRecords], list[ShardRecords]] | None:
    """The step in two, or None where it is one record (or one aggregate)."""
    if len(step) > 1:
        middle = len(step) // 2
        return list(step[:middle]), list(step[middle:])
    only = step[0]
    middle = _whole(only.records, len(only.records) // 2) or _whole(only.records, 1)
    if middle >= len(only.records):
        middle = _whole(only.records, 1)
    if middle >= len(only.records):
        return None
    return [replace(only, records=only.records[:middle])], [replace(only, records=only.records[middle:])]
