"""One shard in the engine: what is held, what is committed, what is checkpointed, and the message in hand."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from operator import attrgetter

from headrace_consumers.commit.segments import Segment
from headrace_consumers.commitlog.model import Chain
from headrace_consumers.commitlog.tip import Tip
from headrace_consumers.records import ROOT, KinesisRecord

RECORD_OVERHEAD_BYTES = 400
"""What a record costs in memory beside its payload: three objects, a partition key and a sequence number."""


_position = attrgetter("position")


class Phase(StrEnum):
    OPENING = "opening"
    ACTIVE = "active"
    PASSIVE = "passive"
    """Fenced: answers messages, commits and checkpoints nothing until the lease is lost."""
    LOST = "lost"


def cost_bytes(records: Sequence[KinesisRecord]) -> int:
    return sum(len(record.data) for record in records) + RECORD_OVERHEAD_BYTES * len(records)


@dataclass(slots=True)
class ShardState:
    """Mutable state of one shard behind one relay. Positions are integers; 0 is the root."""

    pipe: int
    chain: Chain
    phase: Phase = Phase.OPENING
    tip: Tip = field(default_factory=Tip)
    have_from: int = ROOT
    delivered: int = ROOT
    checkpointed: int = ROOT
    alive_ms: int = 0
    gap_judged: bool = False
    pending: list[KinesisRecord] = field(default_factory=list)
    pending_bytes: int = 0
    in_flight: int = 0
    """Records handed to the committer; they stand at the head of `pending`."""
    oldest_s: float = 0.0
    in_hand: str = ""
    """Action of the message that is not answered yet; empty while none is."""
    in_hand_since_s: float = 0.0
    flushing: bool = False
    """The message in hand waits until all that is held is committed."""
    passive_since_s: float = 0.0
    beaten_s: float = float("-inf")
    beaten_at: int = -1
    """The tip that the last heartbeat named."""
    millis_behind_latest: int = 0

    @property
    def shard_id(self) -> str:
        return self.chain.shard_id

    @property
    def checkpoint_due(self) -> bool:
        """A commit stands beyond the last checkpoint, and KCL has delivered up to it."""
        known = bool(self.tip.sequence_number) and self.phase is Phase.ACTIVE
        return known and self.checkpointed < self.tip.position <= self.delivered

    def accept(self, records: Sequence[KinesisRecord], now_s: float) -> int:
        """Holds the records after the tip; how many were skipped because the log has them already."""
        floor = max(self.tip.position, self.delivered)
        fresh = [record for record in records if record.position > floor] if self._overlaps(records, floor) else records
        if records:
            self.delivered = max(self.delivered, records[-1].position)
        if fresh and not self.pending:
            self.oldest_s = now_s
        self.pending.extend(fresh)
        self.pending_bytes += cost_bytes(fresh)
        return len(records) - len(fresh)

    @staticmethod
    def _overlaps(records: Sequence[KinesisRecord], floor: int) -> bool:
        return bool(records) and records[0].position <= floor

    def segment(self) -> Segment:
        """All that is held, as one segment; from here on in flight."""
        self.in_flight = len(self.pending)
        return Segment(self.chain, self.tip, self.have_from, tuple(self.pending))

    def committed(self, tip: Tip, now_s: float) -> None:
        """Drops what the chain has now. What the batch had no room for is as old as before, so the next one is due."""
        taken = bisect_right(self.pending, tip.position, key=_position)
        oldest_s = self.oldest_s if taken < self.in_flight else now_s
        self.tip = tip
        self.in_flight = 0
        self._keep(self.pending[taken:], oldest_s)

    def drop_held(self) -> None:
        """Forgets uncommitted records: another owner has them, or will."""
        self.have_from = max(self.have_from, self.delivered)
        self.in_flight = 0
        self._keep([], 0.0)

    def _keep(self, records: list[KinesisRecord], now_s: float) -> None:
        self.pending = records
        self.pending_bytes = cost_bytes(records)
        self.oldest_s = now_s
