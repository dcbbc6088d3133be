"""`headrace-consumers windows MODULE:PIPELINE`."""

from __future__ import annotations

import os
from typing import Annotated

from cyclopts import Parameter

from headrace_consumers.commands.printing import PrintSettings, tell_settings
from headrace_consumers.loading import load_pipeline
from headrace_consumers.settings import LakeSettings, LogSettings, WindowsSettings
from headrace_producers.errors import SettingsError

FLAT = Parameter(name="*")
LAKE, LOG, WINDOWS = LakeSettings(), LogSettings(), WindowsSettings()


def windows(
    pipeline: str,
    /,
    *,
    lake: Annotated[LakeSettings, FLAT] = LAKE,
    log: Annotated[LogSettings, FLAT] = LOG,
    windows: Annotated[WindowsSettings, FLAT] = WINDOWS,
    print_settings: PrintSettings = False,
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
    if print_settings:
        return tell_settings(
            pipeline=declared.name, stream=windows.stream or declared.stream, lake=lake, log=log, windows=windows
        )
    from headrace_consumers.aws import make_clients
    from headrace_consumers.commands.serving import served
    from headrace_consumers.preflight import connect, require
    from headrace_consumers.telemetry.windows_metrics import WindowsMetrics
    from headrace_consumers.windows_service.running import WindowsRunner

    aws = connect(os.environ)
    require(aws, windows.stream or declared.stream, log.log_table, tuple(lake.buckets.values()))
    metrics = WindowsMetrics()
    runner = WindowsRunner(declared, make_clients(aws.region), lake, log, windows, metrics=metrics)
    with served("the windows service", declared.name, windows, metrics) as stop:
        runner.run(stop)
    return 0
