"""What every final window must hold, asked of the CSV files by DuckDB; and what the curated zone holds instead.

What is expected shares nothing with the windows: grouping, quantiles and sessions are written anew as plain queries.
Only which events were late is taken from the lake's late letters, which are compared with what was held back. What is
found is what any reader finds, by the view that is shipped.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import duckdb

from headrace_consumers.windows.latest import latest_rows
from headrace_local.flights.data import FlightsData
from headrace_local.flights.oracle import expect_sound, load_ids, number
from headrace_local.lake_copy import LakeCopy
from headrace_local.pipelines import flights as pipeline

LATE = "flights_late"
_KEYS = {"hourly_departures": "origin", "cancellations_3h": "carrier", "rotations": "tailnum"}


@dataclass(frozen=True, slots=True)
class WindowVerdict:
    """Windows expected and found, those that differ, late events, and revisions: rows beyond each window's first, but
    for tombstones."""

    expected: int
    windows: int
    wrong: int
    """Missing, superfluous, or with another content."""
    late: int
    wrong_late: int
    """Late letters of events that nobody held back."""
    revisions: int

    @property
    def ok(self) -> bool:
        return not self.wrong and not self.wrong_late and self.expected == self.windows

    def sentence(self) -> str:
        return (
            f"the windows differ from the source: {self.expected} expected, {self.windows} found, {self.wrong} wrong; "
            f"{self.late} events were late, {self.wrong_late} of them were not held back"
        )


def reconcile_windows(
    data: FlightsData,
    flights: int,
    lake: LakeCopy,
    curated: LakeCopy,
    *,
    corrupted: Collection[str] = (),
    held_back: Collection[str] = (),
) -> WindowVerdict:
    """Compares final windows with the first `flights` flights, without `corrupted` ids and without the late ones."""
    with duckdb.connect() as database:
        expect_sound(database, data, flights, corrupted)
        load_ids(database, "held_back", held_back)
        load_windows(database, lake, curated)
        expected = wrong = found = revisions = 0
        for name in _EXPECTED:
            expected += number(database, f"SELECT count(*) FROM expected_{name}")  # noqa: S608 -- our own names
            found += number(database, f"SELECT count(*) FROM found_{name}")  # noqa: S608 -- our own names
            revisions += number(database, _revisions(name, curated))
            wrong += number(database, _wrong(name))
        return WindowVerdict(
            expected=expected,
            windows=found,
            wrong=wrong,
            late=number(database, "SELECT count(*) FROM late"),
            wrong_late=number(database, "SELECT count(*) FROM late ANTI JOIN held_back USING (event_id)"),
            revisions=revisions,
        )


def load_windows(database: duckdb.DuckDBPyConnection, lake: LakeCopy, curated: LakeCopy) -> None:
    """Makes tables `expected_<window>` of what is sound and was not late, `found_<window>` of the curated zone, and
    `last_<window>`: the key and start of each, and the revision at which it stands there."""
    database.execute(f"CREATE TABLE late AS {_late(lake)}")
    for table in ("flights_departed", "flights_cancelled"):
        database.execute(_ACCEPTED.format(table=table))
    for name, query in _EXPECTED.items():
        database.execute(f"CREATE TABLE expected_{name} AS {query}")
        database.execute(f"CREATE TABLE found_{name} AS {_found(name, curated)}")
        database.execute(f"CREATE TABLE last_{name} AS {_last(name, curated)}")


def _late(lake: LakeCopy) -> str:
    if files := lake.files(LATE):
        return f"SELECT event_id FROM read_parquet({files})"  # noqa: S608 -- our own paths
    return "SELECT '' AS event_id WHERE false"


def _found(name: str, curated: LakeCopy) -> str:
    window = next(window for window in pipeline.windows if window.name == name)
    if rows := _rows(name, curated):
        return latest_rows(window, rows)
    return f"SELECT * FROM expected_{name} WHERE false"  # noqa: S608 -- our own names


def _last(name: str, curated: LakeCopy) -> str:
    if rows := _rows(name, curated):
        key = f"{_KEYS[name]}, window_start"
        return f"SELECT {key}, max(revision) AS revision FROM {rows} WHERE NOT early GROUP BY {key}"  # noqa: S608 -- our own paths
    return f"SELECT {_KEYS[name]}, window_start, 1 AS revision FROM expected_{name} WHERE false"  # noqa: S608 -- our own names


def _revisions(name: str, curated: LakeCopy) -> str:
    if rows := _rows(name, curated):
        return f"SELECT count(*) FROM {rows} WHERE revision > 1 AND NOT early AND NOT deleted"  # noqa: S608 -- our own paths
    return "SELECT 0"


def _rows(name: str, curated: LakeCopy) -> str:
    """A table expression; empty where no window came out."""
    files = curated.files(name)
    return f"read_parquet({files}, union_by_name = true)" if files else ""


def _wrong(name: str) -> str:
    """Integers exactly, floats within 1e-9 relative, quantiles within 1% relative."""
    key = _KEYS[name]
    return f"""
        SELECT count(*) FROM expected_{name} e FULL JOIN found_{name} f
            ON e.{key} = f.{key} AND e.window_start = f.window_start
        WHERE coalesce(NOT ({_EQUAL[name]}), true)
    """  # noqa: S608 -- our own names


_ACCEPTED = """
CREATE TABLE accepted_{table} AS SELECT * FROM sound_{table} ANTI JOIN late USING (event_id)
"""
_EXPECTED = {
    "hourly_departures": """
        SELECT origin, time_bucket(INTERVAL 1 HOUR, departed_at) AS window_start, count(*) AS departures,
            avg(dep_delay) AS delay_mean, max(dep_delay) AS delay_max,
            list_sort(list(dep_delay))[1 + floor(0.5 * (count(*) - 1))::INT] AS delay_p50,
            list_sort(list(dep_delay))[1 + floor(0.9 * (count(*) - 1))::INT] AS delay_p90
        FROM accepted_flights_departed GROUP BY ALL
    """,
    "cancellations_3h": """
        SELECT carrier, begins - INTERVAL 1 HOUR * back AS window_start, count(*) AS cancellations
        FROM (SELECT carrier, time_bucket(INTERVAL 1 HOUR, scheduled_at) AS begins FROM accepted_flights_cancelled)
        CROSS JOIN range(3) AS hops (back) GROUP BY ALL
    """,
    "rotations": """
        SELECT tailnum, min(departed_at) AS window_start, max(departed_at) AS window_end, count(*) AS flights,
            sum(distance) AS miles
        FROM (
            SELECT *, sum(breaks) OVER (PARTITION BY tailnum ORDER BY departed_at, event_id) AS rotation
            FROM (
                SELECT *, coalesce(departed_at - lag(departed_at)
                    OVER (PARTITION BY tailnum ORDER BY departed_at, event_id) > INTERVAL 6 HOURS, false)::INT AS breaks
                FROM accepted_flights_departed WHERE tailnum IS NOT NULL
            )
        ) GROUP BY tailnum, rotation
    """,
}
_EQUAL = {
    "hourly_departures": """
        e.departures = f.departures AND e.delay_max = f.delay_max
        AND abs(e.delay_mean - f.delay_mean) <= 1e-9 * greatest(1, abs(e.delay_mean))
        AND abs(e.delay_p50 - f.delay_p50) <= 0.01 * abs(e.delay_p50) + 1e-9
        AND abs(e.delay_p90 - f.delay_p90) <= 0.01 * abs(e.delay_p90) + 1e-9
    """,
    "cancellations_3h": "e.cancellations = f.cancellations",
    "rotations": "e.flights = f.flights AND e.miles = f.miles AND e.window_end = f.window_end",
}
