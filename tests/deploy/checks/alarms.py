"""Alarms watch what is told: a metric that nobody tells is never beyond its threshold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from headrace_consumers.telemetry.alarms.alarm import LOG_NAMESPACE, NAMESPACE
from headrace_consumers.telemetry.catalogue import CATALOGUE, LOAD_CATALOGUE, WINDOWS_CATALOGUE
from tests.deploy.planned import Plan, Resource

TOLD = {
    "worker": {metric.exposed_name for metric in CATALOGUE},
    "windows": {metric.exposed_name for metric in WINDOWS_CATALOGUE},
    "loader": {metric.exposed_name for metric in LOAD_CATALOGUE},
}

Series = tuple[str, str, dict[str, str]]


def alarms_of_nothing(plan: Plan) -> Iterator[str]:
    counted = {one.block("metric_transformation").get("name") for one in plan.of("aws_cloudwatch_log_metric_filter")}
    for alarm in plan.of("aws_cloudwatch_metric_alarm"):
        for namespace, name, dimensions in _series(alarm):
            told = TOLD.get(dimensions.get("service", ""), set()) if namespace == NAMESPACE else counted
            if namespace in {NAMESPACE, LOG_NAMESPACE} and name not in told:
                yield f"{alarm.address}: {namespace} has no {name} with {dimensions}"


def silent_alarms(plan: Plan) -> Iterator[str]:
    """Each alarm tells a topic or scales a service, or a composite alarm asks it that does."""
    rules = "\n".join(plan.spoken(one.values["alarm_rule"]) for one in plan.of("aws_cloudwatch_composite_alarm"))
    for alarm in plan.of("aws_cloudwatch_metric_alarm", "aws_cloudwatch_composite_alarm"):
        told = [
            plan.is_of(text, "aws_sns_topic", "aws_appautoscaling_policy")
            for text in alarm.values["alarm_actions"] or []
        ]
        if not all(told) or not (told or f'"{alarm.values["alarm_name"]}"' in rules):
            yield f"{alarm.address}: tells nobody"


def _series(alarm: Resource) -> Iterator[Series]:
    queries: list[dict[str, Any]] = [alarm.values, *alarm.values["metric_query"]]
    metrics = [metric for query in alarm.values["metric_query"] for metric in query["metric"]]
    for one in [*queries[:1], *metrics]:
        if one.get("metric_name"):
            yield one["namespace"], one["metric_name"], one["dimensions"] or {}
