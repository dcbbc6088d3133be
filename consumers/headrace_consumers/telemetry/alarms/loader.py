"""What the loader's own metrics raise."""

from __future__ import annotations

from headrace_consumers.telemetry import catalogue as c
from headrace_consumers.telemetry.alarms.alarm import Alarm, Comparison, Missing, Series, Service, Statistic, ours
from headrace_consumers.telemetry.catalogue import Metric, Severity


def _loader(metric: Metric, statistic: Statistic) -> Series:
    return ours(metric, Service.LOADER, statistic)


LOADER_ALARMS = (
    Alarm(
        name="loader-silent",
        severity=Severity.PAGE,
        series=(_loader(c.WAREHOUSE_UP, Statistic.SAMPLE_COUNT),),
        comparison=Comparison.BELOW,
        threshold=1,
        period_s=300,
        periods=3,
        missing=Missing.BAD,
        means="The loader has told nothing for a quarter of an hour.",
        first="Its last ERROR line; starting it anew is always safe.",
        runbook="the-loader",
        unless=("loader-tasks-missing",),
    ),
    Alarm(
        name="warehouse-away",
        severity=Severity.PAGE,
        series=(_loader(c.WAREHOUSE_UP, Statistic.MAXIMUM),),
        comparison=Comparison.BELOW,
        threshold=1,
        periods=15,
        means="The warehouse has not answered the loader for a quarter of an hour. Nothing is lost.",
        first="The WARN line *interrupted, trying again* says why. Is the workgroup there, is its password rotated?",
        runbook="runbook",
    ),
    Alarm(
        name="load-overdue",
        severity=Severity.TICKET,
        series=(_loader(c.WAITING_SECONDS, Statistic.MAXIMUM),),
        threshold=900,
        periods=5,
        means="A commit has waited for its load for more than a quarter of an hour.",
        first="A maintenance window? Else how long do loads take, and who holds a lock (`svv_transactions`)?",
        runbook="runbook",
        unless=("load-long-overdue", "warehouse-away"),
    ),
    Alarm(
        name="load-long-overdue",
        severity=Severity.PAGE,
        series=(_loader(c.WAITING_SECONDS, Statistic.MAXIMUM),),
        threshold=7_200,
        periods=5,
        means="Staging is more than two hours behind the lake.",
        first="As *load-overdue*; `headrace-consumers reconcile` names what waits.",
        runbook="the-loader",
        unless=("warehouse-away",),
    ),
    Alarm(
        name="files-held",
        severity=Severity.TICKET,
        series=(_loader(c.HELD_FILES, Statistic.MAXIMUM),),
        threshold=0,
        periods=15,
        means="Files do not fit their tables, or are lost; all else loads.",
        first="`headrace-consumers reconcile` says of each file why.",
        runbook="why-a-file-is-not-loaded",
    ),
    Alarm(
        name="files-quarantined",
        severity=Severity.TICKET,
        series=(_loader(c.QUARANTINED_FILES, Statistic.SUM),),
        threshold=0,
        period_s=300,
        means="A file's own bytes cannot be loaded.",
        first="`headrace-consumers reconcile` says why; once it is mended, `release` has it tried again.",
        runbook="releasing-what-was-in-quarantine",
    ),
    Alarm(
        name="loader-overtaken",
        severity=Severity.TICKET,
        series=(_loader(c.LOADERS_OVERTAKEN, Statistic.SUM),),
        threshold=10,
        period_s=900,
        periods=2,
        means="Two loaders of one pipeline run; each file is loaded once all the same.",
        first="Stop one.",
        runbook="runbook",
    ),
)
