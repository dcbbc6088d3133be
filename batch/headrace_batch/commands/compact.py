"""`headrace-batch compact MODULE:PIPELINE`."""

from __future__ import annotations

import sys

import msgspec

from headrace_batch.amounts import seconds, size_bytes
from headrace_batch.compaction.compacting import Compacted, why_nothing
from headrace_batch.compaction.compacting import compact as compacting
from headrace_batch.compaction.planning import Rules, sort_keys
from headrace_batch.place import LAKE, LOG, Flag, Lake, Log, opened, tell_settings_of
from headrace_consumers.commands.printing import PrintSettings
from headrace_consumers.loading import load_pipeline
from headrace_producers.errors import SettingsError


def compact(
    pipeline: str,
    /,
    *,
    table: str = "",
    older_than: str = "24h",
    target_bytes: str = "128MiB",
    no_loader: Flag = False,
    dry_run: Flag = False,
    stream: str = "",
    lake: Lake = LAKE,
    log: Log = LOG,
    json: Flag = False,
    print_settings: PrintSettings = False,
) -> int:
    """Make few files of many small ones, in partitions that nothing was committed to for a while.

    Each row stays what it is, and keeps naming the commit that brought it; raw files, window partials and windows are
    left alone. New files are visible before the old ones are deleted: who reads paths without the log may see both for
    seconds.

    Parameters
    ----------
    pipeline
        MODULE:PIPELINE, such as my_team.pipelines:flights; the working directory is importable.
    table
        This table alone; dead letters and late letters are tables too.
    older_than
        Leave partitions alone that have a commit of this time, such as 24h.
    target_bytes
        How big a file may become, such as 128MiB; files of three quarters of it are left alone.
    no_loader
        There is no warehouse: nobody has to have loaded the files.
    dry_run
        Say what would be done, and do nothing.
    stream
        Reads this stream instead of the pipeline's own.
    json
        Print one JSON document for each group, as it is done.
    """
    rules = Rules(target_bytes=size_bytes(target_bytes), older_than_s=seconds(older_than), table=table)
    declared = load_pipeline(pipeline)
    if table and table not in sort_keys(declared):
        known = ", ".join(sorted(sort_keys(declared)))
        raise SettingsError(f"table {table!r} is none that can be compacted; there are {known}")
    if print_settings:
        return tell_settings_of(declared, stream, lake, log, rules=rules, no_loader=no_loader, dry_run=dry_run)
    with opened(declared, stream, lake, log, "compact") as place:
        done = 0
        for one in compacting(place, rules, place.now_ms(), no_loader=no_loader, dry_run=dry_run):
            done += 1
            sys.stdout.write(f"{msgspec.json.encode(one).decode() if json else _sentence(one)}\n")
            sys.stdout.flush()
        if not done:
            why = why_nothing(place, rules, place.now_ms(), no_loader=no_loader)
            (sys.stderr if json else sys.stdout).write(f"nothing to compact: {why}\n")
    return 0


def _sentence(one: Compacted) -> str:
    what = (
        f"{one.table} {one.partition}: {one.files} files, {one.rows:,} rows ({one.origin}), {one.bytes_before:,} bytes"
    )
    return f"{what} -> {one.bytes_after:,} bytes in one" if one.commit_id else f"{what} would become one"
