"""The lists of a demo, carriers, airports and planes: `headrace-batch land`, as anywhere, over files in the landing
bucket."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from headrace_batch.landing.verdicts import Outcome, Verdict
from headrace_local import processes
from headrace_local.aws import last_lines
from headrace_local.environment import AwsClients
from headrace_local.errors import StalledError, StartError
from headrace_local.flights.data import lists_csv
from headrace_local.workers import WorkerPlan

LANDING_LIMIT_S = 120.0
"""Many times what it takes on a busy machine."""
_AS_OF = "2013-01-01T00:00:00Z"
"""The lists say what was so in the year of the flights; the files are as old as their package."""


@dataclass(frozen=True, slots=True)
class LandingLists:
    """Runs. The words of each go to a log in the stack's folder."""

    plan: WorkerPlan
    running: Mapping[str, subprocess.Popen[bytes]]

    def until_landed(self) -> list[Verdict]:
        """Blocks until all have ended. Raises StartError where one did not land, StalledError where one hangs."""
        return [self._verdict(name, process) for name, process in self.running.items()]

    def _verdict(self, name: str, process: subprocess.Popen[bytes]) -> Verdict:
        role = _role(name)
        try:
            process.wait(LANDING_LIMIT_S)
        except subprocess.TimeoutExpired:
            raise StalledError(f"the list of {name} has not landed within {LANDING_LIMIT_S:.0f} s") from None
        said = last_lines(self.plan.folder, role, 1)
        try:
            verdict = msgspec.json.decode(said, type=Verdict)
        except msgspec.MsgspecError:
            raise StartError(f"the list of {name} cannot land; its last words:\n{said}") from None
        if verdict.outcome is not Outcome.LANDED or verdict.letters:
            raise StartError(f"the list of {name} has not landed as it is: {verdict}")
        return verdict


@contextmanager
def landing_lists(plan: WorkerPlan, clients: AwsClients) -> Iterator[LandingLists]:
    """Sent and landed side by side, at once; killed at the end where one still runs."""
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, path in lists_csv().items():
            running[name] = _start(plan, name, _send(plan, clients, name, path))
        yield LandingLists(plan, running)
    finally:
        for process in running.values():
            process.kill()
            process.wait()


def _send(plan: WorkerPlan, clients: AwsClients, name: str, path: Path) -> str:
    bucket, key = plan.resources.landing_bucket, f"landing/{name}/{path.name}"
    clients.s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
    return f"s3://{bucket}/{key}"


def _start(plan: WorkerPlan, name: str, url: str) -> subprocess.Popen[bytes]:
    program = str(Path(sys.executable).with_name("headrace-batch"))
    line = [program, "land", plan.pipeline, name, url, "--as-of", _AS_OF, "--json"]
    return processes.start(plan.folder, _role(name), line, plan.environment(_role(name)))


def _role(name: str) -> str:
    return f"land-{name}"
