"""Staging a batch step by step, so that it is cut where its rows or partitions pass their limits."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headrace_consumers.commit.segments import Segment, halves, steps_of
from headrace_consumers.pipeline import Pipeline
from headrace_consumers.records import ShardRecords
from headrace_consumers.settings import BatchSettings
from headrace_consumers.stages import concat_staged, next_starts, partitions_of, stage_batch
from headrace_consumers.stages.staged import ShardStart, StagedBatch

STEP_BYTES = 16 * 1024 * 1024
"""Bounds what staging holds beside the batch itself; half of it is slower by a quarter."""


@dataclass(frozen=True, slots=True)
class StagedSegments:
    """The staged part of the segments: each cut to what was taken; those of which nothing was taken are left out."""

    staged: StagedBatch
    segments: tuple[Segment, ...]
    starts: Mapping[str, ShardStart]
    """Where each segment began."""
    ends: Mapping[str, ShardStart]
    """What each shard's chain knows after it: all lanes, highest event time."""


def stage_segments(pipeline: Pipeline, segments: Sequence[Segment], limits: BatchSettings) -> StagedSegments:
    """Stages as much as one commit may hold, and at least one record."""
    begun = {segment.shard_id: segment.tip.start for segment in segments}
    staging = _Staging(pipeline, limits, dict(begun))
    waiting = deque(steps_of(segments, STEP_BYTES))
    while waiting:
        step = waiting.popleft()
        if staging.take(step):
            continue
        parts = halves(step)
        if parts is None:
            break
        waiting.extendleft(reversed(parts))
    taken = tuple(
        segment.head(staging.taken[segment.shard_id]) for segment in segments if staging.taken[segment.shard_id]
    )
    shards = {segment.shard_id for segment in taken}
    return StagedSegments(
        staged=staging.staged(),
        segments=taken,
        starts={shard: begun[shard] for shard in shards},
        ends={shard: staging.starts[shard] for shard in shards},
    )


class _Staging:
    def __init__(self, pipeline: Pipeline, limits: BatchSettings, starts: dict[str, ShardStart]) -> None:
        self._pipeline = pipeline
        self._limits = limits
        self._parts: list[StagedBatch] = []
        self._rows = 0
        self._partitions: set[tuple[str, str]] = set()
        self.starts = starts
        self.taken: Counter[str] = Counter()

    def take(self, step: Sequence[ShardRecords]) -> bool:
        """Stages the step and keeps it if it fits; a batch's first record fits always."""
        starts = {piece.shard_id: self.starts[piece.shard_id] for piece in step}
        part = stage_batch(self._pipeline, step, starts, self._limits.max_unpacked_bytes)
        partitions = self._partitions | partitions_of(self._pipeline, part)
        if not self._fits(self._rows + part.rows, len(partitions)) and (self._parts or halves(step)):
            return False
        self._parts.append(part)
        self._rows += part.rows
        self._partitions = partitions
        self.starts |= next_starts(starts, part, self._pipeline.lane_horizon_s)
        for piece in step:
            self.taken[piece.shard_id] += len(piece.records)
        return True

    def _fits(self, rows: int, partitions: int) -> bool:
        return rows <= self._limits.max_batch_rows and partitions <= self._limits.max_batch_partitions

    def staged(self) -> StagedBatch:
        whole = self._parts[0]
        for part in self._parts[1:]:
            whole = concat_staged(whole, part)
        return whole
