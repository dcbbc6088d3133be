"""Where each shard would go on, from when the stream has to be read, and whether it still can be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from headrace_batch.place import Place
from headrace_batch.rewind.arrivals import earliest_ms
from headrace_batch.rewind.bonds import read_bonds
from headrace_batch.rewind.chains import ShardChain
from headrace_batch.rewind.points import Point, iso
from headrace_batch.rewind.superseding import Superseded, supersede
from headrace_consumers.commitlog.log import Beat
from headrace_consumers.commitlog.model import Commit, LinkKind
from headrace_consumers.commitlog.tip import Tip
from headrace_producers.errors import TerminalError

START_MARGIN_MS = 60_000
"""Arrival times are approximate: reading begins earlier, and the log skips what it has."""
EXPIRY_MARGIN_MS = 600_000
"""Workers need time to come to the records before the stream forgets them."""
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Cut:
    """Where one shard goes on."""

    shard_id: str
    tip: Tip | None
    """None at the root."""
    children: tuple[str, ...] | None
    """Of a shard that was read to its end, and stays so."""
    links: int
    """So many are superseded."""
    known_ms: int
    """What comes behind the tip arrived no earlier; nothing that did is missing."""


@dataclass(frozen=True, slots=True)
class RewindPlan:
    """What a rewind does."""

    superseded: Superseded
    cuts: tuple[Cut, ...]
    start: str
    """Where the new generation begins to read: TRIM_HORIZON or an ISO 8601 time."""
    lost: Mapping[str, int]
    """Shards whose superseded records the stream may have forgotten, and since when they are needed."""

    @property
    def commits(self) -> Mapping[str, Commit]:
        return self.superseded.commits


def plan_rewind(place: Place, point: Point, batch: list[Commit]) -> RewindPlan:
    """Of the chains in the place's generation, and the batch chain so far. Blocks on the network. Raises LogError."""
    found = supersede(place, point, read_bonds(batch))
    reading = _Reading(place, found)
    cuts = tuple(
        Cut(shard.shard_id, shard.kept_tip(place.store), _children(shard), shard.dropped, reading.needed_ms(shard))
        for shard in found.shards.values()
    )
    return RewindPlan(found, cuts, reading.start(), dict(reading.lost()) if found.commits else {})


def require_readable(place: Place, plan: RewindPlan) -> None:
    """Raises TerminalError where the stream has forgotten what would have to come again."""
    for shard_id, since_ms in sorted(plan.lost.items()):
        raise TerminalError(
            f"stream {place.stream.identity().name}, shard {shard_id}: records would be read again from "
            f"{iso(since_ms)} on, and the stream has forgotten them, or is about to; choose a later point, or bring "
            "them back from the raw zone with `headrace-batch backfill`"
        )


def _children(shard: ShardChain) -> tuple[str, ...] | None:
    return shard.terminal.children if shard.terminal is not None and not shard.dropped else None


@dataclass(frozen=True, slots=True)
class _Reading:
    place: Place
    superseded: Superseded
    first_ms: dict[str, int | None] = field(default_factory=dict)
    """By shard, once it was looked up."""

    def start(self) -> str:
        """Early enough for every shard, and no earlier than the pipeline's own beginning."""
        bounds = [self.needed_ms(shard) for shard in self._known() if not self._is_done(shard)]
        bounds += [self._start_ms(self.place.generation) for _ in self._unknown()]
        start_ms = max(min(bounds, default=0) - START_MARGIN_MS, self._start_ms(1))
        if start_ms <= 0:
            return "TRIM_HORIZON"
        return datetime.fromtimestamp(start_ms // 1000, UTC).isoformat().replace("+00:00", "Z")

    def lost(self) -> Iterator[tuple[str, int]]:
        """Shards that need records which are older than the stream keeps them."""
        for shard in self._known():
            oldest = next((link for link in reversed(shard.links[: shard.dropped]) if link.kind is LinkKind.DATA), None)
            if oldest is not None:
                first_ms = self._first_ms(shard.shard_id, oldest.attempt_id)
                since_ms = oldest.arrival_ms if first_ms is None else first_ms
                if since_ms < self._horizon_ms + EXPIRY_MARGIN_MS:
                    yield shard.shard_id, since_ms

    @property
    def _horizon_ms(self) -> int:
        return self.place.now_ms() - self.place.stream.identity().retention_hours * HOUR_MS

    def _known(self) -> list[ShardChain]:
        return [shard for shard in self.superseded.shards.values() if shard.at(0) is not None]

    def _unknown(self) -> list[str]:
        """Shards of which no link stands, but for those that begin after one of which a link does."""
        listed = self.place.stream.shards()
        found = {shard.shard_id for shard in self._known()}
        bounded = set(found)
        for shard_id, shard in sorted(listed.items()):
            if shard.parents and all(parent in bounded for parent in shard.parents):
                bounded.add(shard_id)
        return sorted((listed.keys() | self.superseded.shards.keys()) - bounded)

    def _is_done(self, shard: ShardChain) -> bool:
        """It ended, and stays so; its children have links of their own, which say from when they are read."""
        if shard.terminal is None or shard.dropped:
            return False
        children = (one.shard_id for one in self.place.stream.shards().values() if shard.shard_id in one.parents)
        found = {one.shard_id for one in self._known()}
        return all(child in found for child in children)

    def needed_ms(self, shard: ShardChain) -> int:
        """No record that the shard has to read arrived before."""
        oldest = shard.links[shard.dropped - 1] if shard.dropped else None
        if oldest is None:
            return max(self._kept_ms(shard), self._beaten_ms(shard))
        if oldest.kind is LinkKind.DATA:
            first_ms = self._first_ms(shard.shard_id, oldest.attempt_id)
            if first_ms is not None:
                return first_ms
        return self._kept_ms(shard)

    def _beaten_ms(self, shard: ShardChain) -> int:
        """When the shard had nothing behind its tip, by its heartbeat."""
        newest = shard.at(0)
        beat = self.place.log.last_beat(newest.chain) if newest is not None else Beat()
        return beat.at_ms if newest is not None and beat.position == newest.end else 0

    def _first_ms(self, shard_id: str, commit_id: str) -> int | None:
        if shard_id not in self.first_ms:
            commit = self.superseded.commits[commit_id]
            self.first_ms[shard_id] = earliest_ms(self.place.store, commit, shard_id)
        return self.first_ms[shard_id]

    def _kept_ms(self, shard: ShardChain) -> int:
        """The arrival of what is kept. A gap's is when it was written, which may be later than what came behind it."""
        horizon_ms, arrival_ms = self._horizon_ms, None
        for link in shard.from_(shard.dropped):
            if link.kind is LinkKind.GAP:
                arrival_ms = None
            elif arrival_ms is None:
                arrival_ms = link.arrival_ms
            if link.arrival_ms < horizon_ms:
                break
        return self._start_ms(1) if arrival_ms is None else arrival_ms

    def _start_ms(self, generation: int) -> int:
        position = self.place.log.start_position(self.place.pipeline.name, "TRIM_HORIZON", generation)
        return 0 if position == "TRIM_HORIZON" else int(datetime.fromisoformat(position).timestamp() * 1000)
