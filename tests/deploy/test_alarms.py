"""What the checks of alarms find when an alarm is broken, told on the module alone."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.deploy.checks import alarms
from tests.deploy.conftest import Planned
from tests.deploy.planned import Plan

Break = Callable[[dict[str, Any]], None]


def _broken(plan: Plan, key: str, change: Break) -> Plan:
    """The plan with one alarm changed."""
    state = copy.deepcopy(plan.state)
    changed = [
        raw
        for raw in _resources(state["root_module"])
        if raw["type"] == "aws_cloudwatch_metric_alarm" and raw["index"] == key
    ]
    assert len(changed) == 1
    change(changed[0]["values"])
    return Plan(plan.environment, state)


def _resources(module: dict[str, Any]) -> list[dict[str, Any]]:
    inner = [raw for child in module.get("child_modules", []) for raw in _resources(child)]
    return [*module.get("resources", []), *inner]


def _called(name: str) -> Break:
    return lambda values: values.update(metric_name=name)


def _by(**dimensions: str) -> Break:
    return lambda values: values.update(dimensions=dimensions)


def _asks(old: str, new: str) -> Break:
    def change(values: dict[str, Any]) -> None:
        for query in values["metric_query"]:
            query["expression"] = (query["expression"] or "").replace(old, new)

    return change


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("flights-lag", _called("headrace_lag_seconds")),
        ("flights-lag", _by(pipeline="flights", service="loader")),
        ("flights-lag", _by(service="worker")),
        ("flights-restarts", _called("headrace_restarts")),
        ("flights-stream-unread", _called("GetRecords.IteratorAge")),
        ("flights-stream-unread", _by(StreamName="s", ShardId="1")),
        ("worker-errors", _called("workers_errors")),
        ("warehouse-queries-queued", _asks("QueriesQueued", "QueriesWaiting")),
        ("warehouse-queries-queued", _asks("QueryType, ", "")),
        ("flights-dead-letters-of-one-reason", _asks("FROM SCHEMA", "OF")),
    ],
)  # fmt: skip
def test_an_alarm_without_a_metric_is_found(plan: Planned, key: str, change: Break) -> None:
    """Another name, other dimensions, another service, a query that says nothing."""
    whole = plan("dev/observability")
    assert list(alarms.alarms_without_metric(whole)) == []
    found = list(alarms.alarms_without_metric(_broken(whole, key, change)))
    assert len(found) == 1
    assert f'["{key}"]' in found[0]


def test_a_grave_metric_without_an_alarm_is_found(plan: Planned) -> None:
    """Where its only alarm asks for another one."""
    whole = plan("dev/observability")
    assert list(alarms.grave_metrics_without_alarm(whole)) == []
    broken = _broken(whole, "flights-files-pending", _called("headrace_lag_ms"))
    assert [line.partition(":")[0] for line in alarms.grave_metrics_without_alarm(broken)] == [
        "headrace_pending_age_seconds"
    ]


def test_an_alarm_that_tells_nobody_is_found(plan: Planned) -> None:
    """Of an alarm with explanations the composite one tells."""
    whole = plan("dev/observability")
    assert list(alarms.alarms_that_tell_nobody(whole)) == []
    silent = _broken(whole, "flights-lag", lambda values: values.update(alarm_actions=[]))
    assert len(list(alarms.alarms_that_tell_nobody(silent))) == 1
