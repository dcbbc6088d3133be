"""The models of a demo: `headrace-sql build`, as anywhere, over the stack's own warehouse."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from headrace_local.folder import StackFolder
from headrace_local.jobs import Errand, Job, running_job
from headrace_local.progress import Nodes
from headrace_local.workers import WorkerPlan
from headrace_sql.build import BuildReport

ROLE = "models"
BUILD_LIMIT_S = 300.0
"""Many times what the full year takes on a busy machine."""
_ERRAND = Errand(ROLE, "the models are not built", "the models cannot be built")
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
        job = Job(self.folder, _ERRAND, self.process)
        return job.until_done(BuildReport, lambda: show(self._nodes()), limit_s)

    def _nodes(self) -> Nodes:
        return nodes_in(self.folder.log_path(ROLE).read_text(errors="replace"))


@contextmanager
def building_models(plan: WorkerPlan, warehouse_url: str) -> Iterator[ModelsBuild]:
    """Started at once; killed at the end where it still runs. What dbt then leaves ends with the stack."""
    words = ["build", "--json", "--target", "local", "--work-dir", str(plan.folder.path / ROLE)]
    with running_job(plan.with_warehouse(warehouse_url), _ERRAND, "headrace-sql", words) as job:
        yield ModelsBuild(plan.folder, job.process)


def nodes_in(log: str) -> Nodes:
    """How many of dbt's nodes are done, as its log has it so far."""
    ended = {int(number): int(total) for number, total in _ENDED.findall(log)}
    return Nodes(len(ended), max(ended.values(), default=0))
