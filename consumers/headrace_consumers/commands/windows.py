"""`headrace-consumers windows MODULE:PIPELINE`."""

from __future__ import annotations

import signal
from threading import Event
from typing import Annotated

from cyclopts import Parameter

from headrace_consumers.loading import load_pipeline
from headrace_consumers.settings import LakeSettings, LogSettings, WindowsSettings

FLAT = Parameter(name="*")
LAKE, LOG, WINDOWS = LakeSettings(), LogSettings(), WindowsSettings()


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
    from headrace_consumers.aws import make_clients
    from headrace_consumers.telemetry.logs import configure_logs
    from headrace_consumers.windows_service.running import WindowsRunner

    configure_logs()
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    WindowsRunner(declared, make_clients(), lake, log, windows).run(stop)
    return 0
