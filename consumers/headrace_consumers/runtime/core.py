"""The engine without its pipes and threads: messages and finished jobs in, effects out.

Theory of operation. KCL's daemon sends one message per shard and waits for its answer. Records are answered as soon as
they are held; commits need no open message. A checkpoint does, so it rides on the next message: that is why the daemon
is told to call us for empty reads too. One batch is in flight at a time and holds all shards; its end moves each
shard's tip, and only tips are ever checkpointed. A shard whose start is taken by a foreign link goes passive and never
resumes here. Nothing in this module blocks, sleeps, reads a clock or knows AWS.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from headrace_consumers.commit.committer import CommitOutcome
from headrace_consumers.commit.segments import Segment
from headrace_consumers.commitlog.log import MAX_LINKS
from headrace_consumers.commitlog.model import Chain, Link
from headrace_consumers.commitlog.tip import Tip
from headrace_consumers.errors import FencedError, ProtocolError
from headrace_consumers.records import KinesisRecord
from headrace_consumers.recovery import OpenedShard
from headrace_consumers.runtime.effects import (
    Answer,
    Beat,
    Checkpoint,
    CommitBatch,
    Effect,
    EndShard,
    MarkGap,
    OpenShard,
)
from headrace_consumers.runtime.multilang import (
    CheckpointReply,
    Initialize,
    LeaseLost,
    Message,
    ProcessRecords,
    ShardEnded,
    ShutdownRequested,
)
from headrace_consumers.runtime.shard import Phase, ShardState
from headrace_consumers.settings import BatchSettings

BEAT_INTERVAL_S = 60.0
NEW_TIP_BEAT_INTERVAL_S = 5.0
"""Windows wait for a shard that has grown still until a heartbeat names its new tip."""
CHECKPOINT_RETRY_S = 0.5
EXPIRY_MARGIN_MS = 600_000
_FATAL_CHECKPOINT_ERRORS = frozenset({"InvalidStateException", "IllegalArgumentException"})
_LEASE_LOST = "ShutdownException"


@dataclass(frozen=True, slots=True)
class CoreSettings:
    """What the core needs to know of pipeline, stream and settings."""

    pipeline: str
    generation: int
    stream_created_ms: int
    retention_ms: int
    failover_s: float
    batch: BatchSettings


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, by both clocks: one that never jumps, one that Kinesis shares."""

    s: float
    ms: int


