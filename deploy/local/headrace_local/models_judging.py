"""The models' part of the verdict: dbt's own tests, and core and marts against the source."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from headrace_local.flights.data import FlightsData
from headrace_local.flights.marts_expected import MODELS
from headrace_local.flights.marts_oracle import Copies, MartVerdict, reconcile_marts
from headrace_local.judging import Judgement
from headrace_local.streaming import Streaming
from headrace_local.warehouse_copy import copy_warehouse, model_queries
from headrace_sql.build import BuildReport


@dataclass(frozen=True, slots=True)
class ModelsJudgement:
    """What became of the build, and what stands in core and marts; nothing of them where the build failed."""

    build: BuildReport
    marts: MartVerdict = field(default_factory=MartVerdict)

    def fault(self) -> str | None:
        """The sentence of what is wrong; None where all is right."""
        if not self.build.ok:
            return f"dbt: {self.build.sentence()}"
        return None if self.marts.ok else self.marts.sentence()


def judge_models(
    data: FlightsData, flights: int, streaming: Streaming, root: Path, *, build: BuildReport, found: Judgement
) -> ModelsJudgement:
    """Of the first `flights` flights, once dbt has ended; copies go below `root`. Blocks on the warehouse and S3."""
    if not build.ok:
        return ModelsJudgement(build)
    session, clients = streaming.loaded.session, streaming.committed.clients
    models = copy_warehouse(session, clients, model_queries(MODELS), root / "built")
    copies = Copies(found.files, found.curated, models)
    return ModelsJudgement(build, reconcile_marts(data, flights, copies, streaming.flow.corrupted))
