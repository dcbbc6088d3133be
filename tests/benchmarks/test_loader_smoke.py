"""The loader's benchmark on few events: every way brings the same rows. Nothing about time is asserted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.benchmarks.loader.command import Measured, Size, measure, misses, table

TINY = Size(commits=2, events_a_second=40, sample_rows=20, live_s=5)


@pytest.fixture(scope="module")
def measured() -> Measured:
    return measure(TINY)


def test_all_ways_bring_the_same_rows(measured: Measured) -> None:
    """Each event is one row; the sample is what was asked for; and each way has its figures in the table."""
    assert measured.differences == []
    assert measured.loader.rows == measured.commits.rows == measured.copies.rows == TINY.commits * TINY.events_a_commit
    assert measured.inserts.rows == TINY.sample_rows
    assert measured.freshness.rows == TINY.events_a_commit
    said = table(measured)
    assert "times bare COPYs" in said
    assert "says nothing of Redshift's own speed" in said


def test_a_goal_that_is_missed_is_told(measured: Measured) -> None:
    """With what was measured: a loader that is no faster than the others, and rows that come too late."""
    slow = replace(measured, loader=measured.inserts, copies=measured.inserts)
    late = replace(slow, freshness=replace(measured.freshness, recorded_p95_s=20.0))
    told = "\n".join(misses(late))
    assert "times executemany" in told
    assert "times bare COPYs" in told
    assert "15 s are asked for" in told
    assert "15 s are asked for" not in "\n".join(misses(slow))
