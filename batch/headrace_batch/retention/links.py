"""Which links a chain can do without. Pure.

What stays is enough to go on with: each chain's last link; all that a follower has not passed; and from the first link
that stays, one with the full lane table, whoever opens the shard, mends or rewinds it can tell what its lanes were.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from headrace_batch.retention.known import Known, is_data
from headrace_batch.retention.passing import Followers
from headrace_consumers.commitlog.model import Link
from headrace_consumers.windows_service.chain import SHARD_ID

_KEPT_OF_WINDOWS = 2
"""Whoever opens that chain sweeps what the link before the last one left."""


@dataclass(frozen=True, slots=True)
class OldLink:
    """A link that goes, and whether its commit goes with it: no other link names that any more."""

    link: Link
    with_commit: bool


def old_links(known: Known, followers: Followers, pending: frozenset[str], before_ms: int) -> Iterator[OldLink]:
    """Oldest first within each chain, so that a chain never has a hole. `pending` are commits with files that are not
    completed: these stand, and somebody will complete them."""
    named = Counter(link.attempt_id for link in known.links if is_data(link))
    for links in known.chains.values():
        for link in links[: _cut(links, lambda one: _may_go(one, followers, pending, before_ms))]:
            named[link.attempt_id] -= 1
            yield OldLink(link, with_commit=is_data(link) and not named[link.attempt_id])


def _may_go(link: Link, followers: Followers, pending: frozenset[str], before_ms: int) -> bool:
    return link.written_ms < before_ms and link.attempt_id not in pending and followers.have_passed(link)


def _cut(links: Sequence[Link], may_go: Callable[[Link], bool]) -> int:
    """How many go: the link after them has all lanes, as every link of windows does, which have none."""
    of_windows = bool(links) and links[0].chain.shard_id == SHARD_ID
    last = len(links) - (_KEPT_OF_WINDOWS if of_windows else 1)
    going = next((number for number, link in enumerate(links) if number >= last or not may_go(link)), 0)
    return next((number for number in range(going, 0, -1) if of_windows or links[number].lanes_full), 0)
