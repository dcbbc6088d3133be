"""The benchmark's machinery on few events: both sides make the same lake. Nothing about time is asserted."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from headrace_consumers.loading import load_pipeline
from tests.benchmarks import __main__ as benchmarks
from tests.benchmarks.engine.command import measure, misses, table
from tests.benchmarks.engine.outputs import differences
from tests.benchmarks.engine.recording import record_flights
from tests.benchmarks.engine.runs import PIPELINE, run_headrace, run_stock
from tests.benchmarks.windows.command import measure as measure_windows
from tests.benchmarks.windows.command import table as windows_table


def test_both_make_the_same_lake_of_the_same_lines() -> None:
    """Every event's row, and every record of the raw zone, is equal in both outputs."""
    measured = measure(events=3_000, runs=1)
    assert measured.differences == []
    assert measured.recording.events == 3_000
    assert "outputs equal" in table(measured)
    assert not [miss for miss in misses(measured) if "differ" in miss]


def test_a_lost_row_is_noticed(tmp_path: Path) -> None:
    """A row that is missing in one output is a difference, else equality would prove nothing."""
    recording = record_flights(tmp_path, 500)
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for output in (ours, theirs):
        output.mkdir()
    run_headrace(recording, ours)
    run_stock(recording, theirs)
    pipeline = load_pipeline(PIPELINE)
    assert differences(pipeline, ours, theirs, recording.events) == []
    [file] = (ours / "processed" / "flights_departed").rglob("*.parquet")
    pq.write_table(pq.ParquetFile(file).read().slice(1), file)
    assert len(differences(pipeline, ours, theirs, recording.events)) == 2


def test_what_windows_cost_is_told() -> None:
    """On few events: the engine with and without windows, and the service, each with a figure."""
    measured = measure_windows(events=2_000, runs=1, stations=(3,))
    assert measured.windowed.cpu_s > 0
    assert measured.service[0].partials == 10 * 24 * 3 * 3
    assert "partials per CPU-second" in windows_table(measured)


def test_without_a_name_the_benchmarks_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Who knows no name finds all of them; a wrong name is an error."""
    assert benchmarks.main([]) == 0
    assert "engine" in capsys.readouterr().out
    assert benchmarks.main(["no-such-thing"]) == 2
