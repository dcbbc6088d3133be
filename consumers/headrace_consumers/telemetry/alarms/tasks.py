"""ECS: are the tasks there, and have they room?"""

from __future__ import annotations

from collections.abc import Iterator

from headrace_consumers.telemetry.alarms.alarm import Alarm, Has, Service, Statistic
from headrace_consumers.telemetry.alarms.aws import service_of, tasks_of
from headrace_consumers.telemetry.catalogue import Severity


def _of(service: Service) -> Iterator[Alarm]:
    tasks = tasks_of(service)
    only = Has.WINDOWS if service is Service.WINDOWS else None
    yield Alarm(
        name=f"{service}-tasks-missing",
        severity=Severity.PAGE,
        only=only,
        series=(tasks("DesiredTaskCount", Statistic.MAXIMUM), tasks("RunningTaskCount", Statistic.MINIMUM)),
        expression="m1 - m2",
        threshold=0,
        periods=15,
        datapoints=10,
        means=f"ECS runs fewer tasks of the {service} than it should.",
        first="The service's events in ECS, then the last ERROR line of the task that stopped.",
        runbook="sentences-that-stop-a-worker-or-the-loader-exit-code-not-0-no-restart",
    )
    yield Alarm(
        name=f"{service}-memory",
        severity=Severity.TICKET,
        only=only,
        series=(service_of(service)("MemoryUtilization", Statistic.MAXIMUM),),
        threshold=90,
        periods=15,
        means=f"A task of the {service} has used more than nine tenths of its memory for a quarter of an hour.",
        first="Give the task more memory; a task that is killed for it loses nothing, and starts over.",
        runbook="runbook",
    )


TASK_ALARMS = tuple(alarm for service in Service for alarm in _of(service))
