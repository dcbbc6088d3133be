"""What the engine's loop shows to metrics, health and the watchdog."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Protocol

from headrace_consumers.commit.committer import CommitOutcome
from headrace_consumers.commitlog.tip import Tip
from headrace_consumers.runtime.core import EngineCore, Moment
from headrace_consumers.runtime.effects import CommitBatch, Job, MarkGap
from headrace_consumers.runtime.jobs import Result
from headrace_consumers.runtime.multilang import CheckpointReply, Message, ProcessRecords
from headrace_consumers.runtime.shard import Phase
from headrace_consumers.telemetry.health import Snapshot
from headrace_consumers.telemetry.metrics import Metrics

_log = logging.getLogger(__name__)


class Observer(Protocol):
    """Called by the loop's thread; must not block."""

    def heard(self, pipe: int, shard_id: str, message: Message, now: Moment) -> None: ...

    def finished(self, job: Job, result: Result, now: Moment) -> None: ...

    def turned(self, core: EngineCore, now: Moment) -> None: ...

    def closed(self, pipe: int, shard_id: str) -> None: ...


class MetricsObserver:
    """Counts into `metrics`, and takes the snapshot that health judges."""

    def __init__(self, metrics: Metrics, started: Moment) -> None:
        self._metrics = metrics
        self._progress_s = started.s
        self._batch_since_s: float | None = None
        self._heard_s: dict[int, float] = {}

    def heard(self, pipe: int, shard_id: str, message: Message, now: Moment) -> None:
        self._heard_s[pipe] = now.s
        if isinstance(message, ProcessRecords):
            data_bytes = sum(len(record.data) for record in message.records)
            self._metrics.delivered(shard_id, len(message.records), data_bytes, message.millis_behind_latest)
            if message.records:
                self._progress_s = now.s
        elif isinstance(message, CheckpointReply):
            if message.error is None:
                self._metrics.checkpointed()
            else:
                self._metrics.checkpoint_failed(message.error)

    def finished(self, job: Job, result: Result, now: Moment) -> None:
        self._progress_s = now.s
        if isinstance(job, CommitBatch) and isinstance(result, CommitOutcome):
            self._committed(result)
        elif isinstance(job, MarkGap) and isinstance(result, Tip):
            self._metrics.gap_marked()
            fields = {"shard_id": job.chain.shard_id, "up_to": str(job.end), "reason": job.reason}
            _log.error("records are lost: a gap link says so", extra={"fields": fields})

    def _committed(self, result: CommitOutcome) -> None:
        for shard_id, link in result.fenced.items():
            self._metrics.fenced(1)
            fields = {"shard_id": shard_id, "owner": link.owner, "commit": link.attempt_id}
            _log.warning("a shard was fenced by another worker's link and goes passive", extra={"fields": fields})
        if result.commit and result.staged:
            files, staged = result.commit.files, result.staged
            self._metrics.committed(staged.rows, len(files), sum(file.bytes for file in files), result.duration_s)
            self._metrics.rejected(Counter(map(str, staged.dead_letters["reason"].to_pylist())))
            self._metrics.late(result.commit.counts.late)
            self._metrics.repeats_dropped(sum(outcome.repeats for outcome in staged.shards.values()))

    def turned(self, core: EngineCore, now: Moment) -> None:
        in_flight = core.batch_in_flight is not None
        self._batch_since_s = (self._batch_since_s or now.s) if in_flight else None
        shards = core.shards.values()
        self._metrics.looked(
            Snapshot(
                taken_s=now.s,
                shards=len(core.shards),
                passive_shards=sum(shard.phase is Phase.PASSIVE for shard in shards),
                held_bytes=core.held_bytes,
                lag_ms=max((shard.millis_behind_latest for shard in shards), default=0),
                in_hand_since_s=min((shard.in_hand_since_s for shard in shards if shard.in_hand), default=None),
                batch_since_s=self._batch_since_s,
                heard_s=min(self._heard_s.values(), default=now.s),
                progress_s=self._progress_s,
                moved_s=self._metrics.moved_s,
            )
        )

    def closed(self, pipe: int, shard_id: str) -> None:
        self._heard_s.pop(pipe, None)
        self._metrics.shard_gone(shard_id)
