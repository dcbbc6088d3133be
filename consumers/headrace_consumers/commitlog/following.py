"""Following the log: its commits, each once, in an order in which every link is its shard's next.

A commit of several shards stands in several chains. It is given out when it is next in all of them, so positions move
for all of its shards together. Since each commit was one transaction, such an order always exists.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from headrace_consumers.commitlog.log import CommitLog
from headrace_consumers.commitlog.model import Chain, Commit, Link, LinkKind
from headrace_consumers.errors import LogError
from headrace_consumers.records import ROOT


class Progress(Protocol):
    """How far a follower is in a shard's chain."""

    @property
    def position(self) -> int: ...

    @property
    def ended(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Lineage:
    """Whose chains are followed: one generation of a pipeline on one birth of its stream."""

    pipeline: str
    generation: int
    stream_created_ms: int

    def chain(self, shard_id: str) -> Chain:
        return Chain(self.pipeline, self.generation, self.stream_created_ms, shard_id)


@dataclass(frozen=True, slots=True)
class Advance:
    """One commit with all of its links; or a gap or an end, which moves one shard alone."""

    links: tuple[Link, ...]
    commit: Commit | None = None


def follow(
    log: CommitLog, lineage: Lineage, progress: Mapping[str, Progress], shard_ids: Iterable[str]
) -> Iterator[Advance]:
    """What stands after `progress`, oldest first; ends where nothing is ready. Raises LogError where the log lacks
    something that it names."""
    following = _Following(log, lineage, progress)
    for shard_id in shard_ids:
        following.open(shard_id)
    while advance := following.next_ready():
        yield advance


@dataclass(slots=True)
class _Following:
    log: CommitLog
    lineage: Lineage
    progress: Mapping[str, Progress]
    chains: dict[str, Iterator[Link]] = field(default_factory=dict)
    heads: dict[str, Link] = field(default_factory=dict)
    """Shard to its next link; shards that are at their tip have none."""
    commits: dict[str, Commit] = field(default_factory=dict)
    """Those that were met and are not ready."""

    def open(self, shard_id: str) -> None:
        if shard_id in self.chains:
            return
        known = self.progress.get(shard_id)
        position = known.position if known else ROOT
        links = self.log.links_after(self.lineage.chain(shard_id), position)
        self.chains[shard_id] = iter(()) if known and known.ended else links
        self._step(shard_id, position)

    def next_ready(self) -> Advance | None:
        """Attempt ids begin with their time, so shards advance together."""
        opened = -1
        while opened < len(self.chains):
            opened = len(self.chains)
            for head in sorted(self.heads.values(), key=lambda link: link.attempt_id):
                if advance := self._advance(head):
                    self._pass(advance)
                    return advance
        return None

    def _advance(self, head: Link) -> Advance | None:
        if head.kind is not LinkKind.DATA:
            return Advance((head,))
        commit = self._commit(head)
        for shard_id in commit.shards:
            self.open(shard_id)
        links = tuple(self.heads[shard_id] for shard_id in commit.shards if shard_id in self.heads)
        ready = len(links) == len(commit.shards) and all(link.attempt_id == head.attempt_id for link in links)
        return Advance(links, commit) if ready else None

    def _pass(self, advance: Advance) -> None:
        for link in advance.links:
            self._step(link.chain.shard_id, link.end)
        self.commits.pop(advance.links[0].attempt_id, None)

    def _commit(self, head: Link) -> Commit:
        if head.attempt_id not in self.commits:
            found = self.log.commit(head.chain.pipeline, head.chain.generation, head.attempt_id)
            if found is None:
                raise LogError(
                    f"shard {head.chain.shard_id}: a link names commit {head.attempt_id}, which is not there"
                )
            self.commits[head.attempt_id] = found
        return self.commits[head.attempt_id]

    def _step(self, shard_id: str, position: int) -> None:
        link = next(self.chains[shard_id], None)
        if link is None:
            self.heads.pop(shard_id, None)
        elif link.start != position:
            raise LogError(f"shard {shard_id}: the chain was merged up to {position}, and goes on at {link.start} only")
        else:
            self.heads[shard_id] = link
