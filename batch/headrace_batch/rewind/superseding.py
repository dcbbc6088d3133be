"""Which commits a rewind supersedes: those with a record at or after the point, and all that hangs on them.

Commits span shards, so a commit that goes takes every later one of its shards along; a shard that is read again takes
its children along, which begin with what it ends with; and batch commits bind what they were made of.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from headrace_batch.committing import find_commit
from headrace_batch.place import Place
from headrace_batch.rewind.arrivals import latest_ms
from headrace_batch.rewind.bonds import Bond, Bonds
from headrace_batch.rewind.chains import ShardChain
from headrace_batch.rewind.points import Point
from headrace_consumers.commitlog.following import Lineage
from headrace_consumers.commitlog.model import Commit, Link, LinkKind
from headrace_consumers.commitlog.rewinding import newest_standing
from headrace_consumers.errors import LogError


@dataclass(slots=True)
class Superseded:
    """Grows until nothing hangs on it any more. Blocks on the network."""

    place: Place
    bonds: Bonds
    shards: Mapping[str, ShardChain]
    commits: dict[str, Commit] = field(default_factory=dict)
    """Of the stream."""
    batch: dict[str, Bond] = field(default_factory=dict)
    _waiting: deque[Commit] = field(default_factory=deque)

    @property
    def retires(self) -> tuple[str, ...]:
        """In one order, however often it is asked; nothing that is out already."""
        return tuple(sorted((self.commits.keys() - set(self.bonds.retired)) | self.batch.keys()))

    def begin(self, point: Point) -> None:
        for shard in self.shards.values():
            if point.concerns(shard.shard_id):
                self._drop(shard, self._beyond(shard, point))

    def settle(self) -> None:
        while self._waiting:
            commit = self._waiting.popleft()
            for shard_id in commit.shards:
                self._drop_through(shard_id, commit)
            for bond in self.bonds.of(commit.attempt_id):
                self._break(bond)

    def _beyond(self, shard: ShardChain, point: Point) -> int:
        """How many of the newest links may have a record at or after the point."""
        count = 0
        for number, link in enumerate(shard.from_(0), start=1):
            if not point.near(link):
                break
            if point.beyond(link) or (link.kind is LinkKind.DATA and self._reaches(link, point)):
                count = number
        return count

    def _reaches(self, link: Link, point: Point) -> bool:
        """By its records. Where they cannot be read, it may."""
        if point.shard_id:
            return False
        found = latest_ms(self.place.store, self._commit(link))
        return found is None or found >= point.to_ms

    def _drop(self, shard: ShardChain, count: int) -> None:
        before = shard.dropped
        for link in shard.drop(count):
            if link.kind is LinkKind.DATA and link.attempt_id not in self.commits:
                self._add(self._commit(link))
        if not before and shard.dropped and shard.terminal is not None:
            for child in shard.terminal.children:
                if child in self.shards:
                    self._drop_all(self.shards[child])

    def _drop_all(self, shard: ShardChain) -> None:
        self._drop(shard, sum(1 for _ in shard.from_(0)))

    def _drop_through(self, shard_id: str, commit: Commit) -> None:
        shard = self.shards.get(shard_id)
        count = shard.through(commit.attempt_id) if shard else None
        if shard is None or count is None:
            if self._came_since(shard_id, commit):
                return
            raise LogError(
                f"commit {commit.attempt_id} would have to go too, and its link of shard {shard_id} has expired; "
                "choose a later point, or `headrace-batch backfill` the raw zone"
            )
        self._drop(shard, count)

    def _came_since(self, shard_id: str, commit: Commit) -> bool:
        """Whether the commit was written after the shard's chain was read: then nothing that was read came behind it.
        Of chains that are not sealed yet; what has expired is older than all that stands."""
        shard = self.shards.get(shard_id)
        read = shard.at(0) if shard else None
        chain = Lineage(commit.pipeline, self.place.generation, self.place.stream_created_ms).chain(shard_id)
        if shard is None or read is None:
            return next(newest_standing(self.place.log, chain), None) is not None
        oldest = min((link.attempt_id for link in shard.links if link.kind is LinkKind.DATA), default="")
        return next(newest_standing(self.place.log, chain), read) != read and commit.attempt_id > oldest

    def _break(self, bond: Bond) -> None:
        if bond.commit_id in self.batch:
            return
        if bond.landed:
            raise LogError(
                f"{bond.kind} {bond.commit_id} mended letters of the stream and of landed files together: the rewind "
                "would take out both, and bring back the stream's only; choose a later point"
            )
        self.batch[bond.commit_id] = bond
        for source in sorted(bond.sources - self.commits.keys()):
            commit = find_commit(self.place, source)
            if commit is None:
                raise LogError(
                    f"{bond.kind} {bond.commit_id} has rows of commit {source}, which has expired from the log; "
                    "choose a later point, or `headrace-batch backfill` the raw zone"
                )
            self._add(commit)

    def _add(self, commit: Commit) -> None:
        if commit.attempt_id not in self.commits:
            self.commits[commit.attempt_id] = commit
            self._waiting.append(commit)

    def _commit(self, link: Link) -> Commit:
        chain = link.chain
        found = self.place.log.commit(chain.pipeline, chain.generation, link.attempt_id)
        if found is None:
            raise LogError(f"shard {chain.shard_id}: a link names commit {link.attempt_id}, which is not there")
        return found


def supersede(place: Place, point: Point, bonds: Bonds) -> Superseded:
    """Of the chains as they stand in the place's generation. Raises LogError."""
    name = place.pipeline.name
    chains = place.log.chains(name, place.generation, place.stream_created_ms)
    shards = {chain.shard_id: ShardChain(chain.shard_id, newest_standing(place.log, chain)) for chain in chains}
    found = Superseded(place, bonds, shards)
    found.begin(point)
    found.settle()
    return found
