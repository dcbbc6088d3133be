"""Alarms name what there is, ask what makes sense, and leave no grave metric out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from headrace_consumers.telemetry.alarms import ALARMS, LOG_METRICS
from headrace_consumers.telemetry.alarms.alarm import LOG_NAMESPACE, NAMESPACE, Alarm, Series, Service, Statistic
from headrace_consumers.telemetry.catalogue import CATALOGUE, LOAD_CATALOGUE, WINDOWS_CATALOGUE, Kind, Metric, Severity
from headrace_consumers.telemetry.dashboard import OVERVIEW
from headrace_consumers.telemetry.load_metrics import LoadMetrics
from headrace_consumers.telemetry.metrics import Metrics
from headrace_consumers.telemetry.registered import RegisteredMetrics
from headrace_consumers.telemetry.windows_metrics import WindowsMetrics
from tests.consumers.telemetry.documented import DOCUMENTED

ROOT = Path(__file__).parents[3]
NAMES = json.loads((ROOT / "deploy/modules/names/names.json").read_text())
CATALOGUES = {Service.WORKER: CATALOGUE, Service.WINDOWS: WINDOWS_CATALOGUE, Service.LOADER: LOAD_CATALOGUE}
EXPOSED: dict[Service, RegisteredMetrics] = {
    Service.WORKER: Metrics(), Service.WINDOWS: WindowsMetrics(), Service.LOADER: LoadMetrics(),
}  # fmt: skip
LINES = [line for row in OVERVIEW for panel in row.panels for line in panel.lines]
SHOWN = [line.series for line in LINES]
SERIES = [*(series for alarm in ALARMS for series in alarm.series), *SHOWN]
FITTING = {
    Kind.COUNTER: {Statistic.SUM},
    Kind.GAUGE: {Statistic.MAXIMUM, Statistic.MINIMUM, Statistic.AVERAGE, Statistic.SAMPLE_COUNT},
    Kind.HISTOGRAM: {Statistic.AVERAGE, Statistic.SAMPLE_COUNT, Statistic.SUM},
}
"""A counter is told as what it rose by. Of a histogram least and greatest are not told."""
SIZES = [Severity.PAGE, Severity.TICKET, None]
DAY_S = 86_400


def _told(service: Service) -> set[str]:
    """Names under which Prometheus's text has a service's metrics: of families, and of counters with their suffix."""
    families = text_string_to_metric_families(EXPOSED[service].exposition().decode())
    return {f"{family.name}_total" if family.type == "counter" else family.name for family in families}


@pytest.mark.parametrize("series", SERIES, ids=lambda series: f"{series.namespace}-{series.name}")
def test_a_series_is_of_a_metric_that_exists(series: Series) -> None:
    """Ours as its service tells it; AWS's as documented, with dimensions that it has; of a log, as it is counted."""
    if series.namespace == NAMESPACE:
        service = Service(series.dimensions["service"])
        assert series.metric in CATALOGUES[service]
        assert series.name in _told(service)
    elif series.namespace == LOG_NAMESPACE:
        assert series.name in {metric.name for metric in LOG_METRICS}
    else:
        by = {series.by} if series.by else set()
        assert frozenset({*series.dimensions, *series.over, *by}) in DOCUMENTED[series.namespace][series.name]


@pytest.mark.parametrize("series", [one for one in SERIES if one.metric], ids=lambda series: series.name)
def test_a_statistic_fits_its_metric(series: Series) -> None:
    """And whatever is told apart is a label of it."""
    assert series.metric
    assert series.statistic in FITTING[series.metric.kind]
    assert not series.over
    assert not series.by or series.by in series.metric.labels


def test_a_metric_is_as_grave_as_its_gravest_alarm() -> None:
    """Each metric of severity has an alarm. What an alarm compares it with, or divides by, has none by that."""

    def gravest(metric: Metric) -> Severity | None:
        named = {alarm.severity for alarm in ALARMS if alarm.series[_subject(alarm)].metric == metric}
        return next(severity for severity in SIZES if severity is None or severity in named)

    every = {*CATALOGUE, *WINDOWS_CATALOGUE, *LOAD_CATALOGUE}
    assert {metric.name: metric.severity for metric in every} == {metric.name: gravest(metric) for metric in every}


