"""Commands of `headrace-batch` over the stack, as anywhere: each says in its last line what it did."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from headrace_local import processes
from headrace_local.aws import last_lines
from headrace_local.errors import StalledError, StartError
from headrace_local.folder import StackFolder
from headrace_local.workers import WorkerPlan

T = TypeVar("T")
JOB_LIMIT_S = 600.0
"""Many times what a year of flights takes on a busy machine."""
_LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Job:
    """Runs. Its words go to a log in the stack's folder, named by its role."""

    folder: StackFolder
    role: str
    process: subprocess.Popen[bytes]

    def until_done(self, kind: type[T], show: Callable[[str], None], limit_s: float = JOB_LIMIT_S) -> T:
        """Blocks until it has ended; what its last line says. Raises StartError where it failed, StalledError where it
        does not end."""
        deadline = time.monotonic() + limit_s
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                raise StalledError(f"{self.role} has not ended within {limit_s:.0f} s; {self._last_words()}")
            show(self._newest())
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(_LOOK_EVERY_S)
        try:
            return msgspec.json.decode(self._newest(), type=kind)
        except msgspec.MsgspecError:
            raise StartError(
                f"{self.role} failed with exit code {self.process.returncode}; {self._last_words()}"
            ) from None

    def _newest(self) -> str:
        return last_lines(self.folder, self.role, 1)

    def _last_words(self) -> str:
        return f"its last words:\n{last_lines(self.folder, self.role)}"


@contextmanager
def running_job(plan: WorkerPlan, role: str, *words: str) -> Iterator[Job]:
    """Started at once; killed at the end where it still runs."""
    line = [str(Path(sys.executable).with_name("headrace-batch")), *words]
    process = processes.start(plan.folder, role, line, plan.environment(role))
    try:
        yield Job(plan.folder, role, process)
    finally:
        process.kill()
        process.wait()
