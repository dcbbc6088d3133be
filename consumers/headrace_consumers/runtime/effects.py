"""What the engine's core asks of the world: closed types, so that a test can read the exact order of effects."""

from __future__ import annotations

from dataclasses import dataclass

from headrace_consumers.commit.segments import Segment
from headrace_consumers.commitlog.model import Chain
from headrace_consumers.commitlog.tip import Tip


@dataclass(frozen=True, slots=True)
class Answer:
    """Tells the daemon that the message in hand is done."""

    pipe: int
    response_for: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Asks the daemon for a checkpoint while a message is in hand; None only at the shard's end."""

    pipe: int
    sequence_number: str | None


@dataclass(frozen=True, slots=True)
class OpenShard:
    """Job: read the shard's place from the log. Result: OpenedShard."""

    pipe: int
    chain: Chain
    checkpoint: str


@dataclass(frozen=True, slots=True)
class CommitBatch:
    """Job: commit segments of many shards. Result: CommitOutcome."""

    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class EndShard:
    """Job: write the terminal link. Result: the closed Tip, or the foreign Link."""

    pipe: int
    chain: Chain
    tip: Tip


@dataclass(frozen=True, slots=True)
class MarkGap:
    """Job: write a gap link up to `end`. Result: the new Tip, or the foreign Link."""

    pipe: int
    chain: Chain
    tip: Tip
    end: int
    reason: str


@dataclass(frozen=True, slots=True)
class Beat:
    """Job: note that a shard had nothing unread after `position`, its tip. Result: None."""

    chain: Chain
    position: int


Job = OpenShard | CommitBatch | EndShard | MarkGap | Beat
Effect = Answer | Checkpoint | Job
