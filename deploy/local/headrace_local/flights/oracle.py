"""What the lake must hold, asked of the CSV files directly.

Nothing here is shared with the source: instants come from the files' own UTC hours instead of the local clock times,
and which rows were sent is decided anew. Only the rule of event ids (kind, row number) is the same.
"""

from __future__ import annotations

from collections.abc import Collection

import duckdb
import pyarrow as pa

from headrace_local.flights.data import FlightsData

TABLES = ("flights_departed", "flights_cancelled", "weather_hourly")


def expect(database: duckdb.DuckDBPyConnection, data: FlightsData, flights: int) -> None:
    """Makes three tables `expected_<lake table>` and the view `expected_events` (event_id, origin, local_month)."""
    database.execute("SET TimeZone = 'UTC'")
    for name, path in (("flights_file", data.flights_csv), ("weather_file", data.weather_csv)):
        database.execute(f"CREATE TABLE {name} AS {_READ}", {"path": str(path)})
    database.execute(_DEPARTED, {"flights": flights})
    database.execute(_CANCELLED, {"flights": flights})
    database.execute(_WEATHER, {"flights": flights})
    database.execute(_EVENTS)


def expect_sound(
    database: duckdb.DuckDBPyConnection, data: FlightsData, flights: int, corrupted: Collection[str]
) -> None:
    """`expect`, and three tables `sound_<lake table>` without the ids that were spoilt on their way."""
    expect(database, data, flights)
    load_ids(database, "corrupted", corrupted)
    for table in TABLES:
        database.execute(_SOUND.format(table=table))


def load_ids(database: duckdb.DuckDBPyConnection, name: str, ids: Collection[str]) -> None:
    database.register(name, pa.table({"event_id": pa.array(sorted(ids), pa.string())}))


def number(database: duckdb.DuckDBPyConnection, query: str) -> int:
    """What a query of one row and one column says."""
    row = database.execute(query).fetchone()
    return int(row[0]) if row else 0


_READ = "SELECT *, row_number() OVER () AS line FROM read_csv($path, nullstr = 'NA', parallel = false)"
_LOCAL_DATE = "(year || '-' || month || '-' || day)::DATE AS local_date"
_SENT = """(
    SELECT *, time_hour + INTERVAL 1 MINUTE * minute AS scheduled_at,
        scheduled_at + INTERVAL 1 MINUTE * CASE WHEN dep_time IS NULL THEN 0 ELSE dep_delay END AS happened_at
    FROM flights_file ORDER BY happened_at, line LIMIT $flights
)"""
_FLIGHT = (
    f"'flight-' || line AS event_id, {_LOCAL_DATE}, scheduled_at, carrier, flight, tailnum, origin, dest, distance"
)
_DEPARTED = f"""
CREATE TABLE expected_flights_departed AS
SELECT {_FLIGHT}, happened_at AS departed_at, sched_dep_time, dep_time, dep_delay,
    sched_arr_time, arr_time, arr_delay, air_time
FROM {_SENT} WHERE dep_time IS NOT NULL
"""  # noqa: S608 -- our own text
_CANCELLED = f"""
CREATE TABLE expected_flights_cancelled AS
SELECT {_FLIGHT}, sched_dep_time, sched_arr_time FROM {_SENT} WHERE dep_time IS NULL
"""  # noqa: S608 -- our own text
_WEATHER = f"""
CREATE TABLE expected_weather_hourly AS
SELECT 'weather-' || line AS event_id, {_LOCAL_DATE}, time_hour AS observed_at, origin, temp, dewp, humid,
    wind_dir, wind_speed, wind_gust, precip, pressure, visib
FROM weather_file WHERE time_hour <= (SELECT max(happened_at) FROM {_SENT})
"""  # noqa: S608 -- our own text
_SOUND = "CREATE TABLE sound_{table} AS SELECT * FROM expected_{table} ANTI JOIN corrupted USING (event_id)"
_EVENTS = """
CREATE VIEW expected_events AS
SELECT event_id, origin, strftime(local_date, '%Y-%m') AS local_month
FROM (
    SELECT event_id, origin, local_date FROM expected_flights_departed
    UNION ALL SELECT event_id, origin, local_date FROM expected_flights_cancelled
    UNION ALL SELECT event_id, origin, local_date FROM expected_weather_hourly
)
"""
