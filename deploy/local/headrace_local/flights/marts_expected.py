"""What core and marts must hold, asked of the CSV files by DuckDB.

Nothing here is shared with the models: every figure is counted anew from the rows that the CSV files have. Only the
revision of a window is taken from the lake: which commit brought what is in no CSV file.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from headrace_local.flights.data import FlightsData

CORE, MART = "core", "mart"


@dataclass(frozen=True, slots=True)
class Model:
    """A table of the warehouse, and the query on the source that says what stands in it."""

    schema: str
    name: str
    key: tuple[str, ...]
    query: str
    quantiles: frozenset[str] = frozenset()
    own: tuple[str, ...] = ()
    """Columns of the load, of which the source knows nothing."""

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


def expect_models(database: duckdb.DuckDBPyConnection, data: FlightsData) -> None:
    """Makes tables `expected_<model>`, after `expect_sound` and `load_windows`."""
    for name, path in (("airlines", data.airlines_csv), ("airports", data.airports_csv), ("planes", data.planes_csv)):
        database.execute(f"CREATE TABLE {name} AS FROM read_csv($path, nullstr = 'NA')", {"path": str(path)})
    database.execute(_SCHEDULED)
    for model in MODELS:
        database.execute(f"CREATE TABLE expected_{model.name} AS {model.query}")


_SCHEDULED = """
CREATE TABLE scheduled AS
SELECT *, date_trunc('month', local_date)::DATE AS local_month FROM (
    SELECT *, false AS cancelled FROM sound_flights_departed
    UNION ALL BY NAME SELECT *, true AS cancelled FROM sound_flights_cancelled
)
"""
_FLIGHTS = """
SELECT event_id AS flight_id, cancelled AS is_cancelled, NOT cancelled AND arr_delay IS NULL AS is_diverted,
    arr_delay < 15 AS is_on_time, scheduled_at, departed_at, local_date, local_month, carrier, flight AS flight_number,
    tailnum, origin, dest, distance AS distance_mi, sched_dep_time, dep_time, dep_delay AS dep_delay_min,
    sched_arr_time, arr_time, arr_delay AS arr_delay_min, air_time AS air_time_min
FROM scheduled
"""
_WEATHER = """
SELECT event_id AS observation_id, origin AS airport, observed_at, local_date, temp AS temp_f, dewp AS dewpoint_f,
    humid AS humidity_pct, wind_dir AS wind_dir_deg, wind_speed AS wind_speed_mph, wind_gust AS wind_gust_mph,
    precip AS precip_in, pressure AS pressure_mbar, visib AS visibility_mi
FROM sound_weather_hourly
"""
_ON_TIME = """
SELECT carrier, any_value(airlines.name) AS carrier_name, local_month, count(*) AS flights,
    count(*) FILTER (NOT cancelled) AS departed, count(arr_delay) AS arrived,
    count(*) FILTER (cancelled) AS cancelled, count(*) FILTER (NOT cancelled AND arr_delay IS NULL) AS diverted,
    count(*) FILTER (arr_delay < 15) AS on_time, count(*) FILTER (arr_delay < 15) / count(*) AS on_time_share,
    count(*) FILTER (cancelled) / count(*) AS cancelled_share,
    avg(dep_delay) AS dep_delay_mean_min, avg(arr_delay) AS arr_delay_mean_min
FROM scheduled LEFT JOIN airlines USING (carrier) GROUP BY carrier, local_month
"""
_HOURS = """
SELECT hours.origin AS airport, airports.name AS airport_name, window_start AS hour_start,
    timezone(airports.tzone, window_start::TIMESTAMPTZ) AS local_hour_start, hours.departures,
    hours.delay_mean AS dep_delay_mean_min, hours.delay_max AS dep_delay_max_min,
    hours.delay_p50 AS dep_delay_p50_min, hours.delay_p90 AS dep_delay_p90_min, last.revision,
    temp AS temp_f, humid AS humidity_pct, wind_speed AS wind_speed_mph, wind_gust AS wind_gust_mph,
    precip AS precip_in, visib AS visibility_mi
FROM expected_hourly_departures AS hours
LEFT JOIN last_hourly_departures AS last USING (origin, window_start)
LEFT JOIN sound_weather_hourly AS weather ON weather.origin = hours.origin AND weather.observed_at = window_start
LEFT JOIN airports ON airports.faa = hours.origin
"""
_ROUTES = """
SELECT origin, dest, any_value(airports.name) AS dest_name, local_month, max(distance) AS distance_mi,
    count(*) AS flights, count(*) FILTER (NOT cancelled) AS departed, count(*) FILTER (cancelled) AS cancelled,
    count(*) FILTER (cancelled) / count(*) AS cancelled_share, count(DISTINCT scheduled.carrier) AS carriers,
    count(seats) FILTER (NOT cancelled) AS departed_with_known_seats,
    sum(seats) FILTER (NOT cancelled) AS known_seats_flown, avg(seats) FILTER (NOT cancelled) AS seats_mean
FROM scheduled LEFT JOIN airports ON airports.faa = dest LEFT JOIN planes USING (tailnum)
GROUP BY origin, dest, local_month
"""
_ROTATIONS = """
SELECT rotations.tailnum, window_start AS rotation_start, rotations.window_end AS rotation_end, rotations.flights,
    rotations.miles, last.revision,
    rotations.tailnum || CASE WHEN planes.tailnum IS NULL THEN '#0' ELSE '#1' END AS plane_version,
    manufacturer, model, year AS year_built
FROM expected_rotations AS rotations
LEFT JOIN last_rotations AS last USING (tailnum, window_start)
LEFT JOIN planes ON planes.tailnum = rotations.tailnum
"""
_USE = """
SELECT tailnum, local_month, count(*) FILTER (NOT cancelled) AS flights, count(*) FILTER (cancelled) AS cancelled,
    count(DISTINCT local_date) FILTER (NOT cancelled) AS days_flown,
    coalesce(sum(distance) FILTER (NOT cancelled), 0) AS miles, coalesce(sum(air_time), 0) AS air_time_min,
    any_value(manufacturer) AS manufacturer, any_value(model) AS model, any_value(year) AS year_built,
    any_value(seats) AS seats
FROM scheduled LEFT JOIN planes USING (tailnum) WHERE tailnum IS NOT NULL GROUP BY tailnum, local_month
"""
_OF_THE_LOAD = ("received_at", "commit_id", "load_seq")
MODELS = (
    Model(CORE, "fct_flights", ("flight_id",), _FLIGHTS, own=_OF_THE_LOAD),
    Model(CORE, "fct_weather_hourly", ("observation_id",), _WEATHER, own=_OF_THE_LOAD),
    Model(MART, "on_time_performance", ("carrier", "local_month"), _ON_TIME),
    Model(
        MART, "departures_by_hour", ("airport", "hour_start"), _HOURS,
        quantiles=frozenset({"dep_delay_p50_min", "dep_delay_p90_min"}),
    ),
    Model(MART, "route_demand", ("origin", "dest", "local_month"), _ROUTES),
    Model(MART, "aircraft_rotations", ("tailnum", "rotation_start"), _ROTATIONS),
    Model(MART, "aircraft_use", ("tailnum", "local_month"), _USE),
)  # fmt: skip
