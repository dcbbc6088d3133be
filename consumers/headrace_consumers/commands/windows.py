"""`headrace-consumers windows MODULE:PIPELINE`."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from headrace_consumers.loading import load_pipeline
from headrace_consumers.settings import LakeSettings, LogSettings, WindowsSettings
from headrace_producers.errors import SettingsError

if TYPE_CHECKING:
    from headrace_consumers.telemetry.windows_metrics import WindowsMetrics

FLAT = Parameter(name="*")
LAKE, LOG, WINDOWS = LakeSettings(), LogSettings(), WindowsSettings()
_log = logging.getLogger(__name__)


def windows(
    pipeline: str,
    /,
    *,
    lake: Annotated[LakeSettings, FLAT] = LAKE,
    log: Annotated[LogSettings, FLAT] = LOG,
    windows: Annotated[WindowsSettings, FLAT] = WINDOWS,
) -> int:
    """Run the windows service of a pipeline until SIGTERM: it merges what workers commit, and writes final windows.

    Every option is also an environment variable: HEADRACE_ and its name, such as HEADRACE_POLL_INTERVAL_S.

    Parameters
    ----------
    pipeline
        MODULE:PIPELINE, such as my_team.pipelines:flights; the working directory is importable.
    """
    declared = load_pipeline(pipeline)
    if not declared.windows:
        raise SettingsError(f"pipeline {declared.name!r} declares no windows: there is nothing to do")
    from headrace_consumers.aws import make_clients
    from headrace_consumers.runtime.preflight import connect, require
    from headrace_consumers.telemetry.windows_metrics import WindowsMetrics
    from headrace_consumers.windows_service.running import WindowsRunner

    aws = connect(os.environ)
    require(aws, windows.stream or declared.stream, log.log_table, tuple(lake.buckets.values()))
    metrics = WindowsMetrics()
    runner = WindowsRunner(declared, make_clients(aws.region), lake, log, windows, metrics=metrics)
    with _watched(declared.name, windows, metrics):
        runner.run(_stop_on_signals())
    return 0


@contextmanager
def _watched(pipeline: str, settings: WindowsSettings, metrics: WindowsMetrics) -> Iterator[None]:
    """Serves /metrics and /healthz, and ends the process where no step ends any more."""
    from headrace_consumers.runtime.watchdog import Watchdog
    from headrace_consumers.telemetry.http import TelemetryServer
    from headrace_consumers.telemetry.listening import listen
    from headrace_consumers.telemetry.logs import configure_logs

    limit_s = settings.stall_limit_s
    with listen(settings.metrics_host, settings.metrics_port) as listening:
        configure_logs()
        port = listening.getsockname()[1]
        _log.info("the windows service starts", extra={"fields": {"pipeline": pipeline, "metrics_port": port}})
        server = TelemetryServer(listening, metrics, lambda: metrics.health(limit_s))
        watchdog = Watchdog(lambda: metrics.health(limit_s), min(5.0, limit_s / 4))
        try:
            yield
        finally:
            watchdog.close()
            server.close()


def _stop_on_signals() -> Event:
    """Set by SIGTERM and SIGINT."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
