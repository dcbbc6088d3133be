"""The lists of a demo, carriers, airports and planes: `headrace-batch land`, as anywhere, over files in the landing
bucket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from headrace_batch.landing.verdicts import Outcome, Verdict
from headrace_local.environment import AwsClients
from headrace_local.errors import StartError
from headrace_local.flights.data import lists_csv
from headrace_local.jobs import Errand, Job, running_job
from headrace_local.workers import WorkerPlan

LANDING_LIMIT_S = 120.0
"""Many times what it takes on a busy machine."""
_AS_OF = "2013-01-01T00:00:00Z"
"""The lists say what was so in the year of the flights; the files are as old as their package."""


@dataclass(frozen=True, slots=True)
class LandingLists:
    """Run. The words of each go to a log in the stack's folder."""

    jobs: Mapping[str, Job]

    def until_landed(self) -> list[Verdict]:
        """Blocks until all have ended. Raises StartError where one did not land, StalledError where one hangs."""
        return [_landed(name, job) for name, job in self.jobs.items()]


def _landed(name: str, job: Job) -> Verdict:
    verdict = job.until_done(Verdict, lambda: None, LANDING_LIMIT_S)
    if verdict.outcome is not Outcome.LANDED or verdict.letters:
        raise StartError(f"the list of {name} has not landed as it is: {verdict}")
    return verdict


@contextmanager
def landing_lists(plan: WorkerPlan, clients: AwsClients) -> Iterator[LandingLists]:
    """Sent and landed side by side, at once; killed at the end where one still runs."""
    with ExitStack() as running:
        jobs: dict[str, Job] = {}
        for name, path in lists_csv().items():
            words = ["land", plan.pipeline, name, _send(plan, clients, name, path), "--as-of", _AS_OF, "--json"]
            jobs[name] = running.enter_context(running_job(plan, _errand(name), "headrace-batch", words))
        yield LandingLists(jobs)


def _errand(name: str) -> Errand:
    return Errand(f"land-{name}", f"the list of {name} has not landed", f"the list of {name} cannot land")


def _send(plan: WorkerPlan, clients: AwsClients, name: str, path: Path) -> str:
    bucket, key = plan.resources.landing_bucket, f"landing/{name}/{path.name}"
    clients.s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
    return f"s3://{bucket}/{key}"
