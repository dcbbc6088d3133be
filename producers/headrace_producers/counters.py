"""What a producer has done so far."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProducerCounters:
    """One consistent-enough snapshot: each figure is exact, all are of about the same moment."""

    put_events: int = 0
    refused_events: int = 0
    """Broke their contract, or were too large."""
    delivered_events: int = 0
    unknown_events: int = 0
    lost_events: int = 0
    delivered_packs: int = 0
    delivered_bytes: int = 0
    calls: int = 0
    failed_calls: int = 0
    """Calls that failed as a whole, or whose answer was lost."""
    retried_packs: int = 0
    """Attempts after the first."""
    shard_map_refreshes: int = 0
    buffered_events: int = 0
    buffered_bytes: int = 0
    spooled_packs: int = 0
    spooled_bytes: int = 0


@dataclass(slots=True)
class Tally:
    """The sender's own running figures; only its thread writes them."""

    delivered_events: int = 0
    unknown_events: int = 0
    lost_events: int = 0
    delivered_packs: int = 0
    delivered_bytes: int = 0
    calls: int = 0
    failed_calls: int = 0
    retried_packs: int = 0
    shard_map_refreshes: int = 0
