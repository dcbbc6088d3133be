"""The demo: real flights from a producer through KCL into committed Parquet, and the proof that all arrived."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from headrace_local.committed import Committed
from headrace_local.errors import LocalError, StalledError
from headrace_local.flights.data import FLIGHTS, unpack_data
from headrace_local.flights.reconcile import Reconciliation, reconcile
from headrace_local.flights.window_oracle import reconcile_windows
from headrace_local.folder import StackFolder
from headrace_local.lake_copy import LakeCopy, copy_lake
from headrace_local.progress import Progress, ProgressView
from headrace_local.resources import Resources
from headrace_local.sending import Sending, SendPlan, sending
from headrace_local.stack import OwnedStack, owned_stack
from headrace_local.workers import Worker, WorkerPlan, running_workers, stop_workers

STALL_LIMIT_S = 150.0
"""Longer than KCL's slowest start on a busy machine."""
_LOOK_EVERY_S = 0.5


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
    seconds: float = 0.0
    lake: str = ""
    endpoint: str = ""
    error: str | None = None


class Demo:
    """One run. `report` says at any time how far it came, also after `run` has raised."""

    def __init__(self, plan: DemoPlan, folder: StackFolder, view: ProgressView) -> None:
        self._plan = plan
        self._folder = folder
        self._view = view
        self._began_s = time.monotonic()
        self._report = DemoReport()

    @property
    def report(self) -> DemoReport:
        return msgspec.structs.replace(self._report, seconds=round(time.monotonic() - self._began_s, 1))

    def run(self) -> Reconciliation:
        """Blocks until the stack has ended, or with `keep` until it stands by itself. Raises LocalError."""
        resources = Resources(shards=self._plan.shards)
        self._show("starting the local AWS")
        with owned_stack(self._folder, resources) as stack:
            self._note(endpoint=stack.endpoint, lake=resources.lake)
            verdict = self._stream_and_reconcile(stack)
            if self._plan.keep:
                stack.leave_up()
        return verdict

    def _stream_and_reconcile(self, stack: OwnedStack) -> Reconciliation:
        committed = Committed(stack.clients, stack.resources)
        workers = WorkerPlan(self._folder, stack.endpoint, stack.resources)
        send = SendPlan(
            stack.resources.stream,
            self._plan.flights,
            self._plan.rate,
            self._plan.corrupt_percent,
            self._plan.late_percent,
        )
        with (
            running_workers(workers, self._plan.workers) as running,
            sending(send, self._folder, stack.clients) as flow,
        ):
            self._drain(flow, committed, running)
            self._await_windows(flow, committed, running)
            self._show("stopping the workers", flow, committed)
            stop_workers(running)
        self._show("reconciling", flow, committed)
        lake = copy_lake(stack.clients, stack.resources.processed_bucket, self._folder.path / "lake")
        curated = copy_lake(stack.clients, stack.resources.curated_bucket, self._folder.path / "curated")
        return self._judge(flow, committed, lake, curated)

    def _await_windows(self, flow: Sending, committed: Committed, workers: Sequence[Worker]) -> None:
        """Until the windows service has merged all that is committed, and every window is out."""
        stall = StallWatch(STALL_LIMIT_S)
        while True:
            windows = committed.windows()
            self._show("waiting for the windows", flow, committed)
            for worker in workers:
                worker.require_alive()
            if windows.complete:
                return
            if stall.quiet_s(windows.commits) > stall.limit_s:
                raise StalledError(
                    f"the windows service has committed nothing for {stall.limit_s:.0f} s; its last words:\n"
                    f"{workers[-1].last_words()}"
                )
            time.sleep(_LOOK_EVERY_S)

    def _drain(self, flow: Sending, committed: Committed, workers: Sequence[Worker]) -> None:
        """Until every put event is committed. Raises StartError, StalledError, or what stopped the source."""
        stall = StallWatch(STALL_LIMIT_S)
        while True:
            finished = flow.finished.is_set()
            committed.refresh()
            self._show("waiting for the rest" if finished else "streaming", flow, committed)
            flow.require_sound()
            for worker in workers:
                worker.require_alive()
            if finished and committed.events >= flow.counters.put_events:
                return
            if (quiet_s := stall.quiet_s(flow.counters.delivered_events, committed.events)) > stall.limit_s:
                raise _stalled(quiet_s, flow, committed, workers)
            flow.finished.wait(_LOOK_EVERY_S) if not finished else time.sleep(_LOOK_EVERY_S)

    def _judge(self, flow: Sending, committed: Committed, lake: LakeCopy, curated: LakeCopy) -> Reconciliation:
        data = unpack_data(self._folder.path)
        verdict = reconcile(data, self._plan.flights, lake, flow.corrupted)
        windows = reconcile_windows(
            data, self._plan.flights, lake, curated, corrupted=flow.corrupted, held_back=flow.held_back
        )
        sent = flow.counters.put_events
        logged = committed.processed_keys()
        self._note(
            sent=sent,
            rows=verdict.rows,
            dead_letters=verdict.dead_letters,
            duplicates=verdict.duplicates,
            missing=verdict.missing,
            commits=len(committed.attempts),
            files=len(lake.keys),
            bytes=lake.bytes,
            windows=windows.windows,
            windows_wrong=windows.wrong,
            late=windows.late,
            revisions=windows.revisions,
        )
        fault = _fault(verdict, sent, lake, frozenset(logged), committed.gaps)
        if fault is None and not windows.ok:
            fault = windows.sentence()
        self._note(ok=fault is None, error=fault)
        return verdict

    def _note(self, **changes: object) -> None:
        self._report = msgspec.structs.replace(self._report, **changes)

    def _show(self, doing: str, flow: Sending | None = None, committed: Committed | None = None) -> None:
        seconds = time.monotonic() - self._began_s
        if flow is None or committed is None:
            self._view.show(Progress(doing, seconds))
            return
        self._note(sent=flow.counters.put_events, commits=len(committed.attempts))
        self._view.show(
            Progress(
                doing,
                seconds,
                flow.counters.put_events,
                committed.events,
                len(committed.attempts),
                dict(flow.delivered),
                {shard: progress.events for shard, progress in committed.shards.items()},
            )
        )


class StallWatch:
    """How long no figure has changed."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self._figures: tuple[int, ...] = ()
        self._changed_s = time.monotonic()

    def quiet_s(self, *figures: int) -> float:
        if figures != self._figures:
            self._figures, self._changed_s = figures, time.monotonic()
        return time.monotonic() - self._changed_s


def _stalled(quiet_s: float, flow: Sending, committed: Committed, workers: Sequence[Worker]) -> StalledError:
    words = "\n".join(f"{worker.role}:\n{worker.last_words()}" for worker in workers)
    return StalledError(
        f"nothing was committed for {quiet_s:.0f} s: {committed.events} of {flow.counters.put_events} events "
        f"are; the workers' last words:\n{words}"
    )


def _fault(verdict: Reconciliation, sent: int, lake: LakeCopy, logged: frozenset[str], gaps: int) -> str | None:
    """The sentence of the first thing that is wrong; None where all is right."""
    if not verdict.ok:
        return verdict.sentence()
    if sent != verdict.expected:
        return f"the producer took {sent} events, the CSV files have {verdict.expected}"
    if lake.keys != logged:
        return f"{len(lake.keys ^ logged)} files are only in the lake or only in the commit log"
    return f"{gaps} gap links stand in the commit log" if gaps else None
