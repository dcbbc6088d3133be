"""The models of a demo: `headrace-sql build`, as anywhere, over the stack's own warehouse."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from headrace_local import processes
from headrace_local.aws import last_lines
from headrace_local.errors import StalledError, StartError
from headrace_local.folder import StackFolder
from headrace_local.progress import Nodes
from headrace_local.workers import WorkerPlan
from headrace_sql.build import BuildReport

ROLE = "models"
BUILD_LIMIT_S = 300.0
"""Many times what the full year takes on a busy machine."""
_LOOK_EVERY_S = 0.5
_ENDED = re.compile(r" (\d+) of (\d+) (?:OK|PASS|WARN|FAIL|ERROR|SKIP)\b(?!.*\bhook: )")
"""A line of dbt's log about a node that it is done with: the node's number, and how many there are."""


@dataclass(frozen=True, slots=True)
class ModelsBuild:
    """Runs. Its words go to a log in the stack's folder, dbt's artifacts beside it."""

    folder: StackFolder
    process: subprocess.Popen[bytes]

    def until_built(self, show: Callable[[Nodes], None], limit_s: float = BUILD_LIMIT_S) -> BuildReport:
        """Blocks until dbt has ended, also where nodes of it failed. Raises StartError where it could not begin, and
        StalledError where it does not end."""
        deadline = time.monotonic() + limit_s
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                raise StalledError(f"the models are not built within {limit_s:.0f} s; {self._last_words()}")
            show(self._nodes())
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(_LOOK_EVERY_S)
        show(self._nodes())
        return self._report()

    def _nodes(self) -> Nodes:
        return nodes_in(self.folder.log_path(ROLE).read_text(errors="replace"))

    def _report(self) -> BuildReport:
        """The last line of stdout, which is the last of the log, too."""
        try:
            return msgspec.json.decode(last_lines(self.folder, ROLE, 1), type=BuildReport)
        except msgspec.MsgspecError:
            raise StartError(
                f"the models cannot be built, exit code {self.process.returncode}; {self._last_words()}"
            ) from None

    def _last_words(self) -> str:
        return f"its last words:\n{last_lines(self.folder, ROLE)}"


@contextmanager
def building_models(plan: WorkerPlan, warehouse_url: str) -> Iterator[ModelsBuild]:
    """Started at once; killed at the end where it still runs. What dbt then leaves ends with the stack."""
    line = [
        str(Path(sys.executable).with_name("headrace-sql")), "build", "--json",
        "--target", "local", "--work-dir", str(plan.folder.path / ROLE),
    ]  # fmt: skip
    environment = plan.with_warehouse(warehouse_url).environment(ROLE)
    process = processes.start(plan.folder, ROLE, line, environment)
    try:
        yield ModelsBuild(plan.folder, process)
    finally:
        process.kill()
        process.wait()


def nodes_in(log: str) -> Nodes:
    """How many of dbt's nodes are done, as its log has it so far."""
    ended = {int(number): int(total) for number, total in _ENDED.findall(log)}
    return Nodes(len(ended), max(ended.values(), default=0))
