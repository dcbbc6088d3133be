"""`headrace-batch backfill MODULE:PIPELINE`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from headrace_batch.backfill.planning import BOUNDS, Bounds, Plan, make_plan
from headrace_batch.backfill.running import Backfill, Progress
from headrace_batch.backfill.span import Span
from headrace_batch.committing import settle
from headrace_batch.place import LAKE, LOG, Flag, Lake, Log, Place, opened, tell_settings_of
from headrace_batch.records.keeping import Kept, kept_record
from headrace_batch.records.record import Record, Status
from headrace_batch.spark.session import spark_session
from headrace_batch.spark.stager import OpenS3, SparkStager, SparkTask
from headrace_batch.times import instant
from headrace_consumers.commands.printing import PrintSettings
from headrace_consumers.commitlog.model import Counts
from headrace_consumers.loading import load_pipeline
from headrace_consumers.settings import BatchSettings
from headrace_producers.errors import SettingsError

OWNER = "platform-engineer"
NOTHING = Progress(0, 0, Counts(), 0)


class BackfillReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was done, or would be."""

    pipeline: str
    start: str
    end: str
    dry_run: bool
    units: int
    commits: int
    """That were to be retired by the plan, and their rows."""
    rows: int
    retired: int
    """Commits that this run retired."""
    counts: Counts
    """Of what it committed for them."""
    record: str


def backfill(
    pipeline: str,
    /,
    *,
    start: Annotated[str, Parameter(name="--from")] = "",
    end: Annotated[str, Parameter(name="--to")] = "",
    reason: str = "",
    owner: str = OWNER,
    record: Path | None = None,
    dry_run: Flag = False,
    stream: str = "",
    parallel: int = 0,
    unit_commits: int = BOUNDS.commits,
    max_unpacked_bytes: int = BatchSettings.max_unpacked_bytes,
    lake: Lake = LAKE,
    log: Log = LOG,
    json: Flag = False,
    print_settings: PrintSettings = False,
) -> int:
    """Stage raw records once more, by the pipeline as it is declared now, in the place of what they came to before.

    Takes whole commits: all that have records of the span. Safe beside running workers, and to be run again after a
    kill: what was committed stands, and the rest goes on.

    Parameters
    ----------
    pipeline
        MODULE:PIPELINE, such as my_team.pipelines:flights; the working directory is importable.
    start
        ISO 8601 time of arrival in the stream, with an offset, from which on records are staged.
    end
        The same, up to which; itself left out.
    reason
        Why; stands in the record.
    owner
        The role that answers for it, such as platform-engineer.
    record
        YAML file: one that was reviewed is carried out, and one that is not there is written. Says afterwards what
        became of it; what its earlier runs committed is not staged again.
    dry_run
        Print what would be done, and write the record to be reviewed; nothing else.
    stream
        Reads this stream instead of the pipeline's own.
    parallel
        So many units at once; as many as Spark has cores where 0.
    unit_commits
        At most so many commits become one; fewer in each show progress sooner, and make more files.
    max_unpacked_bytes
        As the workers have it: a compressed record that unpacks to more is a dead letter.
    json
        Print one JSON document.
    """
    kept = kept_record(record, _said(pipeline, start, end, reason, owner), pipeline)
    span = Span.of(kept.record.start, kept.record.end)
    if print_settings:
        return tell_settings_of(
            load_pipeline(pipeline), stream, lake, log, record=kept.record, record_name=kept.name, parallel=parallel,
            unit_commits=unit_commits, max_unpacked_bytes=max_unpacked_bytes, dry_run=dry_run,
        )  # fmt: skip
    if kept.record.status is Status.DONE:
        _tell(f"{kept.path} is done; nothing is left to do")
        if json:
            _report(_said_of(pipeline, kept, NOTHING, dry_run=dry_run), as_json=True)
        return 0
    with opened(pipeline, stream, lake, log, "backfill") as place:
        if not dry_run:
            settle(place)
        plan = make_plan(place, span, kept.name, Bounds(commits=unit_commits))
        _tell(f"{plan.commits:,} commits with {plan.rows:,} rows, in {len(plan.units)} units")
        progress = Progress(0, len(plan.units), Counts(), 0)
        if dry_run:
            kept.plan()
        else:
            task = SparkTask(pipeline, OpenS3(place.aws.region, lake.buckets), max_unpacked_bytes)
            progress = _carry_out(place, plan, kept, task, parallel)
    _report(_said_of(pipeline, kept, progress, plan, dry_run=dry_run), as_json=json)
    return 0


def _said_of(
    pipeline: str, kept: Kept, progress: Progress, plan: Plan | None = None, *, dry_run: bool
) -> BackfillReport:
    """Without a plan nothing was left to do."""
    return BackfillReport(
        pipeline=pipeline,
        start=kept.record.start.isoformat(),
        end=kept.record.end.isoformat(),
        dry_run=dry_run,
        units=progress.units,
        commits=plan.commits if plan else 0,
        rows=plan.rows if plan else 0,
        retired=progress.retired,
        counts=progress.counts,
        record=kept.name,
    )


def _said(pipeline: str, start: str, end: str, reason: str, owner: str) -> Record | None:
    """What the command line asks for; None where it leaves that to a record."""
    if not (start or end or reason):
        return None
    if not (start and end and reason):
        raise SettingsError("--from, --to and --reason belong together")
    begins, ends = instant("--from", start), instant("--to", end)
    if begins >= ends:
        raise SettingsError(f"--from {start} is not before --to {end}: there is nothing between them")
    try:
        return Record(
            pipeline=pipeline,
            start=begins,
            end=ends,
            reason=reason,
            owner=owner,
            created=datetime.now(UTC).replace(microsecond=0),
        )
    except ValueError as error:
        raise SettingsError(str(error)) from None


def _carry_out(place: Place, plan: Plan, kept: Kept, task: SparkTask, parallel: int) -> Progress:
    run = Backfill(
        place=place,
        standing=plan.standing,
        record=kept.name or kept.record.reason,
        done=kept.name,
        told=lambda progress: _tell(str(progress)),
        bounds=plan.bounds,
    )
    with kept.running(lambda: run.committed):
        if plan.units:
            with spark_session(f"headrace-batch backfill {place.pipeline.name}") as session:
                run.run(plan.units, SparkStager(session, task, parallel))
    return run.progress


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _report(report: BackfillReport, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(f"{msgspec.json.encode(report).decode()}\n")
        return
    if not report.commits and not report.retired:
        sys.stdout.write(f"{report.start} to {report.end}: nothing to stage, no commit has records of that time\n")
        return
    counts = report.counts
    did = "would retire" if report.dry_run else "retired"
    sys.stdout.write(f"{report.start} to {report.end}: {did} {report.retired or report.commits:,} commits\n")
    if not report.dry_run:
        sys.stdout.write(
            f"{counts.records:,} records: {counts.rows:,} rows, {counts.dead_letters:,} dead letters, "
            f"{counts.repeats:,} repeats, {counts.late:,} late\n"
        )
