"""Making the files of a commit visible where its writer did not come to it."""

from __future__ import annotations

from headrace_consumers.commitlog.model import Commit
from headrace_consumers.lake.objects import ObjectStore


def complete_pending(store: ObjectStore, commit: Commit) -> None:
    """Completes the files that HEAD misses; anyone may, at any time. Raises MissingFileError."""
    for file in commit.files:
        if not store.is_complete(file, commit.attempt_id):
            store.complete(file, commit.attempt_id)
