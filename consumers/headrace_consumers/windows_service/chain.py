"""The windows service's own chain: one link per commit, so a rival is fenced as any engine is.

The steps are those of every commit: upload pending, write commit and link in one transaction, complete. What the newest
commit supersedes of the state is deleted last; a service that still wanted it is behind, hence fenced.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import TypeVar

from headrace_consumers.commit.attempts import new_attempt_id
from headrace_consumers.commit.completing import complete_standing
from headrace_consumers.commitlog.following import Lineage
from headrace_consumers.commitlog.log import CommitLog, Fenced
from headrace_consumers.commitlog.model import Chain, Commit, Counts, Link
from headrace_consumers.errors import FencedError, GenerationRaisedError, LogError, MissingFileError
from headrace_consumers.lake.objects import EncodedFile, ObjectStore, PendingFile
from headrace_consumers.records import ROOT
from headrace_consumers.windows_service.files import MANIFEST
from headrace_consumers.windows_service.manifest import Manifest, decode_manifest
from headrace_consumers.windows_service.watermarks import MINUS_INFINITY_US

T = TypeVar("T")
R = TypeVar("R")
SHARD_ID = "windows"
"""No shard of Kinesis is called so. The chain is never registered: it is none of the stream's."""


@dataclass(frozen=True, slots=True)
class WindowsTip:
    """Where the chain ends, and what its newest commit left."""

    position: int = ROOT
    manifest: Manifest = field(default_factory=Manifest)
    place: tuple[str, str] | None = None
    """Bucket and key of the manifest; None before the first commit."""

    @property
    def files(self) -> set[tuple[str, str]]:
        """All objects that the next start needs."""
        return self.manifest.files | ({self.place} if self.place else set())


