"""What the windows service's own metrics raise."""

from __future__ import annotations

from headrace_consumers.telemetry import catalogue as c
from headrace_consumers.telemetry.alarms.alarm import (
    Alarm,
    Comparison,
    Has,
    Missing,
    Series,
    Service,
    Statistic,
    ours,
)
from headrace_consumers.telemetry.catalogue import Metric, Severity


def _windows(metric: Metric, statistic: Statistic) -> Series:
    return ours(metric, Service.WINDOWS, statistic)


WINDOWS_ALARMS = (
    Alarm(
        name="windows-silent",
        severity=Severity.PAGE,
        only=Has.WINDOWS,
        series=(_windows(c.WINDOW_STEPS, Statistic.SUM),),
        comparison=Comparison.BELOW,
        threshold=1,
        period_s=300,
        periods=3,
        missing=Missing.BAD,
        means="The windows service has ended no step for a quarter of an hour, or tells nothing.",
        first="Its last ERROR line; it may be restarted at any time.",
        runbook="runbook",
        unless=("windows-tasks-missing",),
    ),
    Alarm(
        name="windows-stand-still",
        severity=Severity.PAGE,
        only=Has.WINDOWS,
        series=(_windows(c.LOW_WATERMARK_AGE_SECONDS, Statistic.MAXIMUM),),
        threshold=1_800,
        periods=5,
        means="The low watermark has stood still for half an hour: no window comes out.",
        first="`headrace-consumers status` says below its tables which shard holds them back.",
        runbook="how-to-read-windows-in-status",
        unless=("shard-unread",),
    ),
    Alarm(
        name="shard-unread",
        severity=Severity.PAGE,
        only=Has.WINDOWS,
        series=(_windows(c.SHARD_SILENCE_SECONDS, Statistic.MAXIMUM),),
        threshold=600,
        periods=5,
        means="An open shard has brought neither commit nor heartbeat for ten minutes: nobody reads it.",
        first="`headrace-consumers status`: a shard without an owner? Restart one worker: it takes the leader's lock.",
        runbook="runbook",
        unless=("worker-silent", "worker-tasks-missing"),
    ),
)
