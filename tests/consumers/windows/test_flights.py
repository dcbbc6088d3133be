"""The windows of the real flights, merged from batches in disorder, against the database asked directly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from headrace_consumers.windows import Hopping, Session, Tumbling, Window, count, mean, quantile, total
from headrace_consumers.windows.finishing import finished
from headrace_consumers.windows.merging import merged
from headrace_consumers.windows.partials import partials_of
from headrace_local.flights.data import FLIGHTS, unpack_data
from headrace_producers.contracts import Contract, contract_of
from headrace_producers.flights import FlightCancelled, FlightDeparted

BATCHES = 24

_READ = """
CREATE TABLE flights AS
SELECT *, time_hour::TIMESTAMP + to_minutes(minute) + to_minutes(coalesce(dep_delay, 0)) AS left_at
FROM read_csv($path, nullstr = 'NA')
"""
_HOURLY = """
SELECT origin, date_trunc('hour', left_at) AS window_start, window_start + INTERVAL 1 HOUR, count(*), count(*),
    avg(dep_delay), list_sort(list(dep_delay))[1 + (count(*) - 1) // 2]
FROM flights WHERE dep_delay IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2
"""
_HOPPING = """
SELECT carrier, date_trunc('hour', left_at) - to_hours(hop) AS window_start, window_start + INTERVAL 3 HOUR,
    count(*), count(*)
FROM flights, range(3) AS hops(hop) WHERE dep_delay IS NULL GROUP BY 1, 2 ORDER BY 1, 2
"""
_SESSIONS = """
WITH opened AS (
    SELECT *, coalesce(left_at - lag(left_at) OVER aircraft > INTERVAL 6 HOUR, true) AS opens
    FROM flights WHERE dep_delay IS NOT NULL AND tailnum IS NOT NULL
    WINDOW aircraft AS (PARTITION BY tailnum ORDER BY left_at)
), numbered AS (
    SELECT *, count(*) FILTER (opens) OVER (PARTITION BY tailnum ORDER BY left_at) AS session FROM opened
)
SELECT tailnum, min(left_at), max(left_at), count(*), count(*), sum(distance)::BIGINT
FROM numbered GROUP BY tailnum, session ORDER BY 1, 2
"""
HOURLY = Tumbling(
    "hourly_departures",
    table="flights_departed",
    size_s=3600,
    by=("origin",),
    aggregates={
        "departures": count(),
        "delay_mean": mean("dep_delay"),
        "delay_p50": quantile("dep_delay", 0.5),
    },
)
CANCELLATIONS = Hopping(
    "cancellations_3h",
    table="flights_cancelled",
    size_s=3 * 3600,
    hop_s=3600,
    by=("carrier",),
    aggregates={"cancellations": count()},
)
ROTATIONS = Session(
    "rotations",
    table="flights_departed",
    gap_s=6 * 3600,
    by=("tailnum",),
    aggregates={"flights": count(), "miles": total("distance")},
)


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """All rows of the file, with the instant at which each flight left or was to leave."""
    folder: Path = tmp_path_factory.mktemp("flights")
    with duckdb.connect(config={"threads": 1}) as database:
        database.execute("SET TimeZone = 'UTC'")
        database.execute(_READ, {"path": str(unpack_data(folder).flights_csv)})
        assert database.execute("SELECT count(*) FROM flights").fetchall() == [(FLIGHTS,)]
        yield database


def windows_of(
    database: duckdb.DuckDBPyConnection, window: Window, contract: Contract, condition: str
) -> list[tuple[Any, ...]]:
    """Partials of batches of rows in any order, merged in any order, and finished."""
    rows = database.sql(f"SELECT *, left_at AS event_time FROM flights WHERE {condition}").to_arrow_table()  # noqa: S608
    order = np.random.default_rng(2013).permutation(len(rows))
    batches = [rows.take(pa.array(part)) for part in np.array_split(order, BATCHES)]
    found = finished(window, contract, merged(window, contract, [partials_of(window, contract, b) for b in batches]))
    naive = found.cast(pa.schema([_without_zone(field) for field in found.schema]))
    return [tuple(row.values()) for row in naive.to_pylist()]


def _without_zone(field: pa.Field[Any]) -> pa.Field[Any]:
    return field.with_type(pa.timestamp("us")) if pa.types.is_timestamp(field.type) else field


def test_hourly_departures_by_origin(flights: duckdb.DuckDBPyConnection) -> None:
    """Counts are equal, means within 1e-9, medians within 1%."""
    found = windows_of(flights, HOURLY, contract_of(FlightDeparted), "dep_delay IS NOT NULL")
    right = flights.execute(_HOURLY).fetchall()
    assert [row[:5] for row in found] == [row[:5] for row in right]
    assert [row[5] for row in found] == pytest.approx([row[5] for row in right], rel=1e-9)
    assert [row[6] for row in found] == pytest.approx([row[6] for row in right], rel=0.01 + 1e-12)


def test_hopping_cancellations_by_carrier(flights: duckdb.DuckDBPyConnection) -> None:
    """Each cancellation counts in each of the three windows that hold it, and windows without one are not there."""
    found = windows_of(flights, CANCELLATIONS, contract_of(FlightCancelled), "dep_delay IS NULL")
    assert found == flights.execute(_HOPPING).fetchall()


def test_rotations_of_aircraft(flights: duckdb.DuckDBPyConnection) -> None:
    """Flights of one aircraft at most six hours apart are one session."""
    found = windows_of(flights, ROTATIONS, contract_of(FlightDeparted), "dep_delay IS NOT NULL")
    assert found == flights.execute(_SESSIONS).fetchall()
    assert sum(row[3] for row in found) == 328_521
