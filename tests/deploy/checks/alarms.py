"""An alarm asks for a metric that exists, of a thing that is deployed, and tells somebody; grave metrics have one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from headrace_consumers.telemetry.alarms.alarm import DIMENSIONS, LOG_NAMESPACE, NAMESPACE, Service
from headrace_consumers.telemetry.catalogue import CATALOGUE, LOAD_CATALOGUE, WINDOWS_CATALOGUE
from tests.consumers.telemetry.documented import DOCUMENTED
from tests.deploy.planned import Plan, Resource

_EXPOSED = {
    Service.WORKER.value: {metric.exposed_name for metric in CATALOGUE},
    Service.WINDOWS.value: {metric.exposed_name for metric in WINDOWS_CATALOGUE},
    Service.LOADER.value: {metric.exposed_name for metric in LOAD_CATALOGUE},
}
_GRAVE = {metric for metric in (*CATALOGUE, *WINDOWS_CATALOGUE, *LOAD_CATALOGUE) if metric.severity}
_NAMED = {
    "ClusterName": ("aws_ecs_cluster", "name"),
    "DeliveryStreamName": ("aws_kinesis_firehose_delivery_stream", "name"),
    "FunctionName": ("aws_lambda_function", "function_name"),
    "QueueName": ("aws_sqs_queue", "name"),
    "ServiceName": ("aws_ecs_service", "name"),
    "StateMachineArn": ("aws_sfn_state_machine", "name"),
    "StreamName": ("aws_kinesis_stream", "name"),
    "TableName": ("aws_dynamodb_table", "name"),
    "Workgroup": ("aws_redshiftserverless_workgroup", "workgroup_name"),
}
"""Dimension to what it names."""
_QUERY = re.compile(r'SELECT \w+\(([\w.]+)\) FROM SCHEMA\("([\w/-]+)", ([\w, ]+)\) WHERE (.+?)(?: GROUP BY \w+)?')


class Asked(NamedTuple):
    namespace: str
    name: str
    dimensions: dict[str, str]
    schema: frozenset[str]
    """All dimensions of the metric; those that are not given count with each of their values."""


def alarms_without_metric(plan: Plan) -> Iterator[str]:
    """Also where the metric exists, and not with these dimensions."""
    for alarm, asked in _asked(plan):
        wrong = _wrong(plan, asked)
        if wrong:
            yield f"{alarm.address}: {asked.namespace} {asked.name} {sorted(asked.schema)}: {wrong}"


def alarms_of_nothing(plan: Plan) -> Iterator[str]:
    """A dimension that names what the environment does not have; a unit planned alone lacks the others."""
    if plan.alone:
        return
    for alarm, asked in _asked(plan):
        for dimension, value in asked.dimensions.items():
            kind, attribute = _NAMED.get(dimension, ("", ""))
            there = {str(each.values[attribute]) for each in plan.of(kind)} if kind else {value}
            if value.rpartition(":")[2] not in there:
                yield f"{alarm.address}: there is no {kind} {value!r}"


def alarms_that_tell_nobody(plan: Plan) -> Iterator[str]:
    """By itself or by the composite alarm that knows what explains it: to a topic, or to what scales a service."""
    composites = plan.of("aws_cloudwatch_composite_alarm")
    for alarm in plan.of("aws_cloudwatch_metric_alarm"):
        telling = [one for one in composites if one.index == alarm.index] or [alarm]
        for one in telling:
            if not all(
                plan.is_of(arn, "aws_sns_topic", "aws_appautoscaling_policy")
                for arn in one.values["alarm_actions"] or [""]
            ):
                yield f"{one.address}: nobody is told"
    for topic in plan.of("aws_sns_topic"):
        if not any(plan.owner(each.values["topic_arn"]) is topic for each in plan.of("aws_sns_topic_subscription")):
            yield f"{topic.address}: nobody is subscribed"


def grave_metrics_without_alarm(plan: Plan) -> Iterator[str]:
    """Of the metrics catalogue: whatever has a severity."""
    alarmed = {asked.name for _, asked in _asked(plan) if asked.namespace == NAMESPACE}
    if not alarmed and plan.alone:
        return
    for metric in sorted(_GRAVE, key=lambda metric: metric.name):
        if metric.exposed_name not in alarmed:
            yield f"{metric.exposed_name}: no alarm watches it, and its severity is {metric.severity}"


def _wrong(plan: Plan, asked: Asked) -> str:
    if asked.namespace == LOG_NAMESPACE:
        filters = [one.block("metric_transformation") for one in plan.of("aws_cloudwatch_log_metric_filter")]
        counted = {(one["namespace"], one["name"]) for one in filters}
        return "" if (asked.namespace, asked.name) in counted else "no filter of a log group counts it"
    if asked.namespace == NAMESPACE:
        told = asked.name in _EXPOSED.get(asked.dimensions.get("service", ""), set())
        whole = asked.schema >= set(DIMENSIONS)
        return "" if told and whole else "its service tells no such metric, or the collector declares it otherwise"
    sets = DOCUMENTED.get(asked.namespace, {}).get(asked.name, ())
    return "" if asked.schema in sets else "AWS documents no such metric, or not with these dimensions"


def _asked(plan: Plan) -> Iterator[tuple[Resource, Asked]]:
    for alarm in plan.of("aws_cloudwatch_metric_alarm"):
        for asked in _of_alarm(alarm.values):
            yield alarm, asked


def _of_alarm(values: dict[str, Any]) -> Iterator[Asked]:
    if values.get("metric_name"):
        yield _metric(values)
    for query in values.get("metric_query") or ():
        expression = query.get("expression") or ""
        if query.get("metric"):
            yield _metric(query["metric"][0])
        elif expression.startswith("SELECT"):
            yield _of_query(expression)


def _metric(values: dict[str, Any]) -> Asked:
    dimensions = values.get("dimensions") or {}
    return Asked(values["namespace"], values["metric_name"], dimensions, frozenset(dimensions))


def _of_query(expression: str) -> Asked:
    found = _QUERY.fullmatch(expression)
    if found is None:
        return Asked("", json.dumps(expression), {}, frozenset())
    given = dict(re.findall(r"(\w+) = '([^']*)'", found[4]))
    return Asked(found[2], found[1], given, frozenset(found[3].split(", ")))
