"""Making the files of a commit visible where its writer did not come to it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from headrace_consumers.commitlog.model import Commit
from headrace_consumers.lake.objects import ObjectStore, PendingFile


def complete_pending(store: ObjectStore, *commits: Commit, pool: ThreadPoolExecutor | None = None) -> None:
    """Completes the files that HEAD misses, side by side in the pool; anyone may, at any time. Raises
    MissingFileError."""

    def prove(file: PendingFile, attempt_id: str) -> None:
        if not store.is_complete(file, attempt_id):
            store.complete(file, attempt_id)

    files = [file for commit in commits for file in commit.files]
    attempt_ids = [commit.attempt_id for commit in commits for _ in commit.files]
    list((pool.map if pool else map)(prove, files, attempt_ids))
