"""`headrace-batch land-handed MODULE:PIPELINE`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import msgspec

from headrace_batch.committing import settle
from headrace_batch.handed.landing import Handed, waiting
from headrace_batch.handed.landing import land_handed as land_one
from headrace_batch.landing.verdicts import Outcome, Verdict
from headrace_batch.place import LAKE, LOG, Flag, Lake, Log, Place, opened, tell_settings_of
from headrace_batch.spark.handing import SparkPieces
from headrace_batch.spark.session import spark_session
from headrace_batch.spark.stager import OpenS3
from headrace_consumers.commands.printing import PrintSettings
from headrace_consumers.lake.inbox import Inbox
from headrace_consumers.lake.listing import LakeListing
from headrace_consumers.loading import load_pipeline


def land_handed(
    pipeline: str,
    /,
    *,
    stream: str = "",
    lake: Lake = LAKE,
    log: Log = LOG,
    dry_run: Flag = False,
    json: Flag = False,
    print_settings: PrintSettings = False,
) -> int:
    """Land the files that `land` found too big for one process, each as one commit. Exit code 1 where one is refused.

    Each is read once to be cut at its rows, and then staged by as many tasks as it has pieces. Run it again after a
    kill: what landed has landed, and the records of the rest are still there.

    Parameters
    ----------
    pipeline
        MODULE:PIPELINE, such as my_team.pipelines:flights; the working directory is importable.
    stream
        Overrides the pipeline's stream.
    dry_run
        Say which files wait, and change nothing.
    json
        Print the verdicts as JSON, one a line.
    """
    declared = load_pipeline(pipeline)
    if print_settings:
        return tell_settings_of(declared, stream, lake, log, dry_run=dry_run)
    with opened(declared, stream, lake, log, "land-handed") as place:
        if not dry_run:
            settle(place)
        handed = list(waiting(place, LakeListing(place.aws.s3), lake.raw_bucket))
        ok = True
        open_store = OpenS3(place.aws.region, lake.buckets)
        verdicts = _waiting(handed) if dry_run else _landed(place, pipeline, open_store, handed)
        for verdict in verdicts:
            sys.stdout.write(f"{msgspec.json.encode(verdict).decode() if json else verdict}\n")
            ok = ok and verdict.ok
    return 0 if ok else 1


def _waiting(handed: Sequence[Handed]) -> Iterator[Verdict]:
    for one in handed:
        errand = one.errand
        yield Verdict(outcome=Outcome.HANDED_ON, source=errand.source, file=errand.file, bytes=errand.bytes,
                      sentence="it waits, and would be landed")  # fmt: skip


def _landed(place: Place, pipeline: str, open_store: OpenS3, handed: Sequence[Handed]) -> Iterator[Verdict]:
    if not handed:
        return
    with spark_session(f"headrace-batch land-handed {place.pipeline.name}") as session:
        stage = SparkPieces(session, pipeline, open_store)
        for one in handed:
            yield land_one(place, Inbox(place.aws.s3), one, stage)
