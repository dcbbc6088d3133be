"""Scheduled work: state machines, and files that land."""

from __future__ import annotations

from headrace_consumers.telemetry.alarms.alarm import Alarm, Has, Scope, Statistic
from headrace_consumers.telemetry.alarms.aws import (
    landing_dead_queue,
    landing_function,
    landing_queue,
    machine,
    schedules,
)
from headrace_consumers.telemetry.catalogue import Severity


def _failed(kind: str, means: str, first: str, runbook: str, only: Has | None = None) -> Alarm:
    of = machine(kind)
    ends = ("ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted")
    return Alarm(
        name=f"{kind}-failed",
        severity=Severity.TICKET,
        only=only,
        series=tuple(of(name, Statistic.SUM) for name in ends),
        expression="FILL(m1, 0) + FILL(m2, 0) + FILL(m3, 0)",
        threshold=0,
        period_s=300,
        means=means,
        first=first,
        runbook=runbook,
    )


BATCH_ALARMS = (
    _failed(
        "dbt",
        "A build of the models failed; readers see what the build before left.",
        "The build's last line says what failed, and what it left out.",
        "the-models",
        Has.MODELS,
    ),
    _failed(
        "backfill",
        "A backfill failed; what it had committed stands.",
        "Its last ERROR line; then run the same command with its `--record` again.",
        "backfills-and-transforms",
    ),
    _failed(
        "compaction",
        "Compaction failed; nothing is half, files stay small.",
        "Its last ERROR line; it is safe to repeat.",
        "upkeep-of-the-lake-and-the-log",
    ),
    _failed(
        "expiry",
        "Expiry failed; nothing is half, the log stays long.",
        "Its last ERROR line; has the loader passed what should go?",
        "upkeep-of-the-lake-and-the-log",
    ),
    Alarm(
        name="schedules-dropped",
        severity=Severity.TICKET,
        series=(schedules("InvocationDroppedCount", Statistic.SUM), schedules("TargetErrorCount", Statistic.SUM)),
        expression="FILL(m1, 0) + FILL(m2, 0)",
        threshold=0,
        period_s=300,
        scope=Scope.ENVIRONMENT,
        means="A schedule could not start what it should: a build, compaction, expiry or snapshot did not begin.",
        first="May the schedule's role start it (CloudTrail says why not)? Start it by hand meanwhile.",
        runbook="upkeep-of-the-lake-and-the-log",
    ),
    Alarm(
        name="landing-failed",
        severity=Severity.TICKET,
        series=(landing_function("Errors", Statistic.SUM), landing_function("Throttles", Statistic.SUM)),
        expression="FILL(m1, 0) + FILL(m2, 0)",
        threshold=0,
        period_s=300,
        periods=3,
        datapoints=2,
        means="The function that takes landed files fails, or may not run often enough.",
        first="Its last ERROR line; what failed is tried again, and ends in the dead queue.",
        runbook="files-that-land",
        unless=("landing-dead",),
    ),
    Alarm(
        name="landing-dead",
        severity=Severity.TICKET,
        series=(landing_dead_queue("ApproximateNumberOfMessagesVisible", Statistic.MAXIMUM),),
        threshold=0,
        period_s=300,
        means="Files landed that nobody could take: their events stand in the dead queue.",
        first="The function's ERROR lines; once mended, redrive the queue: each content lands once.",
        runbook="files-that-land",
    ),
    Alarm(
        name="landing-waits",
        severity=Severity.TICKET,
        series=(landing_queue("ApproximateAgeOfOldestMessage", Statistic.MAXIMUM),),
        threshold=3_600,
        period_s=300,
        periods=2,
        means="A file has been waiting to be taken for more than an hour.",
        first="Does the function run, and is it throttled?",
        runbook="files-that-land",
        unless=("landing-failed",),
    ),
)
