"""`headrace-batch standing MODULE:PIPELINE`."""

from __future__ import annotations

import sys
from collections import Counter

import msgspec

from headrace_batch.place import LAKE, LOG, Flag, Lake, Log, Place, opened_in_rewind
from headrace_batch.side_by_side import each


class TableStanding(msgspec.Struct, frozen=True):
    """One table of the lake, as the log has it."""

    table: str
    files: int
    rows: int
    bytes: int


def standing(
    pipeline: str,
    /,
    *,
    missing: Flag = False,
    stream: str = "",
    lake: Lake = LAKE,
    log: Log = LOG,
    json: Flag = False,
) -> int:
    """Print which files the lake is made of, table by table: those that no later commit retired or replaced.

    Parameters
    ----------
    pipeline
        MODULE:PIPELINE, such as my_team.pipelines:flights; the working directory is importable.
    missing
        Print instead the addresses of those that are not there as their commits wrote them; exit code 1 for any.
    stream
        Reads this stream instead of the pipeline's own.
    json
        Print one JSON document.
    """
    with opened_in_rewind(pipeline, stream, lake, log, "standing") as place:
        if missing:
            return _tell_missing(place)
        files = [file for commit in place.standing().commits.values() for file in commit.files]
    counts: Counter[str] = Counter(file.table for file in files)
    found = [
        TableStanding(
            table,
            count,
            sum(file.rows for file in files if file.table == table),
            sum(file.bytes for file in files if file.table == table),
        )
        for table, count in sorted(counts.items())
    ]
    if json:
        sys.stdout.write(f"{msgspec.json.encode(found).decode()}\n")
    else:
        if not found:
            sys.stdout.write("nothing stands: no commit of this pipeline has files\n")
        for one in found:
            sys.stdout.write(f"{one.table}: {one.files} files, {one.rows:,} rows, {one.bytes:,} bytes\n")
    return 0


def _tell_missing(place: Place) -> int:
    found = _missing(place)
    sys.stdout.write("".join(f"{address}\n" for address in found))
    return 1 if found else 0


def _missing(place: Place) -> list[str]:
    """By asking S3 for each."""
    files = [(file, commit.attempt_id) for commit in place.standing().commits.values() for file in commit.files]
    there = each(lambda one: place.store.is_complete(*one), files)
    return [f"s3://{file.bucket}/{file.key}" for (file, _), is_there in zip(files, there, strict=True) if not is_there]
