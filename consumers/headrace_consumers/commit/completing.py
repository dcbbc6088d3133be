"""Making the files of a commit visible where its writer did not come to it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from headrace_consumers.commitlog.batch import BatchChain, Gone
from headrace_consumers.commitlog.log import CommitLog
from headrace_consumers.commitlog.model import Commit
from headrace_consumers.errors import MissingFileError
from headrace_consumers.lake.objects import ObjectStore, PendingFile

Pending = Callable[[Commit, int], None]
"""Told of a commit how many of its files are not yet proven complete; 0 once all are."""


def _nobody(_commit: Commit, _files: int) -> None:
    """Nobody is told."""


def complete_pending(
    store: ObjectStore, *commits: Commit, pool: ThreadPoolExecutor | None = None, pending: Pending = _nobody
) -> None:
    """Completes the files that HEAD misses, side by side in the pool; anyone may, at any time. Raises
    MissingFileError."""

    def prove(file: PendingFile, commit: Commit) -> None:
        if not store.is_complete(file, commit.attempt_id):
            pending(commit, len(commit.files))
            store.complete(file, commit.attempt_id)

    files = [file for commit in commits for file in commit.files]
    theirs = [commit for commit in commits for _ in commit.files]
    list((pool.map if pool else map)(prove, files, theirs))
    for commit in commits:
        pending(commit, 0)


def complete_standing(
    log: CommitLog,
    store: ObjectStore,
    commit: Commit,
    pool: ThreadPoolExecutor | None = None,
    pending: Pending = _nobody,
) -> None:
    """As `complete_pending`, of a commit of the stream: what batch has retired or replaced since may be missing."""
    try:
        complete_pending(store, commit, pool=pool, pending=pending)
    except MissingFileError:
        complete_rest(log, store, commit)
        pending(commit, 0)


def complete_rest(log: CommitLog, store: ObjectStore, commit: Commit) -> None:
    """Where a file of the commit is missing: completes those that are of the lake still, if that is why. Raises
    MissingFileError."""
    gone = Gone(BatchChain(log=log, pipeline=commit.pipeline, generation=commit.generation, owner=""))
    gone.catch_up()
    for file in commit.files:
        if not gone.has(commit.attempt_id, file.bucket, file.key):
            store.complete(file, commit.attempt_id)
