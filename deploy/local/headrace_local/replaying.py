"""What a demo does with `headrace-batch` beside the path: it rewinds while it streams, and replays what it streamed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from headrace_local.flights.data import FlightsData
from headrace_local.flights.replay_oracle import Comparison, compare
from headrace_local.flights.window_oracle import WindowVerdict, reconcile_windows
from headrace_local.jobs import Errand, Job, running_job
from headrace_local.judging import Judgement
from headrace_local.lake_copy import copy_lake
from headrace_local.streaming import Streaming
from headrace_local.warehouse_judging import WarehouseJudgement, see_warehouse
from headrace_local.workers import WINDOWS, Worker, WorkerPlan, running_loader, stop_workers

REWOUND_BY = timedelta(hours=1)
_REASON = "the demo shows it"
_REWIND = Errand("rewind", "the pipeline is not rewound", "the pipeline cannot be rewound")
_BACKFILL = Errand("backfill", "the raw records are not replayed", "the raw records cannot be replayed")


class Done(msgspec.Struct, frozen=True):
    """The last line of either command; what it says beyond is for people."""


@dataclass(frozen=True, slots=True)
class ReplayVerdict:
    """What stands after all raw records were staged once more."""

    lake: Comparison
    windows: WindowVerdict
    warehouse: WarehouseJudgement

    def fault(self) -> str | None:
        if self.lake.differences:
            return self.lake.sentence()
        return self.warehouse.fault() if self.windows.ok else self.windows.sentence()


def rewind(plan: WorkerPlan, show: Callable[[str], None]) -> None:
    """By an hour: what was committed within it is taken back, and running workers bring it once more."""
    to = datetime.now(UTC) - REWOUND_BY
    words = ["rewind", plan.pipeline, "--to", to.isoformat(), "--reason", _REASON, "--json"]
    with running_job(plan, _REWIND, "headrace-batch", words) as job:
        job.until_done(Done, lambda: show("rewinding"))


def backfill(plan: WorkerPlan, show: Callable[[str], None]) -> None:
    """All that ever arrived."""
    span = ("--from", "2000-01-01T00:00:00Z", "--to", "2100-01-01T00:00:00Z")
    words = ["backfill", plan.pipeline, *span, "--reason", _REASON, "--json"]
    with running_job(plan, _BACKFILL, "headrace-batch", words) as job:
        job.until_done(Done, lambda: show(_said(job)))


def _said(job: Job) -> str:
    newest = job.newest()
    return f"replaying: {newest}" if newest.startswith("unit ") else "replaying"


@contextmanager
def followed(plan: WorkerPlan, warehouse_url: str, streaming: Streaming) -> Iterator[Streaming]:
    """The windows service and the loader run once more; both follow what batch commits."""
    windows = Worker(plan, WINDOWS, command="windows")
    try:
        with running_loader(plan, warehouse_url) as loader:
            following = replace(streaming, workers=[windows], loader=loader)
            yield following
            stop_workers([windows, loader])
    finally:
        windows.kill()


def judge_replay(data: FlightsData, flights: int, streaming: Streaming, before: Judgement, root: Path) -> ReplayVerdict:
    """Of the first `flights` flights, once all is followed; copies go below `root`."""
    flow, committed = streaming.flow, streaming.committed
    lake = copy_lake(committed.clients, committed.resources.processed_bucket, root / "lake")
    curated = copy_lake(committed.clients, committed.resources.curated_bucket, root / "curated")
    seen = see_warehouse(committed, streaming.loaded, root / "staging")
    return ReplayVerdict(
        lake=compare(before.files, lake),
        windows=reconcile_windows(data, flights, lake, curated, corrupted=flow.corrupted, held_back=flow.held_back),
        warehouse=seen.judged(data, flights, curated, flow.corrupted),
    )
