"""The demo: real flights from a producer through KCL into committed Parquet, and the proof that all arrived."""

from __future__ import annotations

import time
from dataclasses import dataclass

import msgspec

from headrace_local.committed import Committed
from headrace_local.errors import LocalError
from headrace_local.flights.data import FLIGHTS
from headrace_local.flights.reconcile import Reconciliation
from headrace_local.folder import StackFolder
from headrace_local.judging import judge
from headrace_local.loaded import loaded_so_far
from headrace_local.progress import Progress, ProgressView
from headrace_local.resources import Resources
from headrace_local.sending import SendPlan, sending
from headrace_local.stack import OwnedStack, owned_stack
from headrace_local.streaming import Streaming
from headrace_local.workers import WorkerPlan, running_loader, running_workers, stop_workers


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


class WarehouseReport(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in staging at the end."""

    loaded: int = 0
    """Rows of all event tables."""
    duplicates: int = 0
    missing: int = 0
    freshness_p95_s: float = 0.0
    """From a row's arrival in the stream until it is loaded."""


class DemoReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """The last line of `demo --json`. Keys are only ever added."""

    ok: bool = False
    sent: int = 0
    rows: int = 0
    dead_letters: int = 0
    duplicates: int = 0
    missing: int = 0
    commits: int = 0
    files: int = 0
    bytes: int = 0
    windows: int = 0
    """Final windows of all three kinds."""
    windows_wrong: int = 0
    late: int = 0
    """Events that came too late for windows; their rows are in the lake."""
    revisions: int = 0
    warehouse: WarehouseReport = WarehouseReport()
    seconds: float = 0.0
    lake: str = ""
    endpoint: str = ""
    warehouse_url: str = ""
    error: str | None = None


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
        resources = Resources(shards=self._plan.shards)
        self._view.show(Progress("starting the local AWS and Redshift", self._seconds))
        with owned_stack(self.folder, resources, warehouse=True) as stack:
            self._note(endpoint=stack.endpoint, lake=resources.lake)
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
        ):
            streaming = Streaming(flow, committed, loaded, running, loader, lambda doing: self._show(doing, streaming))
            streaming.until_committed()
            streaming.until_windows()
            self._show("stopping the workers", streaming)
            stop_workers(running)
            streaming.until_loaded()
            stop_workers([loader])
            self._show("reconciling", streaming)
            return self._judge(streaming)

    def _await_warehouse(self, stack: OwnedStack) -> str:
        url = stack.await_warehouse()
        self._note(warehouse_url=url)
        return url

    def _send_plan(self, stream: str) -> SendPlan:
        plan = self._plan
        return SendPlan(stream, plan.flights, plan.rate, plan.corrupt_percent, plan.late_percent)

    def _judge(self, streaming: Streaming) -> Reconciliation:
        found = judge(self._plan.flights, streaming, self.folder.path)
        lake, windows, warehouse, fault = found.lake, found.windows, found.warehouse, found.fault()
        self._note(
            sent=found.sent,
            rows=lake.rows,
            dead_letters=lake.dead_letters,
            duplicates=lake.duplicates,
            missing=lake.missing,
            commits=len(streaming.committed.attempts),
            files=len(found.files.keys),
            bytes=found.files.bytes,
            windows=windows.windows,
            windows_wrong=windows.wrong,
            late=windows.late,
            revisions=windows.revisions,
            warehouse=WarehouseReport(
                loaded=warehouse.verdict.loaded,
                duplicates=warehouse.verdict.duplicates,
                missing=warehouse.verdict.missing,
                freshness_p95_s=warehouse.freshness_p95_s,
            ),
            ok=fault is None,
            error=fault,
        )
        return lake

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._began_s

    def _note(self, **changes: object) -> None:
        self._report = msgspec.structs.replace(self._report, **changes)

    def _show(self, doing: str, streaming: Streaming) -> None:
        progress = streaming.progress(doing, self._seconds)
        self._note(sent=progress.put, commits=progress.commits)
        self._view.show(progress)
