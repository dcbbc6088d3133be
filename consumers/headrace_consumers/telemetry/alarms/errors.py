"""ERROR lines of our logs: data is lost, or an operator is needed."""

from __future__ import annotations

from dataclasses import dataclass

from headrace_consumers.telemetry.alarms.alarm import LOG_NAMESPACE, Alarm, Scope, Series, Statistic
from headrace_consumers.telemetry.catalogue import Severity


@dataclass(frozen=True, slots=True)
class LogMetric:
    """Counted from a part's log group."""

    part: str
    name: str
    pattern: str
    """In CloudWatch's language of filters."""


_PARTS = ("worker", "windows", "loader", "dbt", "batch", "landing")
LOG_METRICS = tuple(LogMetric(part, f"{part}_errors", '{ $.level = "ERROR" }') for part in _PARTS)

LOG_ALARMS = tuple(
    Alarm(
        name=f"{metric.part}-errors",
        severity=Severity.TICKET,
        series=(Series(LOG_NAMESPACE, metric.name, Statistic.SUM),),
        threshold=0,
        period_s=300,
        scope=Scope.ENVIRONMENT,
        means=f"{metric.part} logged an ERROR line: data is lost, or an operator is needed.",
        first="Read the line: it says what happened, where, and what to do.",
        runbook="runbook",
    )
    for metric in LOG_METRICS
)
