"""What an alarm is: pure data, from which CloudWatch's alarms are generated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from headrace_consumers.telemetry.catalogue import Metric, Severity

NAMESPACE = "Headrace"
"""Of our metrics in CloudWatch."""
LOG_NAMESPACE = "Headrace/Logs"
"""Of metrics that are counted from lines of our logs."""
DIMENSIONS = ("pipeline", "service")
"""Of our metrics in alarms: a value over all shards and tasks. So labels of a metric are no part of it."""


class Statistic(StrEnum):
    AVERAGE = "Average"
    MAXIMUM = "Maximum"
    MINIMUM = "Minimum"
    SAMPLE_COUNT = "SampleCount"
    SUM = "Sum"


class Comparison(StrEnum):
    ABOVE = "GreaterThanThreshold"
    BELOW = "LessThanThreshold"


class Missing(StrEnum):
    """How a period without data counts."""

    BAD = "breaching"
    GOOD = "notBreaching"


class Scope(StrEnum):
    PIPELINE = "pipeline"
    ENVIRONMENT = "environment"


class Service(StrEnum):
    """Those whose metrics are scraped."""

    WORKER = "worker"
    WINDOWS = "windows"
    LOADER = "loader"


class Has(StrEnum):
    """What not each pipeline has."""

    WINDOWS = "windows"
    MODELS = "models"


@dataclass(frozen=True, slots=True)
class Series:
    """One time series of CloudWatch. In dimensions, `{stream}` stands for a name of deploy/modules/names."""

    namespace: str
    name: str
    statistic: Statistic
    dimensions: Mapping[str, str] = field(default_factory=dict)
    metric: Metric | None = None
    """Ours, where it is."""
    over: tuple[str, ...] = ()
    """Further dimensions, all of whose values count together: asked by a query of Metrics Insights."""
    by: str = ""
    """A further dimension, each value of which is a series of its own: asked in the same way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """`datapoints` of the last `periods` must be beyond the threshold."""

    name: str
    severity: Severity
    series: tuple[Series, ...]
    threshold: float
    means: str
    first: str
    """What to do first."""
    runbook: str
    """A heading of docs/runbook.md, as an anchor."""
    expression: str = ""
    """Over m1, m2, … as the series are called in their order; the one series itself where empty."""
    comparison: Comparison = Comparison.ABOVE
    period_s: int = 60
    periods: int = 1
    datapoints: int = 0
    """All of `periods` where 0."""
    missing: Missing = Missing.GOOD
    scope: Scope = Scope.PIPELINE
    only: Has | None = None
    """The alarm is there for pipelines that have this."""
    unless: tuple[str, ...] = ()
    """Alarms that explain this one: it tells nobody while one of them is on."""


def ours(metric: Metric, service: Service, statistic: Statistic) -> Series:
    """A metric of the catalogue, over all shards and tasks of a service."""
    dimensions = {"pipeline": "{pipeline}", "service": service.value}
    return Series(NAMESPACE, metric.exposed_name, statistic, dimensions, metric)