def _subject(alarm: Alarm) -> int:
    """Which of its series an alarm is about: of *no commits while records come*, the commits."""
    return 1 if alarm.name == "no-commits" else 0


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.name)
def test_an_alarm_can_be_made(alarm: Alarm) -> None:
    """CloudWatch's limits: a day back, or a week where periods are hours; ten series; names of metrics in order."""
    assert alarm.period_s % 60 == 0
    assert alarm.period_s * alarm.periods <= (DAY_S if alarm.period_s < 3_600 else 7 * DAY_S)
    assert 0 <= alarm.datapoints <= alarm.periods
    names = {f"m{number}" for number in range(1, len(alarm.series) + 1)}
    asked = set(re.findall(r"\bm\d+\b", alarm.expression))
    assert (asked == names) if alarm.expression else (len(alarm.series) == 1)
    assert len(alarm.series) <= 10
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", alarm.name)


def test_names_are_unique() -> None:
    """Of alarms, and of what is counted from logs."""
    for names in ([alarm.name for alarm in ALARMS], [metric.name for metric in LOG_METRICS]):
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("alarm", [alarm for alarm in ALARMS if alarm.unless], ids=lambda alarm: alarm.name)
def test_what_explains_an_alarm_is_as_grave_and_there(alarm: Alarm) -> None:
    """A page is never silenced by a ticket; nor by what is not there for all pipelines where the alarm is."""
    known = {other.name: other for other in ALARMS}
    for name in alarm.unless:
        other = known[name]
        assert other.scope is alarm.scope
        assert other.only in (None, alarm.only)
        assert SIZES.index(other.severity) <= SIZES.index(alarm.severity)
        assert alarm.name not in other.unless


def test_none_waits_for_itself() -> None:
    """Explanations have no circle: of three alarms that are all on, one is told."""
    known = {alarm.name: alarm for alarm in ALARMS}

    def paths(name: str, seen: tuple[str, ...] = ()) -> Iterable[tuple[str, ...]]:
        assert name not in seen
        yield (*seen, name)
        for other in known[name].unless:
            yield from paths(other, (*seen, name))

    assert all(len(path) == len(set(path)) for alarm in ALARMS for path in paths(alarm.name))


def test_the_runbook_has_what_alarms_name() -> None:
    """By its headings, as GitHub makes anchors of them."""
    headings = re.findall(r"^#+ (.+)$", (ROOT / "docs/runbook.md").read_text(), re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert {alarm.runbook for alarm in ALARMS} <= anchors


def test_names_that_terraform_fills_in_exist() -> None:
    """Of deploy/modules/names, or of the place itself."""
    known = {*NAMES, "pipeline", "region", "account_id", "partition"}
    asked = {
        name for series in SERIES for value in series.dimensions.values() for name in re.findall(r"{(\w+)}", value)
    }
    assert asked <= known
    assert NAMES["metrics_namespace"] == NAMESPACE


def test_faults_that_must_alarm_do() -> None:
    """What the list of faults names, by the alarm that tells of it."""
    assert {
        "lag-near-retention", "records-lost", "no-commits", "commit-stuck", "shard-unread", "files-pending", "fenced",
        "shards-passive", "checkpoints-refused", "dead-letters-of-one-reason", "restarts-many", "buffer-full",
        "worker-memory", "windows-stand-still", "files-held", "files-quarantined", "load-overdue", "warehouse-away",
        "schedules-dropped", "dbt-failed", "backfill-failed", "compaction-failed", "expiry-failed", "landing-dead",
        "landing-failed", "archive-stale", "log-throttled", "stream-reads-throttled", "stream-writes-throttled",
        "stream-unread", "worker-tasks-missing", "windows-tasks-missing", "loader-tasks-missing",
        "warehouse-limit-near", "worker-silent", "windows-silent", "loader-silent",
    } <= {alarm.name for alarm in ALARMS}  # fmt: skip


def test_thresholds_of_one_thing_rise_with_severity() -> None:
    """A page of the same series and question comes later than its ticket."""
    asked: dict[tuple[object, ...], list[Alarm]] = {}
    for alarm in ALARMS:
        asked.setdefault((tuple(map(str, alarm.series)), alarm.expression, alarm.comparison), []).append(alarm)
    for same in asked.values():
        ordered = sorted(same, key=lambda alarm: alarm.threshold)
        assert all(SIZES.index(less.severity) > SIZES.index(more.severity) for less, more in pairwise(ordered))
