"""What became of events: told per pack, to a callback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """The ends that a pack can take."""

    DELIVERED = "delivered"
    """In the stream."""
    UNKNOWN = "unknown"
    """Attempted without a clear answer and too old to be sent again safely: in the stream once, or not at all."""
    LOST = "lost"
    """Never attempted, and given up at close() or at a fork's child, without a spool: certainly not in the stream."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One pack's end. Events keep their order."""

    outcome: Outcome
    event_ids: tuple[str, ...]
    shard_id: str | None = None
    """The shard that took it, when delivered."""
    sequence_number: str | None = None


OnDelivery = Callable[[Delivery], None]
"""Called on the sender's thread: be quick, do not put() there. What it raises is logged and changes nothing."""
