"""The commit path: stage, upload pending, write commit and links in one transaction, complete.

Theory of operation. Nothing is visible before the transaction, and everything after it can be redone by anyone who
reads the log: a crash before leaves uploads that no reader sees and that expire; a crash after leaves pending files
that the shard's next opener, or any follower, completes. So there is no state to repair here, only an order to keep.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from typing import TypeVar

from headrace_consumers.commit.attempts import new_attempt_id
from headrace_consumers.commit.completing import Pending, complete_rest
from headrace_consumers.commit.links import (
    Stamp,
    counts_of,
    data_link,
    gap_link,
    terminal_link,
    total,
    with_stored_lanes,
)
from headrace_consumers.commit.segments import Segment
from headrace_consumers.commit.staging import StagedSegments, stage_segments
from headrace_consumers.commitlog.log import Beat, CommitLog, Fenced
from headrace_consumers.commitlog.model import Chain, Commit, Link
from headrace_consumers.commitlog.tip import Tip
from headrace_consumers.errors import GenerationRaisedError, MissingFileError
from headrace_consumers.lake.encode import encode_each
from headrace_consumers.lake.objects import ObjectStore, PendingFile
from headrace_consumers.pipeline import Pipeline
from headrace_consumers.settings import BatchSettings
from headrace_consumers.shards import StreamView, children_of
from headrace_consumers.stages.staged import StagedBatch

T = TypeVar("T")
R = TypeVar("R")
CHILDREN_RETRY_S = 1.0


@dataclass(frozen=True, slots=True)
class CommitOutcome:
    """What became of the segments. Shards in neither map had nothing taken: their records wait for the next batch."""

    tips: Mapping[str, Tip]
    """The new end of each chain that moved."""
    fenced: Mapping[str, Link]
    """The foreign link that stands where ours was to begin."""
    commit: Commit | None = None
    staged: StagedBatch | None = None
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Committer:
    """Commits segments of one engine, one batch at a time; every call may block while AWS is away."""

    pipeline: Pipeline
    limits: BatchSettings
    log: CommitLog
    store: ObjectStore
    stream: StreamView
    now_ms: Callable[[], int]
    engine_id: str
    pool: ThreadPoolExecutor | None = None
    """Uploads and completes the files of a commit side by side; one after the other without it."""
    pause: Callable[[float], None] = time.sleep
    pending: Pending = lambda _commit, _files: None
    moved: Callable[[], None] = lambda: None
    """Told of each file that was uploaded or completed: a commit of very many takes long, and is not stuck."""

    def commit(self, segments: Sequence[Segment]) -> CommitOutcome:
        """Commits as much of the segments as one batch may hold. A fenced shard's rows leave the batch, which is
        written anew under a new attempt id. Raises GenerationRaisedError, MissingFileError."""
        began = time.monotonic()
        fenced: dict[str, Link] = {}
        while standing := [segment for segment in segments if segment.shard_id not in fenced]:
            taken = stage_segments(self.pipeline, standing, self.limits)
            commit, links = self._prepare(taken)
            outcome = self.log.append(commit, links, self.engine_id)
            if isinstance(outcome, Fenced):
                fenced |= outcome.standing
                self._each(self.store.abort, commit.files)
                continue
            self._complete(commit)
            tips = _new_tips(taken, links)
            return CommitOutcome(tips, fenced, commit, taken.staged, time.monotonic() - began)
        return CommitOutcome({}, fenced)

    def end_shard(self, chain: Chain, tip: Tip) -> Tip | Link:
        """Writes the terminal link once ListShards shows who goes on; the closed tip, or the link that fenced us.
        A terminal link that already stands at our tip is as good as our own."""
        if tip.terminal:
            return tip
        while not (children := children_of(chain.shard_id, self.stream.shards())):
            self.pause(CHILDREN_RETRY_S)
        return self._append_alone(terminal_link(chain, tip, children, self._stamp()), tip)

    def mark_gap(self, chain: Chain, tip: Tip, end: int, reason: str) -> Tip | Link:
        """Writes a gap link from the tip to `end`; the new tip, or the link that fenced us."""
        return self._append_alone(gap_link(chain, tip, end, reason, self._stamp()), tip)

    def beat(self, chain: Chain, position: int) -> None:
        """Notes that nothing was unread after `position`, the chain's tip. Raises GenerationRaisedError: who has
        nothing to commit would not learn of a rewind otherwise."""
        if self.log.generation(chain.pipeline) != chain.generation:
            raise GenerationRaisedError(
                f"pipeline {chain.pipeline}: generation {chain.generation} was superseded by a rewind"
            )
        self.log.beat(chain, Beat(self.now_ms(), position))

    def _append_alone(self, link: Link, tip: Tip) -> Tip | Link:
        outcome = self.log.append(None, [with_stored_lanes(link, self.store)], self.engine_id)
        if not isinstance(outcome, Fenced):
            return tip.after(link, tip.lanes)
        standing = outcome.standing[link.chain.shard_id]
        return tip.after(standing, tip.lanes) if standing.kind is link.kind and standing.end == link.end else standing

    def _complete(self, commit: Commit) -> None:
        self.pending(commit, len(commit.files))
        try:
            self._each(lambda file: self.store.complete(file, commit.attempt_id), commit.files)
        except MissingFileError:
            complete_rest(self.log, self.store, commit)
        self.pending(commit, 0)

    def _prepare(self, taken: StagedSegments) -> tuple[Commit, list[Link]]:
        """Uploads the files, pending, and writes down what the transaction will say."""
        stamp = self._stamp()
        spans = {segment.shard_id: (segment.tip.position, segment.last.position) for segment in taken.segments}
        files = encode_each(self.pipeline, taken.staged, stamp.attempt_id, taken.starts, spans)
        pending = self._each(lambda file: self.store.upload_pending(file, stamp.attempt_id), files)
        links = [
            data_link(segment, taken.staged.shards[segment.shard_id], taken.ends[segment.shard_id], stamp)
            for segment in taken.segments
        ]
        return self._describe(stamp, tuple(pending), taken), [with_stored_lanes(link, self.store) for link in links]

    def _describe(self, stamp: Stamp, files: tuple[PendingFile, ...], taken: StagedSegments) -> Commit:
        first = taken.segments[0].chain
        return Commit(
            attempt_id=stamp.attempt_id,
            pipeline=first.pipeline,
            generation=first.generation,
            files=files,
            shards=tuple(segment.shard_id for segment in taken.segments),
            contracts=tuple(sorted(self.pipeline.tables_by_type)),
            code_version=version("headrace-consumers"),
            written_ms=stamp.now_ms,
            counts=total({shard: counts_of(outcome) for shard, outcome in taken.staged.shards.items()}),
        )

    def _stamp(self) -> Stamp:
        now_ms = self.now_ms()
        return Stamp(new_attempt_id(now_ms), now_ms, self.engine_id)

    def _each(self, call: Callable[[T], R], files: Iterable[T]) -> list[R]:
        """Calls begin while later files are still being made."""

        def told(file: T) -> R:
            result = call(file)
            self.moved()
            return result

        return list(self.pool.map(told, files) if self.pool else map(told, files))


def _new_tips(taken: StagedSegments, links: Sequence[Link]) -> dict[str, Tip]:
    return {
        segment.shard_id: segment.tip.after(link, taken.ends[segment.shard_id].lanes)
        for segment, link in zip(taken.segments, links, strict=True)
    }