class EngineCore:
    """State of all shards of one engine. Raises FencedError and ProtocolError: the process ends and starts over."""

    def __init__(self, settings: CoreSettings) -> None:
        self._settings = settings
        self._effects: list[Effect] = []
        self._batch: CommitBatch | None = None
        self._waiting_opens: list[OpenShard] = []
        self._stashed: dict[int, Sequence[KinesisRecord]] = {}
        self._checkpoint_retries: dict[int, float] = {}
        self.shards: dict[int, ShardState] = {}

    def drain(self) -> list[Effect]:
        """The effects since the last call, in order."""
        effects, self._effects = self._effects, []
        return effects

    @property
    def held_bytes(self) -> int:
        return sum(shard.pending_bytes for shard in self.shards.values())

    @property
    def batch_in_flight(self) -> CommitBatch | None:
        return self._batch

    def may_read(self, pipe: int) -> bool:
        """One budget for all shards, but a shard that holds nothing is always admitted one line."""
        shard = self.shards.get(pipe)
        return shard is None or not shard.pending or self.held_bytes < self._settings.batch.max_buffer_bytes

    def receive(self, pipe: int, message: Message, now: Moment) -> None:
        if isinstance(message, Initialize):
            self._initialize(pipe, message, now)
            return
        shard = self._known(pipe)
        if isinstance(message, CheckpointReply):
            self._checkpoint_replied(shard, message, now)
            return
        if shard.in_hand:
            raise ProtocolError(f"shard {shard.shard_id}: a message came while {shard.in_hand} was not answered")
        shard.in_hand_since_s = now.s
        match message:
            case ProcessRecords():
                self._process(shard, message, now)
            case LeaseLost():
                self._lease_lost(shard)
            case ShardEnded():
                self._flush(shard, "shardEnded", now)
            case ShutdownRequested():
                self._flush(shard, "shutdownRequested", now)

    def closed(self, pipe: int) -> ShardState | None:
        """The daemon closed the pipe: whatever is held of the shard is another owner's, or will come again."""
        shard = self.shards.pop(pipe, None)
        self._checkpoint_retries.pop(pipe, None)
        self._stashed.pop(pipe, None)
        if shard is not None:
            shard.drop_held()
        return shard

    def opened(self, job: OpenShard, opened: OpenedShard, now: Moment) -> None:
        shard = self.shards.get(job.pipe)
        if shard is None:
            return
        shard.phase = Phase.ACTIVE
        shard.tip, shard.have_from, shard.alive_ms = opened.tip, opened.have_from, opened.alive_ms
        shard.delivered = shard.checkpointed = opened.have_from
        shard.beaten_s = now.s
        self._answer(shard)

    def batch_finished(self, job: CommitBatch, outcome: CommitOutcome, now: Moment) -> None:
        self._batch = None
        for segment in job.segments:
            shard = self._active(segment.chain)
            if shard is None or shard.tip is not segment.tip:
                continue
            if segment.shard_id in outcome.fenced:
                self._fence(shard, outcome.fenced[segment.shard_id], now)
            else:
                shard.committed(outcome.tips.get(segment.shard_id, segment.tip), now.s)
        for waiting in self._waiting_opens:
            self._effects.append(waiting)
        self._waiting_opens.clear()
        self.tick(now)

    def shard_ended(self, job: EndShard, result: Tip | Link, now: Moment) -> None:
        shard = self.shards.get(job.pipe)
        if shard is None or shard.phase is not Phase.ACTIVE:
            return
        if isinstance(result, Link):
            self._fence(shard, result, now)
            return
        shard.tip = result
        self._effects.append(Checkpoint(shard.pipe, None))

    def gap_marked(self, job: MarkGap, result: Tip | Link, now: Moment) -> None:
        shard = self.shards.get(job.pipe)
        records = self._stashed.pop(job.pipe, ())
        if shard is None or shard.phase is not Phase.ACTIVE:
            return
        if isinstance(result, Link):
            self._fence(shard, result, now)
        else:
            shard.tip = result
            shard.checkpointed = result.position
            shard.accept(records, now.s)
        self._answer(shard)

    def tick(self, now: Moment) -> None:
        """Closes the batch when it is due, repeats refused checkpoints, and ends a worker that owns a fenced shard."""
        for shard in self.shards.values():
            self._check_passive(shard, now)
        self._retry_checkpoints(now)
        self._settle_flushed()
        if self._batch is None and (segments := tuple(self._due_segments(now))):
            self._batch = CommitBatch(segments)
            self._effects.append(self._batch)

    # --- messages

    def _initialize(self, pipe: int, message: Initialize, now: Moment) -> None:
        settings = self._settings
        chain = Chain(settings.pipeline, settings.generation, settings.stream_created_ms, message.shard_id)
        self.shards[pipe] = ShardState(pipe, chain, in_hand="initialize", in_hand_since_s=now.s)
        job = OpenShard(pipe, chain, message.sequence_number)
        in_flight = self._batch is not None and any(segment.chain == chain for segment in self._batch.segments)
        (self._waiting_opens if in_flight else self._effects).append(job)

    def _process(self, shard: ShardState, message: ProcessRecords, now: Moment) -> None:
        shard.in_hand = "processRecords"
        if message.millis_behind_latest is not None:
            shard.millis_behind_latest = message.millis_behind_latest
        if shard.phase is Phase.ACTIVE:
            if self._gap_before(shard, message.records, now):
                self._mark_gap(shard, message.records)
                return
            shard.accept(message.records, now.s)
            self._beat_if_idle(shard, message, now)
        self._settle(shard)
        self.tick(now)

    def _lease_lost(self, shard: ShardState) -> None:
        shard.phase = Phase.LOST
        shard.drop_held()
        shard.in_hand = "leaseLost"
        self._answer(shard)

    def _flush(self, shard: ShardState, action: str, now: Moment) -> None:
        shard.in_hand = action
        if shard.phase is Phase.PASSIVE and action == "shardEnded":
            raise FencedError(
                f"shard {shard.shard_id} ended while another worker's commits stood in its way; starting over"
            )
        if shard.phase is not Phase.ACTIVE:
            self._answer(shard)
            return
        shard.flushing = True
        self.tick(now)

    def _checkpoint_replied(self, shard: ShardState, reply: CheckpointReply, now: Moment) -> None:
        if reply.error in _FATAL_CHECKPOINT_ERRORS:
            raise ProtocolError(
                f"shard {shard.shard_id}: the checkpoint was refused with {reply.error}; a restart takes the lease anew"
            )
        if reply.error is None and reply.sequence_number:
            shard.checkpointed = max(shard.checkpointed, int(reply.sequence_number))
        must_stand = shard.in_hand == "shardEnded" and reply.error != _LEASE_LOST
        if reply.error is not None and must_stand:
            self._checkpoint_retries[shard.pipe] = now.s + CHECKPOINT_RETRY_S
            return
        self._answer(shard)

    # --- gaps, heartbeats

    def _gap_before(self, shard: ShardState, records: Sequence[KinesisRecord], now: Moment) -> bool:
        """Judged once, with the first records: older than the retention, and nothing up to the tip came again."""
        if shard.gap_judged:
            return False
        limit_ms = self._settings.retention_ms - EXPIRY_MARGIN_MS
        suspected = 0 < shard.alive_ms < now.ms - limit_ms
        shard.gap_judged = bool(records) or not suspected
        return suspected and bool(records) and records[0].position > shard.tip.position + 1

    def _mark_gap(self, shard: ShardState, records: Sequence[KinesisRecord]) -> None:
        self._stashed[shard.pipe] = records
        reason = "records after the tip had expired before they were read"
        end = records[0].position - 1
        self._effects.append(MarkGap(shard.pipe, shard.chain, shard.tip, end, reason))

    def _beat_if_idle(self, shard: ShardState, message: ProcessRecords, now: Moment) -> None:
        idle = not message.records and not shard.pending and message.millis_behind_latest == 0
        interval_s = BEAT_INTERVAL_S if shard.beaten_at == shard.tip.position else NEW_TIP_BEAT_INTERVAL_S
        if idle and now.s - shard.beaten_s >= interval_s:
            shard.beaten_s, shard.beaten_at = now.s, shard.tip.position
            self._effects.append(Beat(shard.chain, shard.tip.position))

    # --- batches

    def _due_segments(self, now: Moment) -> Iterator[Segment]:
        """All that is held, once any reason to close the batch holds; those who wait for it first."""
        holding = [shard for shard in self.shards.values() if shard.phase is Phase.ACTIVE and shard.pending]
        if not self._batch_due(holding, now):
            return
        for shard in sorted(holding, key=lambda shard: not shard.flushing)[:MAX_LINKS]:
            yield shard.segment()

    def _batch_due(self, holding: Sequence[ShardState], now: Moment) -> bool:
        limits = self._settings.batch
        full = sum(shard.pending_bytes for shard in holding) >= limits.max_batch_bytes
        old = any(now.s - shard.oldest_s >= limits.max_batch_age_s for shard in holding)
        return full or old or any(shard.flushing for shard in holding)

    def _settle_flushed(self) -> None:
        """Goes on with shards that waited for their commit: the terminal link, or the last checkpoint."""
        for shard in self.shards.values():
            if not shard.flushing or shard.pending:
                continue
            shard.flushing = False
            if shard.in_hand == "shardEnded":
                self._effects.append(EndShard(shard.pipe, shard.chain, shard.tip))
            else:
                self._settle(shard)

    def _settle(self, shard: ShardState) -> None:
        """Answers the message in hand, after the checkpoint that is due."""
        if shard.checkpoint_due:
            self._effects.append(Checkpoint(shard.pipe, shard.tip.sequence_number))
        else:
            self._answer(shard)

    def _fence(self, shard: ShardState, standing: Link, now: Moment) -> None:
        if shard.in_hand == "shardEnded":
            raise FencedError(f"shard {shard.shard_id} ended here while {standing.owner} committed it; starting over")
        shard.phase = Phase.PASSIVE
        shard.passive_since_s = now.s
        shard.drop_held()
        if shard.in_hand == "shutdownRequested":
            self._answer(shard)

    def _check_passive(self, shard: ShardState, now: Moment) -> None:
        patience_s = 2 * self._settings.failover_s
        if shard.phase is Phase.PASSIVE and now.s - shard.passive_since_s > patience_s:
            raise FencedError(
                f"shard {shard.shard_id} is still leased to this worker {patience_s:.0f} s after another worker's link "
                "was met; starting over from the log"
            )

    def _retry_checkpoints(self, now: Moment) -> None:
        for pipe in [pipe for pipe, due_s in self._checkpoint_retries.items() if due_s <= now.s]:
            del self._checkpoint_retries[pipe]
            self._effects.append(Checkpoint(pipe, None))

    def _known(self, pipe: int) -> ShardState:
        if pipe not in self.shards:
            raise ProtocolError("a message came before initialize")
        return self.shards[pipe]

    def _active(self, chain: Chain) -> ShardState | None:
        found = (shard for shard in self.shards.values() if shard.chain == chain and shard.phase is Phase.ACTIVE)
        return next(found, None)

    def _answer(self, shard: ShardState) -> None:
        self._effects.append(Answer(shard.pipe, shard.in_hand))
        shard.in_hand = ""
        shard.flushing = False
