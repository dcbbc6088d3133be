"""Alarms as the module `observability` reads them: JSON, rendered by templatefile for each pipeline. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from headrace_consumers.telemetry.alarms.alarm import Alarm, Series, Statistic
from headrace_consumers.telemetry.alarms.errors import LogMetric
from headrace_local.observability.placeholders import templated

_VERBS = {
    Statistic.AVERAGE: "AVG",
    Statistic.MAXIMUM: "MAX",
    Statistic.MINIMUM: "MIN",
    Statistic.SAMPLE_COUNT: "COUNT",
    Statistic.SUM: "SUM",
}
RUNBOOK = "docs/runbook.md"


def alarms_json(alarms: Sequence[Alarm], log_metrics: Iterable[LogMetric]) -> str:
    document = {
        "alarms": [_alarm(alarm) for alarm in alarms],
        "log_metrics": [
            {"part": metric.part, "name": metric.name, "pattern": metric.pattern} for metric in log_metrics
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def _alarm(alarm: Alarm) -> dict[str, Any]:
    return {
        "name": alarm.name,
        "scope": alarm.scope.value,
        "only": alarm.only.value if alarm.only else "",
        "severity": alarm.severity.value,
        "description": f"{alarm.means} First: {alarm.first} More: {RUNBOOK}#{alarm.runbook}",
        "comparison": alarm.comparison.value,
        "threshold": alarm.threshold,
        "period": alarm.period_s,
        "evaluation_periods": alarm.periods,
        "datapoints_to_alarm": alarm.datapoints or alarm.periods,
        "treat_missing_data": alarm.missing.value,
        "expression": alarm.expression,
        "unless": list(alarm.unless),
        "series": [_series(series) for series in alarm.series],
    }


def _series(series: Series) -> dict[str, Any]:
    return {
        "namespace": series.namespace,
        "name": series.name,
        "statistic": series.statistic.value,
        "dimensions": {name: templated(value) for name, value in series.dimensions.items()},
        "query": _query(series) if series.over or series.by else "",
    }


def _query(series: Series) -> str:
    """Of Metrics Insights, which counts a metric's all dimensions as its schema."""
    verb = _VERBS[series.statistic]
    further = [*series.over, *([series.by] if series.by else [])]
    schema = ", ".join([f'"{series.namespace}"', *sorted([*series.dimensions, *further])])
    where = " AND ".join(f"{name} = '{templated(value)}'" for name, value in series.dimensions.items())
    each = f" GROUP BY {series.by}" if series.by else ""
    return f"SELECT {verb}({series.name}) FROM SCHEMA({schema}) WHERE {where}{each}"  # noqa: S608 - names of our own
