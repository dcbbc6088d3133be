"""A pack: the events of one lane that travel as one Kinesis record, and stay together for ever."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from headrace_producers.clock import Instant
from headrace_producers.wire.lane import Lane, pack_key


class Line(msgspec.Struct, frozen=True, gc=False):
    """One encoded event on its way into a pack."""

    ordinal: int
    """Counts the events of a session: what a flush waits for."""
    partition_key: str
    event_id: str
    data: bytes


class Body(msgspec.Struct, frozen=True):
    """What a pack carries, as it goes over the wire."""

    data: bytes
    event_ids: tuple[str, ...]


@dataclass(slots=True, eq=False)
class Pack:
    """Identity and bytes are fixed when the pack is cut; only the state of its delivery changes.

    A retry with other bytes under the same number, or with another hash key, would lose or double events: nothing
    assigns the frozen part again.
    """

    lane: Lane
    number: int
    explicit_hash_key: str
    ordinal: int
    """The smallest of its events'."""
    events: int
    size_bytes: int
    """As it goes over the wire, the partition key apart."""
    held_bytes: int
    """What it takes of the buffer until it is settled; 0 when it waits on disk."""
    body: Body | None
    """None when it waits in the spool."""
    spool_name: str | None = None
    first_attempt: Instant | None = None
    attempts: int = 0
    due_s: float = 0.0
    """On the boot clock: not tried again before."""

    @property
    def partition_key(self) -> str:
        return pack_key(self.lane, self.number)
