"""The verdict of a demo: right only where every part of it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headrace_consumers.load.reconciling import Finding, FindingKind
from headrace_local.flights.reconcile import Reconciliation
from headrace_local.flights.warehouse_oracle import WarehouseVerdict
from headrace_local.flights.window_oracle import WindowVerdict
from headrace_local.judging import Judgement
from headrace_local.lake_copy import LakeCopy
from headrace_local.warehouse_judging import WarehouseJudgement

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
    files=LakeCopy(Path(), KEYS, 2), logged=KEYS, gaps=0,
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
