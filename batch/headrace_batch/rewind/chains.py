"""One shard's chain, read from its end as far as it is asked for, and how much of it is superseded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from headrace_consumers.commitlog.model import Link, LinkKind
from headrace_consumers.commitlog.tip import Tip, replay
from headrace_consumers.lake.objects import ObjectStore


@dataclass(slots=True)
class ShardChain:
    """Mutable. Links are numbered from the newest on, through all generations that stand."""

    shard_id: str
    rest: Iterator[Link]
    links: list[Link] = field(default_factory=list)
    dropped: int = 0
    """So many links, from the newest on, are superseded."""

    def at(self, number: int) -> Link | None:
        """Reads on where it must."""
        while number >= len(self.links):
            link = next(self.rest, None)
            if link is None:
                return None
            self.links.append(link)
        return self.links[number]

    def from_(self, number: int) -> Iterator[Link]:
        while (link := self.at(number)) is not None:
            yield link
            number += 1

    def drop(self, count: int) -> list[Link]:
        """Supersedes so many in all; those that were not before."""
        fresh = self.links[self.dropped : count]
        self.dropped = max(self.dropped, count)
        return fresh

    def through(self, commit_id: str) -> int | None:
        """How many links there are up to this commit's; None where it has none."""
        for number, link in enumerate(self.from_(0)):
            if link.attempt_id == commit_id and link.kind is LinkKind.DATA:
                return number + 1
        return None

    @property
    def terminal(self) -> Link | None:
        newest = self.at(0)
        return newest if newest is not None and newest.kind is LinkKind.TERMINAL else None

    def kept(self) -> Iterator[Link]:
        """The links that are not superseded, newest first, but for the shard's end."""
        return (link for link in self.from_(self.dropped) if link.kind is not LinkKind.TERMINAL)

    def kept_tip(self, store: ObjectStore) -> Tip | None:
        """What the shard goes on with; None at the root. Of a chain that has expired but for its end, that end."""
        tip = replay(self.kept(), store)
        if tip is None and not self.dropped and self.terminal is not None:
            return replay(iter([self.terminal]), store)
        return tip
