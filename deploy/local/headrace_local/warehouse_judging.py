"""The warehouse's part of the verdict: staging against the source, and the books against the commit log."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from headrace_consumers.load.places import places_of
from headrace_consumers.load.reconciling import Finding, Reconciler
from headrace_local.committed import Committed
from headrace_local.flights.data import FlightsData
from headrace_local.flights.oracle import TABLES
from headrace_local.flights.warehouse_oracle import WarehouseVerdict, reconcile_warehouse
from headrace_local.lake_copy import LakeCopy
from headrace_local.loaded import Loaded
from headrace_local.pipelines import flights as pipeline
from headrace_local.warehouse_copy import copy_warehouse, staging_queries

_EVER_S = 10 * 365 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class WarehouseJudgement:
    """What was found, and how fresh the rows came."""

    verdict: WarehouseVerdict
    findings: tuple[Finding, ...]
    freshness_p95_s: float

    def fault(self) -> str | None:
        """The sentence of what is wrong; None where all is right."""
        if self.findings:
            return f"the warehouse is not what was committed: {len(self.findings)} findings, first {self.findings[0]}"
        return None if self.verdict.ok else self.verdict.sentence()


@dataclass(frozen=True, slots=True)
class WarehouseSeen:
    """The warehouse as it stands, taken out of it."""

    staging: LakeCopy
    findings: tuple[Finding, ...]
    freshness_p95_s: float

    def judged(
        self, data: FlightsData, flights: int, curated: LakeCopy, corrupted: Collection[str]
    ) -> WarehouseJudgement:
        """Against the first `flights` flights, and a copy of the curated zone."""
        verdict = reconcile_warehouse(data, flights, self.staging, curated, corrupted)
        return WarehouseJudgement(verdict, self.findings, self.freshness_p95_s)


def see_warehouse(committed: Committed, loaded: Loaded, root: Path) -> WarehouseSeen:
    """Once all is loaded. Blocks on the warehouse, the log and S3."""
    queries = staging_queries(pipeline, loaded.ledger.schema)
    staging = copy_warehouse(loaded.session, committed.clients, queries, root)
    return WarehouseSeen(staging, _findings(committed, loaded), loaded.freshness_p95_s(TABLES))


def _findings(committed: Committed, loaded: Loaded) -> tuple[Finding, ...]:
    """Nothing may wait any more."""
    places = places_of(pipeline, committed.resources.lake_settings)
    reconciler = Reconciler(log=committed.log(), session=loaded.session, ledger=loaded.ledger, places=places)
    return reconciler.reconcile(time.time_ns() // 1_000_000, since_s=_EVER_S, overdue_s=0.0).findings
