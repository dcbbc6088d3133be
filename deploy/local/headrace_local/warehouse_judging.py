"""The warehouse's part of the verdict: staging against the source, and the books against the commit log."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

from headrace_consumers.load.places import places_of
from headrace_consumers.load.reconciling import Finding, Reconciler
from headrace_local.committed import Committed
from headrace_local.flights.data import FlightsData
from headrace_local.flights.reconcile import TABLES
from headrace_local.flights.warehouse_oracle import WarehouseVerdict, reconcile_warehouse, unloaded_names
from headrace_local.folder import StackFolder
from headrace_local.lake_copy import LakeCopy
from headrace_local.loaded import Loaded
from headrace_local.pipelines import flights as pipeline
from headrace_local.staging_copy import copy_staging

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
class WarehouseJudge:
    """Once all is loaded. Blocks on the warehouse, the log and S3."""

    folder: StackFolder
    committed: Committed
    loaded: Loaded

    def judge(
        self, data: FlightsData, flights: int, curated: LakeCopy, corrupted: Collection[str]
    ) -> WarehouseJudgement:
        session, schema = self.loaded.session, self.loaded.ledger.schema
        staging = copy_staging(session, self.committed.clients, schema, unloaded_names(), self.folder.path / "staging")
        return WarehouseJudgement(
            reconcile_warehouse(data, flights, staging, curated, corrupted),
            self._findings(),
            self.loaded.freshness_p95_s(TABLES),
        )

    def _findings(self) -> tuple[Finding, ...]:
        """Nothing may wait any more."""
        places = places_of(pipeline, self.committed.resources.lake_settings)
        reconciler = Reconciler(
            log=self.committed.log(), session=self.loaded.session, ledger=self.loaded.ledger, places=places
        )
        return reconciler.reconcile(time.time_ns() // 1_000_000, since_s=_EVER_S, overdue_s=0.0).findings
