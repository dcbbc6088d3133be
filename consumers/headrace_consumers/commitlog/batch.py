"""The chain of all that batch commits: files that landed, letters that were mended, what was staged once more.

It belongs to the pipeline, to no shard and no generation, and gives such commits one order. A commit is tried at the
chain's end; where another one came first, whoever made it judges whether the two go together, and tries again behind
it. A fence is a link of its own for a thing that may be done once, such as landing one file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from headrace_consumers.commitlog.following import Lineage
from headrace_consumers.commitlog.log import CommitLog, Fenced
from headrace_consumers.commitlog.model import Chain, Commit, Link, LinkKind
from headrace_consumers.errors import FencedError, LogError
from headrace_consumers.records import ROOT

BATCH = "batch"
"""No shard of Kinesis is called so. The chain is never registered: it is none of the stream's."""
_NO_STREAM_MS = 0
NO_GENERATION = 0
RAW_KEPT_FROM = "raw zone kept from"
"""A mark in the log: milliseconds. Raw files of commits before it may have been deleted by their retention."""


def batch_lineage(pipeline: str) -> Lineage:
    """What followers of the chain follow, beside the stream's chains."""
    return Lineage(pipeline, NO_GENERATION, _NO_STREAM_MS)


def batch_chain(pipeline: str) -> Chain:
    return batch_lineage(pipeline).chain(BATCH)


def fence_chain(pipeline: str, name: str) -> Chain:
    return batch_lineage(pipeline).chain(f"fence#{name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchChain:
    """Reads the chain and extends it. Every call may block on the network."""

    log: CommitLog
    pipeline: str
    generation: int
    """Of the pipeline, when the work began: a rewind ends it."""
    owner: str

    def position(self) -> int:
        """Where the chain ends."""
        newest = next(self.log.newest_links(batch_chain(self.pipeline)), None)
        return newest.end if newest else ROOT

    def after(self, position: int) -> Iterator[Commit]:
        """The commits behind this position, oldest first. Raises LogError."""
        for link in self.log.links_after(batch_chain(self.pipeline), position):
            commit = self.log.commit(self.pipeline, NO_GENERATION, link.attempt_id)
            if commit is None:
                raise LogError(f"the batch chain of {self.pipeline} names commit {link.attempt_id}, which is missing")
            yield commit

    def fence(self, name: str) -> Link | None:
        """Who did the thing of this name."""
        return self.log.link_at(fence_chain(self.pipeline, name), ROOT)

    def append(
        self, commit: Commit, position: int, goes_with: Callable[[Commit], bool], fences: Sequence[str] = ()
    ) -> int:
        """Commits at the chain's end, which was `position` when the work was planned; the new end. `goes_with` judges
        each commit that came in between. Raises FencedError where one does not, or where a fence stands;
        GenerationRaisedError after a rewind. Safe to repeat after an unknown outcome."""
        standing = [_fence(self.pipeline, name, commit, self.owner) for name in fences]
        while True:
            links = [_link(self.pipeline, position, commit, self.owner), *standing]
            outcome = self.log.append(commit, links, self.owner, self.generation)
            if not isinstance(outcome, Fenced):
                return position + 1
            self._require_free(outcome, fences)
            for other in self.after(position):
                position += 1
                if other.attempt_id == commit.attempt_id:
                    return position
                if not goes_with(other):
                    raise FencedError(
                        f"batch commit {other.attempt_id} ({other.kind}) of pipeline {self.pipeline} came first and "
                        "changed what this one builds on; run the command again"
                    )

    def _require_free(self, outcome: Fenced, fences: Sequence[str]) -> None:
        for name in fences:
            link = outcome.standing.get(fence_chain(self.pipeline, name).shard_id)
            if link is not None:
                raise FencedError(f"{name} was done before, by commit {link.attempt_id}")


@dataclass(slots=True)
class Gone:
    """Mutable: what batch has taken out of the lake, as far as its chain was read. Who follows the stream reads it to
    its end before each stretch, and once more where a file is missing: a commit that is retired is passed without its
    files, whether it was met before or after."""

    chain: BatchChain
    position: int = ROOT
    retired: set[str] = field(default_factory=set)
    replaced: set[tuple[str, str]] = field(default_factory=set)
    """Bucket and key."""

    def catch_up(self) -> list[Commit]:
        """The commits that came since. Blocks on the network."""
        found = list(self.chain.after(self.position))
        for commit in found:
            self.retired.update(commit.retires)
            self.replaced.update((file.bucket, file.key) for file in commit.replaces)
        self.position += len(found)
        return found

    def has(self, commit_id: str, bucket: str, key: str) -> bool:
        """Whether this file of the commit is of the lake no more."""
        return commit_id in self.retired or (bucket, key) in self.replaced


def _link(pipeline: str, position: int, commit: Commit, owner: str) -> Link:
    return Link(
        chain=batch_chain(pipeline),
        start=position,
        end=position + 1,
        end_sequence_number=str(position + 1),
        attempt_id=commit.attempt_id,
        ordinal=position,
        counts=commit.counts,
        written_ms=commit.written_ms,
        owner=owner,
    )


def _fence(pipeline: str, name: str, commit: Commit, owner: str) -> Link:
    return Link(
        chain=fence_chain(pipeline, name),
        start=ROOT,
        end=ROOT,
        end_sequence_number="",
        attempt_id=commit.attempt_id,
        kind=LinkKind.FENCE,
        written_ms=commit.written_ms,
        owner=owner,
    )
