"""Commands over the stack that end by themselves, as anywhere: each says in its last line what it did."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
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
class Errand:
    """What a job is for. Its role names the log of its words in the stack's folder."""

    role: str
    late: str
    """How to say that it does not end, such as `the models are not built`."""
    failed: str
    """And that it cannot be done."""


@dataclass(frozen=True, slots=True)
class Job:
    """Runs."""

    folder: StackFolder
    errand: Errand
    process: subprocess.Popen[bytes]

    def until_done(self, kind: type[T], look: Callable[[], None], limit_s: float = JOB_LIMIT_S) -> T:
        """Blocks until it has ended; what its last line says, whatever its exit code. `look` is called now and then,
        and at the end. Raises StartError where that line is none, StalledError where it does not end."""
        deadline = time.monotonic() + limit_s
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                raise StalledError(f"{self.errand.late} within {limit_s:.0f} s; {self._last_words()}")
            look()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(_LOOK_EVERY_S)
        look()
        try:
            return msgspec.json.decode(self.newest(), type=kind)
        except msgspec.MsgspecError:
            raise StartError(
                f"{self.errand.failed}, exit code {self.process.returncode}; {self._last_words()}"
            ) from None

    def newest(self) -> str:
        """Its last line so far; of a job that has ended the last of stdout, which is the last of the log, too."""
        return last_lines(self.folder, self.errand.role, 1)

    def _last_words(self) -> str:
        return f"its last words:\n{last_lines(self.folder, self.errand.role)}"


@contextmanager
def running_job(plan: WorkerPlan, errand: Errand, program: str, words: Sequence[str]) -> Iterator[Job]:
    """Started at once; killed at the end where it still runs."""
    line = [str(Path(sys.executable).with_name(program)), *words]
    process = processes.start(plan.folder, errand.role, line, plan.environment(errand.role))
    try:
        yield Job(plan.folder, errand, process)
    finally:
        process.kill()
        process.wait()
