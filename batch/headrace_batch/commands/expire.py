"""`headrace-batch expire MODULE:PIPELINE`."""

from __future__ import annotations

import sys
from collections import Counter

import msgspec

from headrace_batch.place import LAKE, LOG, Flag, Lake, Log, opened, tell_settings_of
from headrace_batch.retention.expiring import Ages, Expired
from headrace_batch.retention.expiring import expire as expiring
from headrace_batch.retention.places import Kept
from headrace_consumers.commands.printing import PrintSettings
from headrace_consumers.loading import load_pipeline
from headrace_producers.errors import SettingsError

LEAST_LINKS_DAYS = 30
LEAST_UPLOADS_DAYS = 14


def expire(
    pipeline: str,
    /,
    *,
    raw_days: float = 0,
    links_days: float = LEAST_LINKS_DAYS,
    uploads_days: float = LEAST_UPLOADS_DAYS,
    orphans: Flag = False,
    no_loader: Flag = False,
    dry_run: Flag = False,
    stream: str = "",
    lake: Lake = LAKE,
    log: Log = LOG,
    json: Flag = False,
    print_settings: PrintSettings = False,
) -> int:
    """Take out what nobody needs any more: uploads that never became a commit, raw records past their retention, and
    old links of the log with their commits.

    Files of a commit that expired stay in the lake, but compaction, backfill and rewind know them no more: compact
    before. Rows, letters and windows never expire.

    Parameters
    ----------
    pipeline
        MODULE:PIPELINE, such as my_team.pipelines:flights; the working directory is importable.
    raw_days
        How long records are kept as they were received; 0 for ever. No backfill can reach further back.
    links_days
        How long links of the log are kept, 30 at least; 0 for ever. What a follower has not passed stays.
    uploads_days
        How old an upload must be to be taken for orphaned, 14 at least; 0 keeps them.
    orphans
        Delete objects that no commit names too; otherwise they are told only.
    no_loader
        There is no warehouse: only the windows service must have passed what goes.
    dry_run
        Say what would go and why, and do nothing.
    stream
        Reads this stream instead of the pipeline's own.
    json
        Print one JSON document for each thing that goes.
    """
    ages = Ages(uploads_days=uploads_days, links_days=links_days, raw_days=raw_days, orphans=orphans)
    _require(ages)
    declared = load_pipeline(pipeline)
    if print_settings:
        return tell_settings_of(declared, stream, lake, log, ages=ages, no_loader=no_loader, dry_run=dry_run)
    kept = Kept(raw=lake.raw_bucket, processed=lake.processed_bucket, curated=lake.curated_bucket)
    counts: Counter[str] = Counter()
    with opened(declared, stream, lake, log, "expire") as place:
        for one in expiring(place, kept, ages, place.now_ms(), no_loader=no_loader, dry_run=dry_run):
            counts[one.kind if one.goes else f"{one.kind} only told"] += 1
            sys.stdout.write(f"{msgspec.json.encode(one).decode() if json else _sentence(one, dry_run=dry_run)}\n")
    if not json:
        sys.stdout.write(f"{', '.join(f'{number} {kind}' for kind, number in counts.items()) or 'nothing to expire'}\n")
    return 0


def _require(ages: Ages) -> None:
    if 0 < ages.links_days < LEAST_LINKS_DAYS or ages.links_days < 0:
        raise SettingsError(f"--links-days must be {LEAST_LINKS_DAYS} at least, or 0 to keep them for ever")
    if 0 < ages.uploads_days < LEAST_UPLOADS_DAYS or ages.uploads_days < 0:
        raise SettingsError(f"--uploads-days must be {LEAST_UPLOADS_DAYS} at least, or 0 to keep them")
    if ages.raw_days < 0:
        raise SettingsError("--raw-days must not be negative; 0 keeps raw records for ever")


def _sentence(one: Expired, *, dry_run: bool) -> str:
    verb = ("would go" if dry_run else "goes") if one.goes else "is an orphan; --orphans deletes it"
    return f"{one.kind} {one.what} {verb}: {one.why}"
