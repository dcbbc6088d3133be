"""`headrace-consumers run MODULE:PIPELINE`."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import msgspec
from cyclopts import Parameter

from headrace_consumers.loading import load_pipeline
from headrace_consumers.settings import (
    BatchSettings,
    KclSettings,
    LakeSettings,
    LogSettings,
    ServiceSettings,
    WorkerSettings,
)

DEFAULTS = WorkerSettings()
FLAT = Parameter(name="*")
"""Names of settings are unique over all groups, so flags and variables need no group in theirs."""


def run(
    pipeline: str,
    /,
    *,
    stream: str = "",
    lake: Annotated[LakeSettings, FLAT] = DEFAULTS.lake,
    log: Annotated[LogSettings, FLAT] = DEFAULTS.log,
    batch: Annotated[BatchSettings, FLAT] = DEFAULTS.batch,
    kcl: Annotated[KclSettings, FLAT] = DEFAULTS.kcl,
    service: Annotated[ServiceSettings, FLAT] = DEFAULTS.service,
    print_settings: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Run one worker of a pipeline until SIGTERM.

    Every option is also an environment variable: HEADRACE_ and its name, such as HEADRACE_MAX_BATCH_AGE_S.

    Parameters
    ----------
    pipeline
        MODULE:PIPELINE, such as my_team.pipelines:flights; the working directory is importable.
    stream
        Reads this stream instead of the pipeline's own.
    print_settings
        Print the effective settings as JSON and exit.
    """
    settings = WorkerSettings(stream=stream, lake=lake, log=log, batch=batch, kcl=kcl, service=service)
    if print_settings:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(settings)) + b"\n")
        return 0
    declared = load_pipeline(pipeline)
    from headrace_consumers.runtime.service import serve
    from headrace_consumers.telemetry.logs import configure_logs

    configure_logs()
    outcome = serve(pipeline, declared, settings, dict(os.environ))
    sys.stderr.write(f"headrace-consumers: {outcome.sentence}\n")
    return outcome.exit_code
