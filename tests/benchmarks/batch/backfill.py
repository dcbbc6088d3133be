"""Backfill beside plain Spark: the same raw files, on one session, each warm."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.dataset as ds

from headrace_batch.backfill.planning import make_plan
from headrace_batch.backfill.running import Backfill
from headrace_batch.backfill.span import Span
from headrace_batch.spark.session import spark_session
from headrace_batch.spark.stager import SparkStager, SparkTask
from headrace_consumers.settings import BatchSettings
from tests.benchmarks.batch.cpu import Spent, spent_on
from tests.benchmarks.batch.folder_store import FolderStore
from tests.benchmarks.batch.line import Finding
from tests.benchmarks.batch.plain_spark import TYPES, run_plain
from tests.benchmarks.batch.years import Years, make_years

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

GOAL = 1.3
"""Times plain Spark's CPU, at most."""
EVENTS = 5_000_000
WARM_EVENTS = 200_000
_PIPELINE = "headrace_local.pipelines:flights"
_ALL = Span(0, 2**62)


@dataclass(frozen=True, slots=True)
class Measured:
    """The session's start is in neither."""

    events: int
    payload_bytes: int
    ours: Spent
    plain: Spent
    differences: tuple[str, ...]

    @property
    def ratio(self) -> float:
        return self.ours.cpu_s / self.plain.cpu_s


@dataclass(frozen=True, slots=True)
class OpenFolder:
    """How a task opens the lake."""

    root: Path

    def __call__(self) -> FolderStore:
        return FolderStore(self.root)


def measure(folder: Path, events: int = EVENTS, warm_events: int = WARM_EVENTS) -> Measured:
    warm, years = make_years(folder / "warm", warm_events), make_years(folder / "years", events)
    with spark_session("benchmark") as session:
        for lake in (warm, years):
            plain = spent_on(lambda lake=lake: run_plain(session, lake.raw, lake.root / "plain"))  # type: ignore[misc]
            ours = spent_on(lambda lake=lake: _backfill(session, lake))  # type: ignore[misc]
    differences = tuple(_differences(years))
    return Measured(years.events, years.payload_bytes, ours, plain, differences)


def _backfill(session: SparkSession, years: Years) -> None:
    plan = make_plan(years.place, _ALL)
    task = SparkTask(_PIPELINE, OpenFolder(years.root), BatchSettings.max_unpacked_bytes)
    backfill = Backfill(years.place, plan.standing, "benchmark", "", lambda _progress: None)
    backfill.run(plan.units, SparkStager(session, task))


def _differences(years: Years) -> Iterator[str]:
    """Both ways must have the same rows, month by month; nothing of these events is spoilt."""
    found = 0
    for table, event_type in TYPES.items():
        ours = _months(years.root / "processed" / table)
        theirs = _months(years.root / "plain" / "rows" / f"type={event_type}")
        found += ours.total()
        if ours != theirs:
            yield f"{table}: {ours.total():,} rows by backfill, {theirs.total():,} by plain Spark"
    if found != years.events:
        yield f"{found:,} rows of {years.events:,} events"


def _months(folder: Path) -> Counter[str]:
    months: Counter[str] = Counter()
    for month in folder.glob("event_month=*"):
        months[month.name] = ds.dataset(month, format="parquet", exclude_invalid_files=True).count_rows()
    return months


def finding(folder: Path, events: int) -> Finding:
    measured = measure(folder, events)
    shutil.rmtree(folder)
    return Finding(list(lines(measured)), list(misses(measured)), measured.differences)


def lines(measured: Measured) -> Iterator[str]:
    yield f"backfill of {measured.events:,} flights, {measured.payload_bytes / 1e6:,.0f} MB of events"
    ways: Mapping[str, Spent] = {"headrace-batch": measured.ours, "plain Spark": measured.plain}
    for name, spent in ways.items():
        rate = measured.events / spent.cpu_s
        yield f"{name:16}{rate:>12,.0f} events per CPU-second{spent.cpu_s:>10.1f} CPU s{spent.wall_s:>8.1f} s"
    yield f"backfill takes {measured.ratio:.2f} times plain Spark's CPU; goal {GOAL}"


def misses(measured: Measured) -> Iterator[str]:
    if measured.ratio > GOAL:
        yield f"backfill takes {measured.ratio:.2f} times plain Spark's CPU, {GOAL} are asked for"
