"""The loader's benchmark on few events: every way brings the same rows. Nothing about time is asserted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.benchmarks.loader.command import LIVE_EVENTS_A_SECOND, Measured, Shape, differences, measure, misses, table
from tests.benchmarks.loader.commits import COMMIT_AGE_S

FEW, MORE = Shape("quiet", 2, 20), Shape("busy", 1, 60)
SAMPLE_ROWS = 20


@pytest.fixture(scope="module")
def measured() -> Measured:
    return measure(FEW, MORE, SAMPLE_ROWS, live_s=COMMIT_AGE_S)


def test_all_ways_bring_the_same_rows(measured: Measured) -> None:
    """Each event is one row; the sample is what was asked for; and each way has its figures in the table."""
    assert list(differences(measured)) == []
    for bulk in (measured.quiet, measured.busy):
        rows = bulk.shape.commits * bulk.shape.events_a_commit
        assert bulk.loader.rows == bulk.commits.rows == bulk.copies.rows == rows
        assert bulk.inserts.rows == SAMPLE_ROWS
    assert measured.freshness.rows == LIVE_EVENTS_A_SECOND * COMMIT_AGE_S
    said = table(measured)
    assert "times bare COPYs" in said
    assert "says nothing of Redshift's own speed" in said


def test_a_goal_that_is_missed_is_told(measured: Measured) -> None:
    """With what was measured: a loader that is no faster than the others, and rows that come too late."""
    quiet = replace(measured.quiet, loader=measured.quiet.commits)
    busy = replace(measured.busy, loader=measured.busy.inserts)
    slow = replace(measured, quiet=quiet, busy=busy)
    late = replace(slow, freshness=replace(measured.freshness, recorded_p95_s=20.0))
    told = "\n".join(misses(late))
    assert "1.0 times executemany, 50 are asked for" in told
    assert "1.0 times one COPY per file, 5 are asked for" in told
    assert "15 s are asked for" in told
    assert "15 s are asked for" not in "\n".join(misses(slow))
