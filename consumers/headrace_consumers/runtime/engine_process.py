"""The engine as a process: `python -m headrace_consumers.runtime.engine_process`, started by the supervisor only.

Standard input: the job as one line, then nothing until its end, which means: finish and exit. Standard output: `ready`
once the socket listens; when it fails, one sentence. Standard error: logs.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import socket
import sys
import time
from collections.abc import Callable

from headrace_consumers.loading import load_pipeline
from headrace_consumers.pipeline import Pipeline
from headrace_consumers.runtime.exits import EngineExit, exit_of
from headrace_consumers.runtime.handoff import HandoffListener
from headrace_consumers.runtime.job import READY, EngineJob, decode_job
from headrace_consumers.runtime.tether import tie_to_parent
from headrace_consumers.runtime.watchdog import Watchdog
from headrace_consumers.telemetry.health import Health, judge
from headrace_consumers.telemetry.http import TelemetryServer
from headrace_consumers.telemetry.logs import configure_logs, describe
from headrace_consumers.telemetry.metrics import Metrics
from headrace_producers.errors import HeadraceError

CONTROL_FD = 0
RunEngine = Callable[[EngineJob, Pipeline, HandoffListener, int, Metrics], None]
_log = logging.getLogger(__name__)


def run_job(job: EngineJob, run_engine: RunEngine) -> None:
    """Serves until the control pipe ends and the daemon has closed its pipes. Raises what ends the engine early."""
    pipeline = load_pipeline(job.pipeline)
    metrics = Metrics()
    metrics.restarted(job.restarts)
    limit_s = job.settings.service.stall_limit_s

    def health() -> Health:
        return judge(metrics.snapshot, time.monotonic(), limit_s)

    if job.http_fd >= 0:
        TelemetryServer(socket.socket(fileno=job.http_fd), metrics, health)
    listener = HandoffListener(job.socket_path)
    say(READY)
    Watchdog(health, min(5.0, limit_s / 4))
    run_engine(job, pipeline, listener, CONTROL_FD, metrics)


def read_job(fd: int) -> EngineJob:
    """Blocks until the first line is whole; what follows it belongs to the engine."""
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(fd, 1)):
        line += byte
    return decode_job(line)


def say(sentence: str) -> None:
    """One line for the supervisor; no error when it is gone."""
    try:
        os.write(sys.stdout.fileno(), f"{' '.join(sentence.split())}\n".encode())
    except OSError:
        return


def attempt(run_engine: RunEngine) -> EngineExit:
    """Runs the job on standard input; how it ended."""
    try:
        job = read_job(CONTROL_FD)
        tie_to_parent(job.supervisor_pid)
        run_job(job, run_engine)
    except HeadraceError as error:
        _log.error("the engine ends without a checkpoint", extra={"fields": {"error": describe(error)}})
        say(str(error))
        return exit_of(error)
    except BaseException as error:  # noqa: BLE001 - told, and the process ends
        _log.exception("the engine ends without a checkpoint")
        say(f"the engine crashed: {describe(error)}")
        return EngineExit.CRASHED
    return EngineExit.FINISHED


def main() -> None:
    faulthandler.enable()
    configure_logs()
    from headrace_consumers.runtime.assembly import run_engine

    # Jobs may still wait for AWS in threads: nothing is to wait for them.
    os._exit(attempt(run_engine))


if __name__ == "__main__":
    main()
