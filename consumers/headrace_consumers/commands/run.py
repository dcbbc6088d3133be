"""`headrace-consumers run MODULE:PIPELINE`."""

from __future__ import annotations

import os
import sys
from typing import Annotated

from cyclopts import Parameter

from headrace_consumers.commands.printing import PrintSettings, tell_settings
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
    print_settings: PrintSettings = False,
) -> int:
    """Run one worker of a pipeline until SIGTERM.

    Every option is also an environment variable: HEADRACE_ and its name, such as HEADRACE_MAX_BATCH_AGE_S.

    Parameters
    ----------
    pipeline
        MODULE:PIPELINE, such as my_team.pipelines:flights; the working directory is importable.
    stream
        Reads this stream instead of the pipeline's own.
    """
    settings = WorkerSettings(stream=stream, lake=lake, log=log, batch=batch, kcl=kcl, service=service)
    declared = load_pipeline(pipeline)
    if print_settings:
        return tell_settings(
            pipeline=declared.name, stream=stream or declared.stream, lake=lake, log=log, batch=batch, kcl=kcl,
            service=service,
        )  # fmt: skip
    from headrace_consumers.runtime.service import serve
    from headrace_consumers.telemetry.logs import configure_logs

    configure_logs()
    outcome = serve(pipeline, declared, settings, dict(os.environ))
    sys.stderr.write(f"headrace-consumers: {outcome.sentence}\n")
    return outcome.exit_code
