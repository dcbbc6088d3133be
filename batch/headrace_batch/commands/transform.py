"""`headrace-batch transform MODULE:TRANSFORM`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from headrace_batch.committing import settle
from headrace_batch.place import LAKE, LOG, Flag, Lake, Log, Place, opened, tell_settings_of
from headrace_batch.records.keeping import Kept, kept_record
from headrace_batch.records.record import Record, Status
from headrace_batch.retention.places import Kept as Buckets
from headrace_batch.spark.session import spark_session
from headrace_batch.spark.stager import OpenS3
from headrace_batch.spark.transforming import SparkTransform
from headrace_batch.transform.computing import Computing
from headrace_batch.transform.declare import Transform
from headrace_batch.transform.loading import load_transform
from headrace_batch.transform.planning import Plan, make_plan
from headrace_batch.transform.running import Compute, run
from headrace_batch.transform.stretch import FIRST, LAST, Stretch
from headrace_consumers.commands.printing import PrintSettings
from headrace_consumers.commitlog.model import Counts
from headrace_consumers.lake.objects import PendingFile
from headrace_producers.errors import SettingsError

OWNER = "platform-engineer"


class TransformReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was done, or would be."""

    transform: str
    """The table."""
    dry_run: bool
    files: int
    """That were to be read."""
    bytes: int
    replaced: int
    """Files of an earlier run that leave."""
    rows: int
    """That were committed."""
    record: str


def transform(
    transform: str,
    /,
    *,
    start: Annotated[str, Parameter(name="--from")] = "",
    end: Annotated[str, Parameter(name="--to")] = "",
    reason: str = "",
    owner: str = OWNER,
    record: Path | None = None,
    dry_run: Flag = False,
    stream: str = "",
    lake: Lake = LAKE,
    log: Log = LOG,
    json: Flag = False,
    print_settings: PrintSettings = False,
) -> int:
    """Compute a table of the curated zone on Spark, from the rows that stand in the processed zone.

    Whole partitions are computed, and take the place of what an earlier run made of them. Safe beside running workers:
    it reads what is committed when it begins. Run it again after a kill, and when its sources have changed.

    Parameters
    ----------
    transform
        MODULE:TRANSFORM, such as my_team.transforms:utilisation; the working directory is importable.
    start
        ISO 8601 date, or time with an offset, of events: from the partition on that has it; without it, from the first.
    end
        The same, up to which; itself left out. Without it, to the last.
    reason
        Why; stands in the log and the record.
    owner
        The role that answers for it, such as platform-engineer.
    record
        YAML file: one that was reviewed is carried out, and one that is not there is written. Says afterwards what
        became of it.
    dry_run
        Print what would be done, and write the record to be reviewed; nothing else.
    stream
        Reads this stream instead of the pipeline's own.
    json
        Print one JSON document.
    """
    declared = load_transform(transform)
    kept = _kept(record, transform, _said(transform, start, end, reason, owner))
    if print_settings:
        return tell_settings_of(
            declared.pipeline, stream, lake, log, transform=declared.name, record=kept.record, record_name=kept.name,
            dry_run=dry_run,
        )  # fmt: skip
    if kept.record.status is Status.DONE:
        sys.stderr.write(f"{kept.path} is done; nothing is left to do\n")
        return 0
    stretch = Stretch.around(kept.record.start, kept.record.end, declared.partition_by)
    buckets = Buckets(raw=lake.raw_bucket, processed=lake.processed_bucket, curated=lake.curated_bucket)
    with opened(declared.pipeline, stream, lake, log, "transform") as place:
        if not dry_run:
            settle(place)
        plan = make_plan(place, declared, buckets, stretch)
        _tell(f"{len(plan.inputs):,} files of {plan.bytes:,} bytes; {len(plan.replaces):,} files would be replaced")
        counts = Counts()
        if dry_run:
            kept.plan()
        else:
            compute = _on_spark(transform, OpenS3(place.aws.region, lake.buckets))
            counts = _carry_out(place, declared, plan, kept, compute)
    report = TransformReport(
        transform=declared.name, dry_run=dry_run, files=len(plan.inputs), bytes=plan.bytes,
        replaced=len(plan.replaces), rows=counts.rows, record=kept.name,
    )  # fmt: skip
    sys.stdout.write(f"{msgspec.json.encode(report).decode() if json else _sentence(report)}\n")
    return 0


def _said(reference: str, start: str, end: str, reason: str, owner: str) -> Record | None:
    """What the command line asks for; None where it leaves that to a record."""
    if not (start or end or reason):
        return None
    if not reason:
        raise SettingsError("say the --reason too")
    try:
        return Record(
            pipeline=reference,
            start=_time(start, FIRST),
            end=_time(end, LAST),
            reason=reason,
            owner=owner,
            created=datetime.now(UTC).replace(microsecond=0),
        )
    except ValueError as error:
        raise SettingsError(str(error)) from None


def _time(text: str, default: datetime) -> datetime:
    """A date begins in UTC."""
    found = datetime.fromisoformat(text) if text else default
    return found.replace(tzinfo=UTC) if len(text) == len("2013-01-31") else found


def _kept(path: Path | None, reference: str, said: Record | None) -> Kept:
    if said is None and (path is None or not path.exists()):
        raise SettingsError("say the --reason, or name a --record that does")
    return kept_record(path, said, reference)


def _on_spark(reference: str, open_store: OpenS3) -> Compute:
    def files(plan: Plan, attempt_id: str) -> Sequence[PendingFile]:
        computing = Computing(reference, plan.stretch, attempt_id, open_store)
        with spark_session(f"headrace-batch transform {computing.transform.name}") as session:
            return SparkTransform(session, computing).files(plan)

    return files


def _carry_out(place: Place, declared: Transform, plan: Plan, kept: Kept, compute: Compute) -> Counts:
    done = Counts()
    with kept.running(lambda: done):
        done = run(place, declared, plan, compute, kept.name or kept.record.reason)
    return done


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _sentence(report: TransformReport) -> str:
    if report.dry_run:
        return f"{report.transform}: would read {report.files:,} files, and replace {report.replaced:,}"
    return f"{report.transform}: {report.rows:,} rows of {report.files:,} files; {report.replaced:,} files replaced"
