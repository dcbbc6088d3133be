"""What the lake is made of by the log: which commits stand, with which files, and which raw files each came of.

Reads the whole log of a pipeline, as far as it has not expired: for commands, not for the path of an event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from headrace_consumers.commitlog.batch import BatchChain
from headrace_consumers.commitlog.log import CommitLog
from headrace_consumers.commitlog.model import Commit, CommitKind, Link, LinkKind, is_raw
from headrace_consumers.errors import LogError
from headrace_consumers.lake.objects import PendingFile
from headrace_consumers.records import ROOT


@dataclass(frozen=True, slots=True)
class Standing:
    """The sum of the log, by commit id."""

    commits: Mapping[str, Commit]
    """Those that no other one retired, each with the files that are still of the lake."""
    retired: Mapping[str, str]
    """To the commit that retired it."""
    sources: Mapping[str, tuple[str, ...]]
    """Of standing commits of the stream, and of backfills: the commits of the stream whose records they stage."""
    links: Mapping[str, tuple[Link, ...]]
    """Of the commits of the stream, also the retired."""
    raw: Mapping[str, PendingFile]
    """The same: their raw files."""
    position: int
    """Of the batch chain."""


def read_standing(log: CommitLog, pipeline: str, stream_created_ms: int) -> Standing:
    """Blocks on the network. The batch chain is read first: what it retires may only be older. Raises LogError where
    the log lacks a commit that it names."""
    chain = BatchChain(log=log, pipeline=pipeline, generation=log.generation(pipeline), owner="")
    batch = list(chain.after(ROOT))
    fold = _Fold()
    for links, commit in _of_the_stream(log, pipeline, stream_created_ms):
        fold.add_stream(links, commit)
    for commit in batch:
        fold.add_batch(commit)
    return fold.standing(len(batch))


def moved_on(standing: Standing, batch: Sequence[Commit]) -> Standing:
    """The sum once these commits of batch, which came next in its chain, are in it: without reading the log again.
    What came of the stream meanwhile is not in it."""
    if not batch:
        return standing
    fold = _Fold(
        dict(standing.commits), dict(standing.retired), dict(standing.sources), dict(standing.links), dict(standing.raw)
    )
    for commit in batch:
        fold.add_batch(commit)
    return fold.standing(standing.position + len(batch))


def _of_the_stream(log: CommitLog, pipeline: str, stream_created_ms: int) -> Iterator[tuple[tuple[Link, ...], Commit]]:
    for generation in range(1, log.generation(pipeline) + 1):
        links: dict[str, list[Link]] = {}
        for chain in log.chains(pipeline, generation, stream_created_ms):
            for link in log.links_after(chain, ROOT):
                if link.kind is LinkKind.DATA:
                    links.setdefault(link.attempt_id, []).append(link)
        for commit_id, found in sorted(links.items()):
            commit = log.commit(pipeline, generation, commit_id)
            if commit is None:
                raise LogError(f"pipeline {pipeline}: links name commit {commit_id}, which is missing")
            yield tuple(found), commit


@dataclass(slots=True)
class _Fold:
    commits: dict[str, Commit] = field(default_factory=dict)
    retired: dict[str, str] = field(default_factory=dict)
    sources: dict[str, tuple[str, ...]] = field(default_factory=dict)
    links: dict[str, tuple[Link, ...]] = field(default_factory=dict)
    raw: dict[str, PendingFile] = field(default_factory=dict)

    def add_stream(self, links: tuple[Link, ...], commit: Commit) -> None:
        self.commits[commit.attempt_id] = commit
        self.links[commit.attempt_id] = links
        self.sources[commit.attempt_id] = (commit.attempt_id,)
        for file in commit.files:
            if is_raw(commit, file):
                self.raw[commit.attempt_id] = file

    def add_batch(self, commit: Commit) -> None:
        for gone in commit.replaces:
            self._drop_file(gone.commit_id, gone.bucket, gone.key)
        staged: list[str] = []
        for commit_id in commit.retires:
            staged += self.sources.pop(commit_id, ())
            self.commits.pop(commit_id, None)
            self.retired[commit_id] = commit.attempt_id
        self.commits[commit.attempt_id] = commit
        if commit.kind is CommitKind.BACKFILL:
            self.sources[commit.attempt_id] = tuple(sorted(staged))

    def _drop_file(self, commit_id: str, bucket: str, key: str) -> None:
        standing = self.commits.get(commit_id)
        if standing is not None:
            files = tuple(file for file in standing.files if (file.bucket, file.key) != (bucket, key))
            self.commits[commit_id] = replace(standing, files=files)

    def standing(self, position: int) -> Standing:
        return Standing(self.commits, self.retired, self.sources, self.links, self.raw, position)
