"""How far event time is complete: per shard, and over all of them. Pure.

A shard's watermark is its highest event time less the disorder that the pipeline allows. The low watermark is the least
of all shards that count: those being read, and those that will be. A child stands in for its parents once all of them
have ended; until then they count for it. A shard whose heartbeat names the very tip that was merged has nothing to say
and holds nobody back. So a heartbeat may bring windows forward, and whatever it brought too early is revised.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from headrace_consumers.commitlog.log import Beat
from headrace_consumers.commitlog.model import Link, LinkKind
from headrace_consumers.records import ROOT
from headrace_consumers.shards import Shard

MINUS_INFINITY_US = -(1 << 62)
_NO_BEAT = Beat()


class ShardProgress(msgspec.Struct, frozen=True):
    """How far a shard's chain is merged."""

    position: int = ROOT
    highest_event_time_us: int | None = None
    watermark_us: int = MINUS_INFINITY_US
    """Never moves back."""
    ended: bool = False
    children: tuple[str, ...] = ()
    """Of an ended shard, as its terminal link names them; ListShards forgets."""

    def after(self, link: Link) -> ShardProgress:
        """The progress once `link`, the next of the chain, is merged."""
        times = [time for time in (self.highest_event_time_us, link.highest_event_time_us) if time is not None]
        return msgspec.structs.replace(
            self,
            position=link.end,
            highest_event_time_us=max(times, default=None),
            ended=link.kind is LinkKind.TERMINAL,
            children=link.children,
        )


@dataclass(frozen=True, slots=True)
class Watermarks:
    """What is known now, in microseconds since the epoch."""

    shards: Mapping[str, int]
    """Of each shard that counts."""
    low_us: int = MINUS_INFINITY_US
    held_back_by: str = ""
    """The shard whose watermark is the least; empty where none counts."""


def read_watermarks(
    progress: Mapping[str, ShardProgress],
    listed: Mapping[str, Shard],
    beats: Mapping[str, Beat],
    max_disorder_us: int,
) -> Watermarks:
    """`progress` has every shard with a chain in the log, `listed` what ListShards shows."""
    family = _Family.of(progress, listed)
    counting = sorted(family.counting())
    own = {shard_id: family.watermark(shard_id, max_disorder_us) for shard_id in counting}
    idle = {shard_id for shard_id in counting if family.is_idle(shard_id, beats)}
    lifted = _lifted(own, idle, beats, max_disorder_us)
    if not lifted:
        return Watermarks({})
    last = min(lifted, key=lambda shard_id: lifted[shard_id])
    return Watermarks(lifted, lifted[last], last)


def _lifted(
    own: Mapping[str, int], idle: Collection[str], beats: Mapping[str, Beat], max_disorder_us: int
) -> dict[str, int]:
    """Idle shards follow the furthest of the others; where all are idle, the clock of their heartbeats."""
    furthest = max(own.values(), default=MINUS_INFINITY_US)
    lifted = {shard_id: furthest if shard_id in idle else watermark for shard_id, watermark in own.items()}
    if len(idle) < len(own):
        return lifted
    return {
        shard_id: max(watermark, beats[shard_id].at_ms * 1000 - max_disorder_us)
        for shard_id, watermark in lifted.items()
    }


@dataclass(frozen=True, slots=True)
class _Family:
    """The shards that are, or will be, read: those with a chain, the open ones, and all that descend from them."""

    progress: Mapping[str, ShardProgress]
    members: Collection[str]
    parents: Mapping[str, Collection[str]]
    """Of members, as far as they are members."""

    @classmethod
    def of(cls, progress: Mapping[str, ShardProgress], listed: Mapping[str, Shard]) -> _Family:
        born = _parents(progress, listed)
        members = {*progress, *(shard.shard_id for shard in listed.values() if not shard.closed)}
        while fresh := {shard_id for shard_id in listed.keys() - members if born[shard_id] & members}:
            members |= fresh
        return cls(progress, members, {shard_id: born[shard_id] & members for shard_id in members})

    def counting(self) -> Iterator[str]:
        """The begun that have not ended; the ended while a child of theirs waits for its other parent."""
        waited_for = {parent for child in self.members if not self._begun(child) for parent in self.parents[child]}
        for shard_id in self.members:
            if shard_id in waited_for if self._ended(shard_id) else self._begun(shard_id):
                yield shard_id

    def watermark(self, shard_id: str, max_disorder_us: int) -> int:
        """Its own, or where it has none yet, what its parents leave it."""
        known = self.progress.get(shard_id, ShardProgress())
        heard = known.highest_event_time_us
        own = max(known.watermark_us, MINUS_INFINITY_US if heard is None else heard - max_disorder_us)
        left = [self.watermark(parent, max_disorder_us) for parent in self.parents[shard_id]]
        return max(own, min(left, default=MINUS_INFINITY_US))

    def is_idle(self, shard_id: str, beats: Mapping[str, Beat]) -> bool:
        known = self.progress.get(shard_id)
        return known is not None and not known.ended and beats.get(shard_id, _NO_BEAT).position == known.position

    def _begun(self, shard_id: str) -> bool:
        return all(self._ended(parent) for parent in self.parents[shard_id])

    def _ended(self, shard_id: str) -> bool:
        return shard_id in self.progress and self.progress[shard_id].ended


def _parents(progress: Mapping[str, ShardProgress], listed: Mapping[str, Shard]) -> Mapping[str, set[str]]:
    """Shard to parents, by ListShards and by terminal links."""
    born: dict[str, set[str]] = defaultdict(set)
    for shard in listed.values():
        born[shard.shard_id] |= set(shard.parents)
    for parent, known in progress.items():
        for child in known.children:
            born[child].add(parent)
    return born
