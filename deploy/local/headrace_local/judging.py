"""The verdict on what was loaded: lake, windows and staging against the source, and each against the commit log."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from headrace_local.flights.data import FlightsData
from headrace_local.flights.reconcile import Reconciliation, reconcile
from headrace_local.flights.window_oracle import WindowVerdict, reconcile_windows
from headrace_local.lake_copy import LakeCopy, copy_lake
from headrace_local.streaming import Streaming
from headrace_local.warehouse_judging import WarehouseJudgement, see_warehouse


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What was found in each place."""

    sent: int
    """Events that the producer took."""
    lake: Reconciliation
    windows: WindowVerdict
    warehouse: WarehouseJudgement
    files: LakeCopy
    curated: LakeCopy
    logged: frozenset[str]
    """The files that the commit log has."""
    gaps: int
    """Links that stand for records that were lost."""

    def fault(self) -> str | None:
        """The sentence of the first thing that is wrong; None where all is right."""
        if not self.lake.ok:
            return self.lake.sentence()
        if self.sent != self.lake.expected:
            return f"the producer took {self.sent} events, the CSV files have {self.lake.expected}"
        if self.files.keys != self.logged:
            return f"{len(self.files.keys ^ self.logged)} files are only in the lake or only in the commit log"
        if self.gaps:
            return f"{self.gaps} gap links stand in the commit log"
        return self.warehouse.fault() if self.windows.ok else self.windows.sentence()


def judge(data: FlightsData, flights: int, streaming: Streaming, root: Path) -> Judgement:
    """Of the first `flights` flights, once all is loaded; copies of everything go below `root`."""
    flow, committed = streaming.flow, streaming.committed
    clients, resources = committed.clients, committed.resources
    with ThreadPoolExecutor(1) as aside:  # the warehouse works while the lake is judged
        seeing = aside.submit(see_warehouse, committed, streaming.loaded, root / "staging")
        lake = copy_lake(clients, resources.processed_bucket, root / "lake")
        curated = copy_lake(clients, resources.curated_bucket, root / "curated")
        return Judgement(
            sent=flow.counters.put_events,
            lake=reconcile(data, flights, lake, flow.corrupted),
            windows=reconcile_windows(data, flights, lake, curated, corrupted=flow.corrupted, held_back=flow.held_back),
            warehouse=seeing.result().judged(data, flights, curated, flow.corrupted),
            files=lake,
            curated=curated,
            logged=frozenset(committed.processed_keys()),
            gaps=committed.gaps,
        )
