"""Time series of AWS's own, by the thing that they are about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from headrace_consumers.telemetry.alarms.alarm import Series, Statistic


def _about(namespace: str, **dimensions: str) -> Callable[[str, Statistic], Series]:
    return lambda name, statistic: Series(namespace, name, statistic, dimensions)


def over(series: Series, *dimensions: str) -> Series:
    """Whatever these dimensions say."""
    return replace(series, over=dimensions)


def service_of(service: str) -> Callable[[str, Statistic], Series]:
    """An ECS service, as it is named in deploy/modules/names."""
    return _about("AWS/ECS", ClusterName="{cluster}", ServiceName=f"{{{service}}}")


def tasks_of(service: str) -> Callable[[str, Statistic], Series]:
    """Its tasks; Container Insights must be on in the cluster."""
    return _about("ECS/ContainerInsights", ClusterName="{cluster}", ServiceName=f"{{{service}}}")


def machine(kind: str) -> Callable[[str, Statistic], Series]:
    """A state machine, as it is named in deploy/modules/names."""
    arn = f"arn:{{partition}}:states:{{region}}:{{account_id}}:stateMachine:{{{kind}}}"
    return _about("AWS/States", StateMachineArn=arn)


schedules = _about("AWS/Scheduler", ScheduleGroup="default")
stream = _about("AWS/Kinesis", StreamName="{stream}")
archive = _about("AWS/Firehose", DeliveryStreamName="{firehose}")
landing_function = _about("AWS/Lambda", FunctionName="{landing}")
landing_queue = _about("AWS/SQS", QueueName="{landing_queue}")
landing_dead_queue = _about("AWS/SQS", QueueName="{landing_dead_queue}")
log_table = _about("AWS/DynamoDB", TableName="{log_table}")
workgroup = _about("AWS/Redshift-Serverless", Workgroup="{warehouse}")
