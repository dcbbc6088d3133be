"""The demo: real flights from a producer through KCL into lake, warehouse and marts, and the proof that all arrived."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import msgspec

from headrace_local.committed import Committed
from headrace_local.demo_report import DemoReport, judged, replayed
from headrace_local.errors import LocalError
from headrace_local.flights.data import FLIGHTS, unpack_data
from headrace_local.flights.reconcile import Reconciliation
from headrace_local.folder import StackFolder
from headrace_local.judging import Judgement, judge
from headrace_local.lists import landing_lists
from headrace_local.loaded import loaded_so_far
from headrace_local.models import ModelsBuild, building_models
from headrace_local.models_judging import judge_models
from headrace_local.progress import Nodes, Progress, ProgressView
from headrace_local.replaying import backfill, followed, judge_replay, rewind
from headrace_local.sending import SendPlan, sending
from headrace_local.stack import OwnedStack, StackPlan, owned_stack
from headrace_local.streaming import Streaming
from headrace_local.workers import WorkerPlan, running_loader, running_workers, stop_workers

_NO_NODES = Nodes()


@dataclass(frozen=True, kw_only=True)
class DemoPlan:
    """What the command line asked for. Raises LocalError where it asks the impossible."""

    flights: int = FLIGHTS
    shards: int = 4
    workers: int = 1
    rate: float | None = None
    corrupt_percent: float = 0.0
    late_percent: float = 0.0
    keep: bool = False
    rewind: bool = False
    """By an hour, once the first commits stand."""
    replay: bool = False
    """All raw records are staged once more at the end."""

    def __post_init__(self) -> None:
        if not 1 <= self.flights <= FLIGHTS:
            raise LocalError(f"--flights must be between 1 and {FLIGHTS}, all that there are")
        if self.shards < 1 or self.workers < 1:
            raise LocalError("--shards and --workers must be at least 1")
        if self.rate is not None and self.rate <= 0:
            raise LocalError("--rate must be above 0 events a second")
        if not 0 <= self.corrupt_percent <= 100:  # noqa: PLR2004 -- percent
            raise LocalError("--corrupt is a percentage, from 0 to 100")
        if not 0 <= self.late_percent <= 100:  # noqa: PLR2004 -- percent
            raise LocalError("--late is a percentage, from 0 to 100")


class Demo:
    """One run. `report` says at any time how far it came, also after `run` has raised."""

    def __init__(self, plan: DemoPlan, folder: StackFolder, view: ProgressView) -> None:
        self._plan = plan
        self.folder = folder
        self._view = view
        self._began_s = time.monotonic()
        self._report = DemoReport()

    @property
    def report(self) -> DemoReport:
        return msgspec.structs.replace(self._report, seconds=round(self._seconds, 1))

    def run(self) -> Reconciliation:
        """Blocks until the stack has ended, or with `keep` until it stands by itself. Raises LocalError."""
        self._view.show(Progress("starting the local AWS and Redshift", self._seconds))
        with owned_stack(self.folder, StackPlan(shards=self._plan.shards), warehouse=True) as stack:
            self._note(endpoint=stack.endpoint, lake=stack.resources.lake)
            verdict = self._stream_and_reconcile(stack)
            if self._plan.keep:
                stack.leave_up()
        return verdict

    def _stream_and_reconcile(self, stack: OwnedStack) -> Reconciliation:
        committed = Committed(stack.clients, stack.resources)
        plan = WorkerPlan(self.folder, stack.endpoint, stack.resources)
        with (
            running_workers(plan, self._plan.workers) as running,
            sending(self._send_plan(stack.resources.stream), self.folder, stack.clients) as flow,
            running_loader(plan, self._await_warehouse(stack)) as loader,
            loaded_so_far(stack.await_warehouse(), committed.lineage()) as loaded,
            landing_lists(plan, stack.clients) as lists,
        ):
            streaming = Streaming(flow, committed, loaded, running, loader, lambda doing: self._show(doing, streaming))
            if self._plan.rewind:
                streaming.until_begun()
                rewind(plan, streaming.show)
            streaming.until_committed()
            self._note(landed_rows=sum(verdict.rows for verdict in lists.until_landed()))
            streaming.until_windows()
            self._show("stopping the workers", streaming)
            stop_workers(running)
            streaming.until_loaded()
            stop_workers([loader])
            with building_models(plan, stack.await_warehouse()) as models:
                found = self._judge(streaming, models)
            if self._plan.replay:
                self._replay(plan, stack, streaming, found)
            return found.lake

    def _await_warehouse(self, stack: OwnedStack) -> str:
        url = stack.await_warehouse()
        self._note(warehouse_url=url)
        return url

    def _send_plan(self, stream: str) -> SendPlan:
        plan = self._plan
        return SendPlan(stream, plan.flights, plan.rate, plan.corrupt_percent, plan.late_percent)

    def _replay(self, plan: WorkerPlan, stack: OwnedStack, streaming: Streaming, before: Judgement) -> None:
        """While the windows service and the loader run."""
        path, flights = self.folder.path, self._plan.flights
        with followed(plan, stack.await_warehouse(), streaming) as following:
            backfill(plan, following.show)
            following.until_windows()
            following.until_loaded()
        self._show("reconciling the replay", streaming)
        verdict = judge_replay(unpack_data(path), flights, streaming, before, path / "replayed")
        self._report = replayed(self._report, verdict)

    def _judge(self, streaming: Streaming, models: ModelsBuild) -> Judgement:
        path, flights = self.folder.path, self._plan.flights
        data = unpack_data(path)
        with ThreadPoolExecutor(1) as aside:  # lake and staging are judged while dbt builds
            judging = aside.submit(judge, data, flights, streaming, path)
            build = models.until_built(lambda nodes: self._show("building the models", streaming, nodes))
            self._show("reconciling", streaming)
            found = judging.result()
        judgement = judge_models(data, flights, streaming, path, build=build, found=found)
        self._report = judged(self._report, found, judgement)
        return found

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._began_s

    def _note(self, **changes: object) -> None:
        self._report = msgspec.structs.replace(self._report, **changes)

    def _show(self, doing: str, streaming: Streaming, nodes: Nodes = _NO_NODES) -> None:
        progress = replace(streaming.progress(doing, self._seconds), nodes=nodes)
        self._note(sent=progress.put, commits=progress.commits)
        self._view.show(progress)
