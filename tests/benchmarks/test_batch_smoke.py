"""Batch's benchmark on few flights: both ways have the same rows. Nothing about time is asserted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.benchmarks.batch import command
from tests.benchmarks.batch.backfill import GOAL, Measured, lines, measure, misses
from tests.benchmarks.batch.line import Finding

FLIGHTS = 3_000
pytestmark = pytest.mark.filterwarnings("ignore:unclosed.*socket:ResourceWarning")
"""PySpark leaves the socket that an answer came by to the garbage collector."""


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    return measure(tmp_path_factory.mktemp("bench"), FLIGHTS, warm_events=200)


def test_backfill_and_plain_spark_make_the_same_rows(measured: Measured) -> None:
    """And each has its figures in the table."""
    assert measured.differences == ()
    assert measured.events >= FLIGHTS
    said = "\n".join(lines(measured))
    assert "headrace-batch" in said
    assert "times plain Spark's CPU" in said


def test_a_goal_that_is_missed_is_told(measured: Measured) -> None:
    slow = replace(measured, ours=replace(measured.plain, cpu_s=measured.plain.cpu_s * (GOAL + 0.2)))
    assert list(misses(slow)) == [f"backfill takes 1.50 times plain Spark's CPU, {GOAL} are asked for"]
    assert list(misses(replace(measured, ours=measured.plain))) == []


def test_the_exit_code_says_what_is_missed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A goal where it is checked; a difference always."""
    slow, wrong = Finding(["slow"], misses=["too slow"]), Finding(["wrong"], differences=["other rows"])
    monkeypatch.setattr(command, "MEASUREMENTS", {"slow": lambda _folder, _events: slow})
    assert (command.main([]), command.main(["--check"])) == (0, 1)
    monkeypatch.setattr(command, "MEASUREMENTS", {"wrong": lambda _folder, _events: wrong})
    assert command.main([]) == 1
    assert "missed: other rows" in capsys.readouterr().out