@dataclass(frozen=True, slots=True)
class Draft:
    """A commit in the making: its files are uploaded, and no reader sees them."""

    attempt_id: str
    now_ms: int
    files: tuple[PendingFile, ...]
    manifest: Manifest
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsChain:
    """Reads the chain and extends it. A generation without a link begins with what the newest link of the one before
    left, which is deleted once a link of its own stands. Every call may block on the network."""

    log: CommitLog
    store: ObjectStore
    lineage: Lineage
    now_ms: Callable[[], int]
    owner: str
    contracts: tuple[str, ...] = ()
    pool: ThreadPoolExecutor | None = None
    """Moves the files of a commit side by side; one after the other without it."""

    @property
    def chain(self) -> Chain:
        return self.lineage.chain(SHARD_ID)

    def open(self) -> WindowsTip:
        """The chain's end, its files completed, and what it superseded gone. Raises LogError, MissingFileError."""
        while link := self._to_begin_with():
            try:
                tip = self._tip(link)
            except MissingFileError:
                self._require_generation()
                if self._to_begin_with() == link:
                    raise
            else:
                self._sweep(link, tip)
                return tip
        return WindowsTip()

    def _to_begin_with(self) -> Link | None:
        return self._newest() or self._newest_before(self.lineage.generation)

    def _newest_before(self, generation: int) -> Link | None:
        """Of the generations before this one; they are sealed. Numbers may be left out."""
        older = (replace(self.lineage, generation=number).chain(SHARD_ID) for number in range(generation - 1, 0, -1))
        return next((link for chain in older for link in self.log.newest_links(chain)), None)

    def _before(self, link: Link) -> Link | None:
        if link.start > ROOT:
            return self.log.link_at(link.chain, link.start - 1)
        return self._newest_before(link.chain.generation)

    def _require_generation(self) -> None:
        if self.log.generation(self.lineage.pipeline) != self.lineage.generation:
            raise GenerationRaisedError(
                f"pipeline {self.lineage.pipeline}: a rewind has superseded the generation that this service began in"
            )

    def _sweep(self, link: Link, tip: WindowsTip) -> None:
        """Its writer may have died before it came to that."""
        before = self._before(link)
        if before is not None:
            with suppress(MissingFileError):
                self._drop(self._left_by(before), tip)

    def _drop(self, before: WindowsTip, after: WindowsTip) -> None:
        """The manifest last: while it is there, all that it names can be found."""
        gone = before.files - after.files
        self.each(lambda place: self.store.delete(*place), sorted(gone - {before.place}))
        self.each(lambda place: self.store.delete(*place), sorted(gone & {before.place}))

    def _tip(self, link: Link) -> WindowsTip:
        complete_standing(self.log, self.store, self._commit_of(link), self.pool)
        return self._left_by(link)

    def _left_by(self, link: Link) -> WindowsTip:
        place = manifest_place(self._commit_of(link).files)
        manifest = decode_manifest(self.store.read(*place), link.chain.generation)
        return WindowsTip(link.end if link.chain == self.chain else ROOT, manifest, place)

    def _commit_of(self, link: Link) -> Commit:
        commit = self.log.commit(self.lineage.pipeline, link.chain.generation, link.attempt_id)
        if commit is None:
            raise LogError(f"the windows' chain names commit {link.attempt_id}, which is missing")
        return commit

    def has_moved(self, tip: WindowsTip) -> bool:
        """Another service has committed since. Raises GenerationRaisedError where it may be of a newer generation."""
        self._require_generation()
        link = self._newest()
        return (link.end if link else ROOT) != tip.position

    def new_attempt(self) -> tuple[str, int]:
        now_ms = self.now_ms()
        return new_attempt_id(now_ms), now_ms

    def upload(self, files: Sequence[EncodedFile], attempt_id: str) -> tuple[PendingFile, ...]:
        return tuple(self.each(lambda file: self.store.upload_pending(file, attempt_id), files))

    def append(self, tip: WindowsTip, draft: Draft) -> WindowsTip:
        """Commits, makes the files visible, and drops the state that they supersede. Raises FencedError where another
        service was faster, GenerationRaisedError after a rewind."""
        outcome = self.log.append(self._commit(draft), [self._link(tip, draft)], self.owner)
        if isinstance(outcome, Fenced):
            self.each(self.store.abort, draft.files)
            raise FencedError("another windows service of this pipeline is ahead; starting over from its state")
        self.each(lambda file: self.store.complete(file, draft.attempt_id), draft.files)
        after = WindowsTip(tip.position + 1, draft.manifest, manifest_place(draft.files))
        self._drop(tip, after)
        return after

    def each(self, call: Callable[[T], R], items: Sequence[T]) -> list[R]:
        return list(self.pool.map(call, items) if self.pool else map(call, items))

    def _newest(self) -> Link | None:
        return next(self.log.newest_links(self.chain), None)

    def _commit(self, draft: Draft) -> Commit:
        return Commit(
            attempt_id=draft.attempt_id,
            pipeline=self.lineage.pipeline,
            generation=self.lineage.generation,
            files=draft.files,
            shards=(SHARD_ID,),
            contracts=self.contracts,
            code_version=version("headrace-consumers"),
            written_ms=draft.now_ms,
            counts=Counts(rows=draft.rows),
        )

    def _link(self, tip: WindowsTip, draft: Draft) -> Link:
        """Its highest event time is the low watermark, so that whoever looks at the chain needs no manifest."""
        low_us = draft.manifest.low_watermark_us
        return Link(
            chain=self.chain,
            start=tip.position,
            end=tip.position + 1,
            end_sequence_number=str(tip.position + 1),
            attempt_id=draft.attempt_id,
            ordinal=tip.position,
            highest_event_time_us=None if low_us == MINUS_INFINITY_US else low_us,
            counts=Counts(rows=draft.rows),
            written_ms=draft.now_ms,
            owner=self.owner,
        )


def manifest_place(files: Sequence[PendingFile]) -> tuple[str, str]:
    """Bucket and key of the manifest among a commit's files."""
    return next((file.bucket, file.key) for file in files if file.partition == MANIFEST)
