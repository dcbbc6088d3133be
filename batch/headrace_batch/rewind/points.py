"""The point that a pipeline goes back to, and which links may have a record at or after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from headrace_batch.times import instant
from headrace_consumers.commitlog.model import Link, LinkKind, Rewind
from headrace_producers.errors import SettingsError

NEAR_MS = 300_000
"""Arrival times are approximate: of commits that end so shortly before the point, the records themselves are asked."""


@dataclass(frozen=True, slots=True)
class Point:
    """A time of arrival; or, where `shard_id` is not empty, one record."""

    to_ms: int = 0
    shard_id: str = ""
    sequence_number: str = ""

    def near(self, link: Link) -> bool:
        """Whether links before this one need looking at."""
        return link.end >= int(self.sequence_number) if self.shard_id else link.arrival_ms >= self.to_ms - NEAR_MS

    def beyond(self, link: Link) -> bool:
        """Whether the link has, by its own word, a record at or after the point."""
        if link.kind not in {LinkKind.DATA, LinkKind.GAP}:
            return False
        return link.end >= int(self.sequence_number) if self.shard_id else link.arrival_ms >= self.to_ms

    def concerns(self, shard_id: str) -> bool:
        return self.shard_id in {"", shard_id}

    def __str__(self) -> str:
        if self.shard_id:
            return f"record {self.sequence_number} of {self.shard_id}"
        return iso(self.to_ms)


def parse_point(to: str, shard: str) -> Point:
    """Of the command line. Raises SettingsError."""
    if to.isdecimal():
        if not shard:
            raise SettingsError(f"--to {to} is a sequence number; say whose with --shard")
        return Point(shard_id=shard, sequence_number=to)
    if shard:
        raise SettingsError("--shard belongs to a sequence number; a time concerns all shards")
    return Point(to_ms=int(instant("--to", to, ", and no sequence number").timestamp() * 1000))


def point_of(rewind: Rewind) -> Point:
    return Point(rewind.to_ms, rewind.shard_id, rewind.sequence_number)


def iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
