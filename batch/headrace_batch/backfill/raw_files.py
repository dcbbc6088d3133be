"""Raw files in the lake: whether they are there, when their first record arrived, and their bytes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from headrace_batch.side_by_side import each
from headrace_consumers.errors import LogError, MissingFileError
from headrace_consumers.lake.objects import ObjectStore, PendingFile
from headrace_consumers.lake.parquet import read_footer

Source = tuple[str, PendingFile]
"""A commit of the stream, and its raw file."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def require_whole(store: ObjectStore, sources: Iterable[Source]) -> None:
    """All are readable; those that are pending still are completed. Raises LogError naming the first that is gone."""
    each(lambda source: _make_whole(store, *source), list(sources))


def _make_whole(store: ObjectStore, commit_id: str, file: PendingFile) -> None:
    try:
        if not store.is_complete(file, commit_id):
            store.complete(file, commit_id)
    except MissingFileError:
        raise _gone(commit_id, file) from None


def _gone(commit_id: str, file: PendingFile) -> LogError:
    return LogError(
        f"the raw file s3://{file.bucket}/{file.key} of commit {commit_id} is not there any more, so its records "
        "cannot be staged once more; choose a span that begins after the raw zone's retention, or without this commit"
    )


def read_whole(store: ObjectStore, commit_id: str, file: PendingFile) -> bytes:
    """Raises LogError where it is gone."""
    try:
        return store.read(file.bucket, file.key)
    except MissingFileError:
        raise _gone(commit_id, file) from None


def first_arrival_ms(store: ObjectStore, commit_id: str, file: PendingFile) -> int:
    """By the footer's statistics. Raises LogError where the file is gone."""
    _make_whole(store, commit_id, file)
    metadata = read_footer(store, file.bucket, file.key)
    column = metadata.schema.names.index("arrival_time")
    firsts = [metadata.row_group(group).column(column).statistics.min for group in range(metadata.num_row_groups)]
    return int((min(firsts) - _EPOCH).total_seconds() * 1000)
