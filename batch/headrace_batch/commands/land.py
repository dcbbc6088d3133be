"""`headrace-batch land MODULE:PIPELINE SOURCE FILE…`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from headrace_batch.committing import settle
from headrace_batch.landing.arriving import Arrived, LocalFile, S3File, split_url
from headrace_batch.landing.landing import land as land_file
from headrace_batch.landing.landing import refuse
from headrace_batch.landing.refusing import Reason
from headrace_batch.landing.verdicts import Outcome, Verdict
from headrace_batch.place import LAKE, LOG, Flag, Lake, Log, Place, opened
from headrace_batch.times import instant
from headrace_consumers.lake.inbox import Inbox
from headrace_consumers.landing import LandingSource
from headrace_consumers.pipeline import Pipeline
from headrace_producers.errors import SettingsError


def land(
    pipeline: str,
    source: str,
    files: list[str],
    /,
    *,
    stream: str = "",
    as_of: str = "",
    instead_of: str = "",
    lake: Lake = LAKE,
    log: Log = LOG,
    dry_run: Flag = False,
    json: Flag = False,
) -> int:
    """Check files against their contract and commit their rows, each content once. Exit code 1 where one is refused.

    Parameters
    ----------
    pipeline
        MODULE:PIPELINE, such as my_team.pipelines:flights; the working directory is importable.
    source
        The landing source whose form they have.
    files
        Paths, or s3://bucket/key.
    stream
        Reads this stream instead of the pipeline's own.
    as_of
        The ISO 8601 time, with an offset, as of which the files are: fills the source's as_of column, which otherwise
        is the file's own time.
    instead_of
        The commit of a file that landed before and was wrong: its rows leave as those of the only file come.
    dry_run
        Say what would become of each, and change nothing.
    json
        Print the verdicts as JSON, one a line.
    """
    if instead_of and len(files) != 1:
        raise SettingsError("one file stands in the place of one: name a single file with --instead-of")
    at = instant("--as-of", as_of) if as_of else None
    with opened(pipeline, stream, lake, log, "land") as place:
        declared = _source(place.pipeline, source)
        if not dry_run:
            settle(place)
        verdicts = []
        for name in files:
            verdicts.append(_landed(place, declared, name, at, instead_of, dry_run=dry_run))
            _tell(verdicts[-1], json=json)
    return 0 if all(verdict.ok for verdict in verdicts) else 1


def _source(pipeline: Pipeline, name: str) -> LandingSource:
    found = pipeline.landing(name)
    if found is None:
        known = ", ".join(source.name for source in pipeline.landings) or "none"
        raise SettingsError(f"pipeline {pipeline.name!r} has no landing source {name!r}; it has {known}")
    return found


def _landed(
    place: Place, source: LandingSource, name: str, as_of: datetime | None, instead_of: str, *, dry_run: bool
) -> Verdict:
    found = _found(place, name)
    if found is None:
        sentence = "it is a folder: name the files in it" if Path(name).is_dir() else "there is no such file"
        missing = Verdict(outcome=Outcome.REFUSED, source=source.name, file=name, reason=Reason.MISSING.value,
                          sentence=sentence)  # fmt: skip
        return refuse(place, missing, dry_run=dry_run)
    return land_file(place, source, found, as_of=as_of, instead_of=instead_of, dry_run=dry_run)


def _found(place: Place, name: str) -> Arrived | None:
    if name.startswith("s3://"):
        inbox, (bucket, key) = Inbox(place.aws.s3), split_url(name)
        head = inbox.head(bucket, key)
        return S3File(inbox, bucket, key, head.bytes, head.modified, head.etag) if head else None
    path = Path(name)
    if not path.is_file():
        return None
    stat = path.stat()
    return LocalFile(path, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))


def _tell(verdict: Verdict, *, json: bool) -> None:
    sys.stdout.write(f"{msgspec.json.encode(verdict).decode() if json else verdict}\n")
