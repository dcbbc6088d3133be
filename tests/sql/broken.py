"""Rows as no loader and no model would leave them: each kind, and the test of the models that must notice it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.sql.world import World

TABLES = (
    "staging.flights_departed", "staging.flights_cancelled", "staging.weather_hourly", "staging.hourly_departures",
    "staging.rotations", "staging.planes", "staging.airports", "core.fct_flights", "core.fct_weather_hourly",
    "core.fct_hourly_departures", "core.fct_rotations", "core.dim_airline", "core.dim_plane", "core.dim_date",
    "mart.on_time_performance", "mart.route_demand", "mart.aircraft_use", "mart.aircraft_rotations",
    "mart.departures_by_hour",
)  # fmt: skip
_SPARES = "spares"


@dataclass(frozen=True)
class Broken:
    """`{0}`, `{1}`, ... in the statement are flights that left, in the order of their ids."""

    test: str
    statement: str


def _flight(number: int, change: str) -> str:
    return f"UPDATE core.fct_flights SET {change} WHERE flight_id = '{{{number}}}'"  # noqa: S608


def _copy(table: str, where: str) -> str:
    return f"INSERT INTO {table} SELECT * FROM {table} WHERE {where}"  # noqa: S608


def _first(table: str, key: str) -> str:
    return f"{key} = (SELECT min({key}) FROM {table})"  # noqa: S608


KINDS = {
    # --- staging
    "an event is there twice": Broken(
        "source_unique_flights_flights_departed_event_id", _copy("staging.flights_departed", "event_id = '{0}'")
    ),
    "an observation is there twice": Broken(
        "source_unique_flights_weather_hourly_event_id",
        _copy("staging.weather_hourly", _first("staging.weather_hourly", "event_id")),
    ),
    "an airport that no contract allows": Broken(
        "source_accepted_values_flights_flights_departed_origin__EWR__JFK__LGA",
        "UPDATE staging.flights_departed SET origin = 'PHL' WHERE event_id = '{1}'",
    ),
    "a flight has left and was cancelled": Broken(
        "a_flight_left_or_was_cancelled",
        """
        INSERT INTO staging.flights_cancelled
            (event_id, event_time, scheduled_at, local_date, carrier, flight, origin, dest, distance, sched_dep_time,
            sched_arr_time, shard_id, sequence_number, record_index, arrival_time, commit_id)
        SELECT event_id, event_time, scheduled_at, local_date, carrier, flight, origin, dest, distance, sched_dep_time,
            sched_arr_time, shard_id, sequence_number, record_index, arrival_time, commit_id
        FROM staging.flights_departed WHERE event_id = '{2}'""",
    ),
    "a revision of a window is there twice": Broken(
        "source_unique_together_flights_hourly_departures_origin__window_start__revision",
        _copy("staging.hourly_departures", f"NOT early AND {_first('staging.hourly_departures', 'window_start')}"),
    ),
    "a plane of an unknown kind": Broken(
        "accepted_values_stg_planes_plane_type__Fixed_wing_multi_engine__Fixed_wing_single_engine__Rotorcraft",
        "UPDATE staging.planes SET type = 'Balloon' WHERE tailnum = 'N10156'",
    ),
    "a row of a list is there twice": Broken(
        "source_unique_flights_planes_event_id", _copy("staging.planes", "tailnum = 'N102UW'")
    ),
    # --- facts
    "a flight without an id": Broken("not_null_fct_flights_flight_id", _flight(3, "flight_id = NULL")),
    "a flight of an unknown carrier": Broken(
        "relationships_fct_flights_carrier__carrier__ref_dim_airline_", _flight(4, "carrier = 'ZZ'")
    ),
    "a flight to an unknown airport": Broken(
        "relationships_fct_flights_dest__airport__ref_dim_airport_", _flight(5, "dest = 'ZZZ'")
    ),
    "a flight by an unknown plane": Broken(
        "relationships_fct_flights_tailnum__tailnum__ref_dim_plane_", _flight(6, "tailnum = 'N0'")
    ),
    "a flight on no day": Broken(
        "relationships_fct_flights_local_date__date_day__ref_dim_date_", _flight(7, "local_date = '2050-01-01'")
    ),
    "a flight over less than nothing": Broken("fct_flights_distance_is_positive", _flight(8, "distance_mi = -1")),
    "a cancelled flight that left": Broken(
        "fct_flights_cancelled_flights_never_left", _flight(9, "is_cancelled = true")
    ),
    "a flight is there under two ids": Broken(
        "unique_together_fct_flights_carrier__flight_number__origin__scheduled_at",
        """
        UPDATE core.fct_flights SET (carrier, flight_number, origin, scheduled_at) =
            (SELECT carrier, flight_number, origin, scheduled_at FROM core.fct_flights WHERE flight_id = '{10}')
        WHERE flight_id = '{11}'""",
    ),
    "two observations of one hour": Broken(
        "unique_together_fct_weather_hourly_airport__observed_at",
        """
        UPDATE core.fct_weather_hourly SET observed_at = (
            SELECT max(observed_at) FROM core.fct_weather_hourly WHERE airport = 'JFK'
        ) WHERE airport = 'JFK' AND observed_at = (SELECT min(observed_at) FROM core.fct_weather_hourly)""",
    ),
    "a row of the books that the facts lack": Broken(
        "fct_weather_hourly_has_every_row_of_its_loads",
        f"DELETE FROM core.fct_weather_hourly WHERE {_first('core.fct_weather_hourly', 'observation_id')}",  # noqa: S608
    ),
    "an hour without departures": Broken(
        "fct_hourly_departures_has_no_empty_hours",
        "INSERT INTO core.fct_hourly_departures (airport, hour_start, departures, load_seq)"
        " VALUES ('LGA', '2030-01-01', 0, 1)",
    ),
    "a rotation that ends before it starts": Broken(
        "fct_rotations_end_after_they_start",
        "UPDATE core.fct_rotations SET rotation_end = '2000-01-01' WHERE rotation_start ="
        " (SELECT max(rotation_start) FROM core.fct_rotations)",
    ),
    # --- dimensions
    "a carrier is there twice": Broken("unique_dim_airline_carrier", _copy("core.dim_airline", "carrier = 'HA'")),
    "two versions of a plane at one time": Broken(
        "plane_versions_do_not_overlap",
        """
        INSERT INTO core.dim_plane (plane_version, tailnum, version, valid_from, valid_to, is_current, is_inferred)
        SELECT tailnum || '#9', tailnum, 9, '2020-01-01', '9999-12-31', true, false FROM core.dim_plane
        WHERE tailnum = 'N103US' AND is_current""",
    ),
    "a version of a plane that never was": Broken(
        "dim_plane_versions_end_after_they_begin",
        "UPDATE core.dim_plane SET valid_to = '1900-01-01' WHERE tailnum = 'N104UW' AND is_current",
    ),
    "an eighth day of the week": Broken(
        "accepted_values_dim_date_day_of_week__False__1__2__3__4__5__6__7",
        "UPDATE core.dim_date SET day_of_week = 8 WHERE date_day = '2012-02-29'",
    ),
    # --- marts
    "a mart whose sum is off": Broken(
        "marts_count_every_flight_once",
        f"UPDATE mart.aircraft_use SET flights = flights + 1 WHERE {_first('mart.aircraft_use', 'tailnum')}",  # noqa: S608
    ),
    "fates that do not add up": Broken(
        "on_time_performance_adds_up",
        "UPDATE mart.on_time_performance SET arrived = arrived - 1 WHERE carrier = 'UA'",
    ),
    "more seats than flights": Broken(
        "route_demand_adds_up",
        "UPDATE mart.route_demand SET departed_with_known_seats = departed + 1 WHERE dest = 'ATL' AND origin = 'JFK'",
    ),
    "a route is there twice": Broken(
        "unique_together_route_demand_origin__dest__local_month",
        """
        INSERT INTO mart.route_demand
            (origin, dest, local_month, flights, departed, cancelled, departed_with_known_seats)
        SELECT DISTINCT origin, dest, local_month, 0, 0, 0, 0 FROM mart.route_demand
        WHERE dest = 'ATL' AND origin = 'LGA'""",
    ),
    "a rotation of no known plane": Broken(
        "relationships_aircraft_rotations_plane_version__plane_version__ref_dim_plane_",
        "UPDATE mart.aircraft_rotations SET plane_version = 'N0#7' WHERE rotation_start ="
        " (SELECT min(rotation_start) FROM mart.aircraft_rotations)",
    ),
    "an hour is there twice": Broken(
        "unique_together_departures_by_hour_airport__hour_start",
        """
        INSERT INTO mart.departures_by_hour (airport, hour_start, departures)
        SELECT 'JFK', max(hour_start), 0 FROM mart.departures_by_hour WHERE airport = 'JFK'""",
    ),
}


@contextmanager
def all_kinds(world: World) -> Iterator[None]:
    """Broken all at once, and whole again at the end."""
    flights = [
        flight_id
        for (flight_id,) in world.rows(
            "SELECT flight_id FROM core.fct_flights WHERE NOT is_cancelled AND tailnum IS NOT NULL ORDER BY 1 LIMIT 20"
        )
    ]
    spares = {table: f"{_SPARES}.{table.replace('.', '_')}" for table in TABLES}
    world.run(
        f"CREATE SCHEMA {_SPARES}",
        *(f"CREATE TABLE {spare} AS SELECT * FROM {table}" for table, spare in spares.items()),  # noqa: S608
    )
    try:
        world.run(*(kind.statement.format(*flights) for kind in KINDS.values()))
        yield
    finally:
        for table, spare in spares.items():
            world.run(f"DELETE FROM {table}", f"INSERT INTO {table} SELECT * FROM {spare}")  # noqa: S608
        world.run(f"DROP SCHEMA {_SPARES} CASCADE")
