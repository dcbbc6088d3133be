"""`headrace-batch standing MODULE:PIPELINE`."""

from __future__ import annotations

import sys
from collections import Counter

import msgspec

from headrace_batch.place import LAKE, LOG, Flag, Lake, Log, opened_in_rewind


class TableStanding(msgspec.Struct, frozen=True):
    """One table of the lake, as the log has it."""

    table: str
    files: int
    rows: int
    bytes: int


def standing(pipeline: str, /, *, stream: str = "", lake: Lake = LAKE, log: Log = LOG, json: Flag = False) -> int:
    """Print which files the lake is made of, table by table: those that no later commit retired or replaced.

    Parameters
    ----------
    pipeline
        MODULE:PIPELINE, such as my_team.pipelines:flights; the working directory is importable.
    stream
        Reads this stream instead of the pipeline's own.
    json
        Print one JSON document.
    """
    with opened_in_rewind(pipeline, stream, lake, log, "standing") as place:
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
