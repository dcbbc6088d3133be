"""What the log still knows: chains with all their links, and which attempts they name. Blocks on the network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from headrace_batch.place import Place
from headrace_consumers.commitlog.following import Lineage
from headrace_consumers.commitlog.model import Chain, Commit, Link, LinkKind
from headrace_consumers.lake.listing import Listed
from headrace_consumers.records import ROOT
from headrace_consumers.windows_service.chain import SHARD_ID

_NONE = "0" * 28


class Standing(StrEnum):
    """What the log says of an attempt."""

    KNOWN = "known"
    EXPIRED = "expired"
    """It may have been a commit whose links are gone: what it wrote is the lake's."""
    ORPHANED = "orphaned"
    """No commit of the log, which would still have it."""
    FOREIGN = "foreign"
    """The key names no attempt, or one from before this stream."""


@dataclass(frozen=True, slots=True)
class Known:
    """The log as it was read."""

    chains: Mapping[Chain, tuple[Link, ...]]
    """Of shards and of windows, in all generations."""
    batch: Mapping[str, Commit]
    expired_up_to: str
    """Every commit that may have expired has this attempt id, or a lesser one."""
    stream_created_ms: int

    @property
    def links(self) -> Iterator[Link]:
        return (link for links in self.chains.values() for link in links)

    @property
    def attempts(self) -> frozenset[str]:
        return frozenset(link.attempt_id for link in self.links) | self.batch.keys()

    def of(self, found: Listed, attempts: frozenset[str]) -> Standing:
        if not found.attempt_id:
            return Standing.FOREIGN
        if found.attempt_id in attempts:
            return Standing.KNOWN
        if found.written_ms < self.stream_created_ms:
            return Standing.FOREIGN
        return Standing.EXPIRED if found.attempt_id <= self.expired_up_to else Standing.ORPHANED


def read_known(place: Place) -> Known:
    """The batch chain never expires: by what it retired and replaced, followers judge whatever they meet."""
    chains = {chain: tuple(place.log.links_after(chain, ROOT)) for chain in _chains(place)}
    batch = {commit.attempt_id: commit for commit in place.chain.after(ROOT)}
    firsts = (links[0] for links in chains.values() if links)
    cut = [link.attempt_id for link in firsts if link.start != ROOT]
    return Known(chains, batch, max(cut, default=_NONE), place.stream_created_ms)


def _chains(place: Place) -> Iterator[Chain]:
    name, created_ms = place.pipeline.name, place.stream_created_ms
    for generation in range(1, place.generation + 1):
        yield from place.log.chains(name, generation, created_ms)
        yield Lineage(name, generation, created_ms).chain(SHARD_ID)


def is_data(link: Link) -> bool:
    return link.kind is LinkKind.DATA
