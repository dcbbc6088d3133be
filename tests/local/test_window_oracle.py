"""The verdict on windows: right ones pass, and every kind of wrong one is noticed."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from headrace_consumers.lake.encode import encode_files
from headrace_consumers.records import KinesisRecord, ShardRecords
from headrace_consumers.stages.stage import stage_batch
from headrace_consumers.stages.staged import ShardStart
from headrace_consumers.windows.finishing import finished
from headrace_consumers.windows.merging import merged
from headrace_local.flights.data import FlightsData, unpack_data
from headrace_local.flights.source import FlightsSource, SourceSettings
from headrace_local.flights.window_oracle import WindowVerdict, reconcile_windows
from headrace_local.lake_copy import LakeCopy
from headrace_local.pipelines import flights
from tests.local.test_flights import line_of

SENT = 3_000


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> FlightsData:
    return unpack_data(tmp_path_factory.mktemp("flights"))


@pytest.fixture(scope="module")
def windows(data: FlightsData) -> dict[str, pa.Table]:
    return windows_of(data)


def windows_of(data: FlightsData) -> dict[str, pa.Table]:
    """The windows of the year's first flights, by what an engine commits of them."""
    source = FlightsSource(data, SourceSettings(SENT))
    body = b"".join(line_of(sent) for sent in source.events())
    source.close()
    starts = {"shard-0": ShardStart()}
    record = KinesisRecord(body, "key", "1", None, 1_800_000_000_000)
    staged = stage_batch(flights, [ShardRecords("shard-0", [record])], starts, 2**26)
    partials = {
        file.partition.removeprefix("window="): pq.read_table(io.BytesIO(file.body))
        for file in encode_files(flights, staged, "attempt", starts, {"shard-0": (0, 1)})
        if file.table == flights.partials_table
    }
    found = {}
    for window in flights.windows:
        contract = flights.table(window.table).contract
        rows = finished(window, contract, merged(window, contract, [partials[window.name]]))
        found[window.name] = _first_revision(rows)
    return found


def _first_revision(rows: pa.Table) -> pa.Table:
    for name, values in (("revision", np.ones(len(rows), np.int32)), ("early", None), ("deleted", None)):
        rows = rows.append_column(name, pa.array(np.zeros(len(rows), np.bool_) if values is None else values))
    return rows


def _judge(data: FlightsData, tables: dict[str, pa.Table], root: Path) -> WindowVerdict:
    for name, rows in tables.items():
        (root / name).mkdir(parents=True)
        pq.write_table(rows, root / name / "rows.parquet")
    curated = LakeCopy(root, frozenset(f"{name}/rows.parquet" for name in tables), 0)
    return reconcile_windows(data, SENT, LakeCopy(root, frozenset(), 0), curated)


def test_right_windows_pass(data: FlightsData, windows: dict[str, pa.Table], tmp_path: Path) -> None:
    """What the engine's partials come to is what plain queries on the CSV files say."""
    verdict = _judge(data, windows, tmp_path)
    assert verdict.ok, verdict.sentence()
    assert verdict.windows == sum(len(rows) for rows in windows.values()) > 0


def _raised(rows: pa.Table, column: str) -> pa.Table:
    values = pc.add(rows[column], pa.array([1] + [0] * (len(rows) - 1), rows[column].type))
    return rows.set_column(rows.schema.get_field_index(column), column, values)


WRONG: dict[str, tuple[str, Callable[[pa.Table], pa.Table]]] = {
    "a missing hour": ("hourly_departures", lambda rows: rows.slice(1)),
    "a departure too many": ("hourly_departures", lambda rows: _raised(rows, "departures")),
    "another mean": ("hourly_departures", lambda rows: _raised(rows, "delay_mean")),
    "another quantile": ("hourly_departures", lambda rows: _raised(rows, "delay_p90")),
    "a cancellation too many": ("cancellations_3h", lambda rows: _raised(rows, "cancellations")),
    "a rotation that is deleted": (
        "rotations",
        lambda rows: pa.concat_tables(
            [
                rows,
                rows.slice(0, 1)
                .set_column(rows.schema.get_field_index("revision"), "revision", pa.array([2], pa.int32()))
                .set_column(rows.schema.get_field_index("deleted"), "deleted", pa.array([True])),
            ]
        ),
    ),
    "other miles": ("rotations", lambda rows: _raised(rows, "miles")),
}


@pytest.mark.parametrize("kind", WRONG)
def test_one_wrong_window_is_noticed(
    kind: str, data: FlightsData, windows: dict[str, pa.Table], tmp_path: Path
) -> None:
    """One row in thousands: the verdict counts exactly it."""
    name, spoil = WRONG[kind]
    verdict = _judge(data, {**windows, name: spoil(windows[name])}, tmp_path)
    assert not verdict.ok
    assert verdict.wrong == 1


def test_events_are_held_back_as_asked(data: FlightsData) -> None:
    """About so many of a hundred, later than they would come else; none is lost, and the others keep their order."""
    plain, late = SourceSettings(SENT), replace(SourceSettings(SENT), late_percent=5.0)
    first, second = FlightsSource(data, plain), FlightsSource(data, late)
    held = second.held_back()
    assert first.held_back() == frozenset()
    assert 0.03 * second.count < len(held) < 0.07 * second.count
    usual = [sent.event_id for sent in first.events()]
    delayed = [sent.event_id for sent in second.events()]
    assert sorted(usual) == sorted(delayed)
    assert [event_id for event_id in usual if event_id not in held] == [
        event_id for event_id in delayed if event_id not in held
    ]
    places = {event_id: place for place, event_id in enumerate(delayed)}
    assert sum(places[event_id] > place for place, event_id in enumerate(usual) if event_id in held) > 0.9 * len(held)
    first.close()
    second.close()
