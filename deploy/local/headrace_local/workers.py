"""Workers of the local environment: `headrace-consumers run`, as anywhere, with intervals that suit a laptop."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from headrace_local import processes
from headrace_local.aws import last_lines
from headrace_local.environment import child_environment
from headrace_local.errors import StartError
from headrace_local.folder import StackFolder
from headrace_local.resources import Resources
from headrace_local.warehouse import warehouse_settings

PIPELINE = "headrace_local.pipelines:flights"
WINDOWS = "windows"
LOADER = "loader"
_SCHEMA = "schema"
STOP_TIMEOUT_S = 60.0
LOCAL_SETTINGS: Mapping[str, object] = MappingProxyType(
    {
        "max_batch_age_s": 5.0,
        "load_interval_s": 5.0,
        "failover_time_ms": 5_000,
        "idle_between_reads_ms": 250,
        "shard_sync_interval_ms": 1_000,
        "max_records": 10,  # MiniStack's reads know no limit of 10 MB, only this one
        "cbor": "false",  # MiniStack speaks it only where cbor2 is installed
    }
)


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """What all workers of a stack share."""

    folder: StackFolder
    endpoint: str
    resources: Resources
    pipeline: str = PIPELINE
    settings: Mapping[str, object] = field(default_factory=lambda: LOCAL_SETTINGS)

    def environment(self, worker_id: str) -> dict[str, str]:
        settings = {
            **self.resources.settings,
            "worker_id": worker_id,
            **self.settings,
        }
        # Sockets and properties files go into the stack's folder, and with it.
        inherited = {**child_environment(self.endpoint, os.environ), "TMPDIR": str(self.folder.path)}
        return inherited | settings_variables(settings)

    def with_warehouse(self, url: str) -> WorkerPlan:
        """The same for those who reach that warehouse, too."""
        return replace(self, settings={**self.settings, **warehouse_settings(url)})


def settings_variables(settings: Mapping[str, object]) -> dict[str, str]:
    """Settings as `headrace-consumers` finds them in its environment."""
    return {f"HEADRACE_{name.upper()}": str(value) for name, value in settings.items()}


class Worker:
    """One worker, or a service of its pipeline. Its role is its worker id, and names its log in the stack's folder."""

    def __init__(self, plan: WorkerPlan, role: str, command: str = "run") -> None:
        self.role = role
        self._folder = plan.folder
        self.process: subprocess.Popen[bytes] = _start(plan, role, command)

    def require_alive(self) -> None:
        """Raises StartError with the worker's last words where it ended by itself."""
        if (code := self.process.poll()) is not None:
            raise self._failed(f"{self.role} ended by itself with exit code {code}")

    def ask_to_stop(self) -> None:
        self.process.terminate()

    def require_stopped(self) -> None:
        """Waits for a clean end; raises StartError where there was none."""
        try:
            code = self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise self._failed(f"{self.role} does not stop within {STOP_TIMEOUT_S:.0f} s") from None
        if code != 0:
            raise self._failed(f"{self.role} stopped with exit code {code} instead of 0")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def last_words(self) -> str:
        return last_lines(self._folder, self.role)

    def _failed(self, what: str) -> StartError:
        return StartError(f"{what}; its last words:\n{self.last_words()}")


def _start(plan: WorkerPlan, role: str, *command: str) -> subprocess.Popen[bytes]:
    line = [str(Path(sys.executable).with_name("headrace-consumers")), *command, plan.pipeline]
    return processes.start(plan.folder, role, line, plan.environment(role))


@contextmanager
def running_workers(plan: WorkerPlan, count: int) -> Iterator[list[Worker]]:
    """So many workers and the windows service, started at once; killed at the end where they were not stopped before;
    their children die with them."""
    workers: list[Worker] = []
    try:
        workers.extend(Worker(plan, f"worker-{number}") for number in range(1, count + 1))
        workers.append(Worker(plan, WINDOWS, command="windows"))
        yield workers
    finally:
        for worker in workers:
            worker.kill()


@contextmanager
def running_loader(plan: WorkerPlan, warehouse_url: str) -> Iterator[Worker]:
    """The schema is applied first. Killed at the end where it was not stopped before. Raises StartError."""
    plan = plan.with_warehouse(warehouse_url)
    _apply_schema(plan)
    loader = Worker(plan, LOADER, command="load")
    try:
        yield loader
    finally:
        loader.kill()


def _apply_schema(plan: WorkerPlan) -> None:
    if _start(plan, _SCHEMA, "schema", "apply").wait(STOP_TIMEOUT_S) != 0:
        raise StartError(f"the warehouse's schema cannot be applied:\n{last_lines(plan.folder, _SCHEMA)}")


def stop_workers(workers: Sequence[Worker]) -> None:
    """SIGTERM to all, then a clean exit of each."""
    for worker in workers:
        worker.ask_to_stop()
    for worker in workers:
        worker.require_stopped()
