"""`headrace-batch rewind MODULE:PIPELINE`."""

from __future__ import annotations

import sys

import msgspec

from headrace_batch.place import LAKE, LOG, Flag, Lake, Log, opened_in_rewind, require_reason
from headrace_batch.rewind.points import parse_point
from headrace_batch.rewind.report import sentences
from headrace_batch.rewind.rewinding import go_back


def rewind(
    pipeline: str,
    /,
    *,
    to: str,
    reason: str,
    shard: str = "",
    dry_run: Flag = False,
    stream: str = "",
    lake: Lake = LAKE,
    log: Log = LOG,
    json: Flag = False,
) -> int:
    """Go back to a point of the stream: what came after it leaves lake and warehouse, and workers bring it once more.

    Whole commits go: each that may have a record at or after the point, and each later one of its shards. Running
    workers start over by themselves. A rewind that died half-way is ended by running the command again.

    Parameters
    ----------
    pipeline
        MODULE:PIPELINE, such as my_team.pipelines:flights; the working directory is importable.
    to
        An ISO 8601 time, by which records arrived; or a sequence number of one shard, see --shard.
    reason
        Why: written to the log for ever.
    shard
        Whose sequence number it is.
    dry_run
        Show what would go, and change nothing.
    stream
        Reads this stream instead of the pipeline's own.
    json
        Print one JSON document.
    """
    point = parse_point(to, shard)
    require_reason(reason)
    with opened_in_rewind(pipeline, stream, lake, log, "rewind") as place:
        report = go_back(place, point, reason, dry_run=dry_run, tell=_tell)
    if json:
        sys.stdout.write(f"{msgspec.json.encode(report).decode()}\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in sentences(report))
    return 0


def _tell(sentence: str) -> None:
    """Progress, beside what is printed in the end."""
    sys.stderr.write(f"{sentence}\n")
