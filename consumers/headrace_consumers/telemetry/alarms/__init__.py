"""All alarms, by what they watch."""

from __future__ import annotations

from headrace_consumers.telemetry.alarms.batch import BATCH_ALARMS
from headrace_consumers.telemetry.alarms.errors import LOG_ALARMS, LOG_METRICS
from headrace_consumers.telemetry.alarms.loader import LOADER_ALARMS
from headrace_consumers.telemetry.alarms.platform import PLATFORM_ALARMS
from headrace_consumers.telemetry.alarms.tasks import TASK_ALARMS
from headrace_consumers.telemetry.alarms.windows import WINDOWS_ALARMS
from headrace_consumers.telemetry.alarms.worker import WORKER_ALARMS

__all__ = ["ALARMS", "LOG_METRICS"]

ALARMS = (
    *WORKER_ALARMS,
    *WINDOWS_ALARMS,
    *LOADER_ALARMS,
    *TASK_ALARMS,
    *BATCH_ALARMS,
    *PLATFORM_ALARMS,
    *LOG_ALARMS,
)
