"""Pipelines that the command is started with."""

from __future__ import annotations

from dataclasses import replace

from headrace_consumers.pipeline import Grain, LakeTable, Pipeline
from tests.consumers.windows_service.tides import ALL, VISITS
from tests.faults.simulation import TIDES, TideMeasured

WEEK_S = 7 * 24 * 3600
windowed = Pipeline(
    name="tides",
    stream="tides",
    tables=(LakeTable("tides", TideMeasured, Grain.DAY),),
    windows=ALL,
    allowed_lateness_s=WEEK_S,
)
visiting = replace(windowed, windows=(replace(VISITS, partition_by=Grain.DAY),))
bare = TIDES
