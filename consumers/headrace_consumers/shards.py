"""What the log must know of the stream itself: which shards there are, and who came from whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard as ListShards tells it; the hash range is inclusive at both ends."""

    shard_id: str
    first_hash: int
    last_hash: int
    parents: tuple[str, ...] = ()
    closed: bool = False


@dataclass(frozen=True, slots=True)
class StreamIdentity:
    """A stream by name and birth: a recreated stream has the same name and shard ids, never the same birth."""

    name: str
    created_ms: int
    retention_hours: int


class StreamView(Protocol):
    """Asks Kinesis afresh at each call; may block and raises TransientError."""

    def identity(self) -> StreamIdentity: ...

    def shards(self) -> Mapping[str, Shard]: ...


def children_of(parent: str, shards: Mapping[str, Shard]) -> tuple[str, ...]:
    """The shards that go on from `parent`; empty while ListShards does not show all of its hash range covered."""
    children = [shard for shard in shards.values() if parent in shard.parents]
    if parent not in shards:
        return tuple(sorted(child.shard_id for child in children))
    wanted = shards[parent]
    covered_to = wanted.first_hash
    for child in sorted(children, key=lambda shard: shard.first_hash):
        if child.first_hash > covered_to:
            return ()
        covered_to = max(covered_to, child.last_hash + 1)
    return tuple(sorted(child.shard_id for child in children)) if covered_to > wanted.last_hash else ()
