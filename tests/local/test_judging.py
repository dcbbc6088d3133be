"""The verdict of a demo, and what a program reads of it: right only where every part of it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headrace_consumers.load.reconciling import Finding, FindingKind
from headrace_local.demo_report import DemoReport, judged
from headrace_local.flights.comparing import TableVerdict
from headrace_local.flights.marts_oracle import MartVerdict
from headrace_local.flights.reconcile import Reconciliation
from headrace_local.flights.warehouse_oracle import WarehouseVerdict
from headrace_local.flights.window_oracle import WindowVerdict
from headrace_local.judging import Judgement
from headrace_local.lake_copy import LakeCopy
from headrace_local.models_judging import ModelsJudgement
from headrace_local.warehouse_judging import WarehouseJudgement
from headrace_sql.build import BuildReport

LAKE = Reconciliation(
    expected=9, rows=8, dead_letters=1, duplicates=0, missing=0, strangers=0, differing=0, wrong_letters=0,
    shares=(), reasons={},
)  # fmt: skip
WINDOWS = WindowVerdict(expected=3, windows=3, wrong=0, late=1, wrong_late=0, revisions=0)
STAGING = WarehouseVerdict(
    expected=8, loaded=8, duplicates=0, missing=0, strangers=0, differing=0, unequal=0, windows_wrong=0
)
KEYS = frozenset({"a.parquet", "b.parquet"})
HELD = Finding(FindingKind.HELD, "weather_hourly", "c1", "s3://lake/a.parquet")
RIGHT = Judgement(
    sent=9, lake=LAKE, windows=WINDOWS, warehouse=WarehouseJudgement(STAGING, (), 1.5),
    files=LakeCopy(Path(), KEYS, 2), curated=LakeCopy(Path(), KEYS, 2), logged=KEYS, gaps=0,
)  # fmt: skip
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a row is not in the lake": ({"lake": replace(LAKE, rows=7, missing=1)}, "1 missing"),
    "an event was not taken": ({"sent": 8}, "the producer took 8 events"),
    "a file is in no commit": ({"logged": KEYS - {"a.parquet"}}, "1 files are only in the lake or only in the commit"),
    "records were lost": ({"gaps": 2}, "2 gap links"),
    "a window differs": ({"windows": replace(WINDOWS, wrong=1)}, "3 found, 1 wrong"),
    "a row is not in staging": (
        {"warehouse": WarehouseJudgement(replace(STAGING, loaded=7, missing=1), (), 1.5)},
        "7 in staging, 0 duplicates, 1 missing",
    ),
    "a file is held": ({"warehouse": WarehouseJudgement(STAGING, (HELD,), 1.5)}, "1 findings, first held: weather"),
}


def test_nothing_is_wrong_where_every_part_is_right() -> None:
    """Late events and dead letters are no faults."""
    assert RIGHT.fault() is None


@pytest.mark.parametrize("kind", WRONG)
def test_one_wrong_part_is_a_fault_that_names_it(kind: str) -> None:
    """Whichever it is: lake, windows, warehouse or log."""
    changes, words = WRONG[kind]
    assert words in str(replace(RIGHT, **changes).fault())


BUILT = BuildReport(ok=True, load_seq=3, made=28, tests=16, failed=(), warned=(), skipped=(), seconds=9.5)
FACTS = TableVerdict("core.fct_flights", expected=8, rows=8, missing=0, surplus=0, differing=0, columns={})
ROUTES = replace(FACTS, name="mart.route_demand", expected=5, rows=5)
USE = replace(FACTS, name="mart.aircraft_use", expected=4, rows=4)
MODELS = ModelsJudgement(BUILT, MartVerdict((FACTS, ROUTES, USE)))


def test_the_report_has_what_dbt_tested_and_how_much_stands_in_marts() -> None:
    """Core's rows are no mart's."""
    report = judged(DemoReport(commits=2), RIGHT, MODELS)
    warehouse = report.warehouse
    assert (report.ok, report.error, report.rows, report.commits) == (True, None, 8, 2)
    assert (warehouse.loaded, warehouse.dbt_tests, warehouse.dbt_failures) == (8, 16, 0)
    assert (warehouse.mart_rows, warehouse.models_wrong) == (9, 0)


def test_a_failed_build_is_a_fault_that_names_what_failed() -> None:
    """Nothing can be said of the marts then."""
    failed = msgspec.structs.replace(BUILT, ok=False, failed=("unique_planes_tailnum", "dim_plane"), skipped=("a", "b"))
    report = judged(DemoReport(), RIGHT, ModelsJudgement(failed))
    assert not report.ok
    assert "2 failed" in str(report.error)
    assert "failed: unique_planes_tailnum, dim_plane" in str(report.error)
    assert (report.warehouse.dbt_failures, report.warehouse.mart_rows) == (2, 0)


def test_a_mart_that_differs_is_a_fault_that_names_it() -> None:
    """And no other; what was wrong before comes first."""
    wrong = replace(MODELS, marts=MartVerdict((FACTS, replace(ROUTES, differing=2, columns={"seats_mean": 2}), USE)))
    report = judged(DemoReport(), RIGHT, wrong)
    assert (report.ok, report.warehouse.models_wrong) == (False, 2)
    assert str(report.error).endswith(
        "source: mart.route_demand: 5 rows expected, 5 found, 0 missing, 0 too many, 2 with other contents "
        "(seats_mean in 2)"
    )
    assert "2 gap links" in str(judged(DemoReport(), replace(RIGHT, gaps=2), wrong).error)
