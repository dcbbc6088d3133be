"""Rows of the CSV files as events, in the order in which they would reach the source application.

Event time of a departure is its scheduled local departure, read in America/New_York, plus its delay in elapsed minutes;
of a cancellation the scheduled departure; of the weather its hour, which the data gives in UTC (on the day on which
clocks go back, its local hours are ambiguous). Events arrive disordered, as they do: a few minutes late each,
most of them one, some fifteen; by row number and seed alone, so that every run sends the same events in the same order.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import duckdb
import msgspec

from headrace_local.flights.data import FlightsData
from headrace_producers.flights import FlightCancelled, FlightDeparted, WeatherObserved

Event = FlightDeparted | FlightCancelled | WeatherObserved
MAX_DISORDER_MIN = 15
MOST_HELD_MIN = 24 * 60
_MEAN_DELAY_MIN = 1.0
_FETCH_ROWS = 5_000


class SourceEvent(NamedTuple):
    """An event and its id: the row's number in its file."""

    event_id: str
    event: Event


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """Which part of the year is sent: the first `flights` rows of both flight tables in event order, and the weather
    that was observed until the last of them."""

    flights: int
    seed: int = 2013
    late_percent: float = 0.0
    """So many of a hundred events are held back, for a quarter of an hour up to a day."""


class FlightsSource:
    """Reads the files once; `events` may be called again and gives the same."""

    def __init__(self, data: FlightsData, settings: SourceSettings) -> None:
        self._settings = settings
        self._database = duckdb.connect(config={"threads": 2, "preserve_insertion_order": True})
        self._database.execute("SET TimeZone = 'UTC'")
        self._load(data)

    @property
    def count(self) -> int:
        """How many events there are."""
        row = self._database.execute(
            "SELECT (SELECT count(*) FROM sent_flights) + (SELECT count(*) FROM sent_weather)"
        ).fetchone()
        return int(row[0]) if row else 0

    def events(self) -> Iterator[SourceEvent]:
        tables = (
            self._rows("flight", "sent_flights WHERE dep_delay IS NOT NULL", FlightDeparted),
            self._rows("flight", "sent_flights WHERE dep_delay IS NULL", FlightCancelled),
            self._rows("weather", "sent_weather", WeatherObserved),
        )
        for _, event_id, event in heapq.merge(*tables, key=lambda row: row[:2]):
            yield SourceEvent(event_id, event)

    def held_back(self) -> frozenset[str]:
        """The ids of the events that come later than their disorder alone would have it."""
        parts = [
            f"SELECT '{kind}-' || row FROM {table} WHERE {_HELD_BACK}"  # noqa: S608 -- our own names
            for kind, table in (("flight", "sent_flights"), ("weather", "sent_weather"))
        ]
        found = self._database.execute(" UNION ALL ".join(parts), self._parameters()).fetchall()
        return frozenset(event_id for (event_id,) in found)

    def close(self) -> None:
        self._database.close()

    def _load(self, data: FlightsData) -> None:
        parameters = {"flights": self._settings.flights}
        self._database.read_csv(str(data.flights_csv), na_values="NA", parallel=False).create("flights_csv")
        self._database.read_csv(str(data.weather_csv), na_values="NA", parallel=False).create("weather_csv")
        self._database.execute(_FLIGHTS, parameters)
        self._database.execute(_WEATHER)

    def _parameters(self) -> dict[str, object]:
        return {"seed": str(self._settings.seed), "late": self._settings.late_percent / 100}

    def _rows(self, kind: str, table: str, event: type[Event]) -> Iterator[tuple[datetime, str, Event]]:
        names = [field.name for field in msgspec.structs.fields(event)]
        instants = [index for index, name in enumerate(names) if name.endswith("_at")]
        query = f"SELECT {_ARRIVAL}, '{kind}-' || row, {', '.join(names)} FROM {table} ORDER BY 1, row"  # noqa: S608 -- our own names
        cursor = self._database.cursor()
        cursor.execute(query, self._parameters())
        while rows := cursor.fetchmany(_FETCH_ROWS):
            for arrival, event_id, *values in rows:
                for index in instants:
                    values[index] = values[index].replace(tzinfo=UTC)
                yield arrival, event_id, event(**_named(names, values))


def _named(names: list[str], values: list[Any]) -> dict[str, Any]:
    return dict(zip(names, values, strict=True))


_FLIGHTS = """
CREATE TABLE sent_flights AS
WITH numbered AS (
    SELECT *, row_number() OVER () AS row, make_date(year, month, day) AS local_date,
        timezone('America/New_York', make_timestamp(year, month, day, hour, minute, 0.0))::TIMESTAMP AS scheduled_at
    FROM flights_csv
)
SELECT *, scheduled_at + to_minutes(coalesce(dep_delay, 0)) AS departed_at, departed_at AS event_time
FROM numbered ORDER BY event_time, row LIMIT $flights
"""
_WEATHER = """
CREATE TABLE sent_weather AS
SELECT *, row_number() OVER () AS row, make_date(year, month, day) AS local_date,
    time_hour::TIMESTAMP AS observed_at, observed_at AS event_time
FROM weather_csv QUALIFY observed_at <= (SELECT max(event_time) FROM sent_flights)
"""
_UNIFORM = "(('0x' || left(md5($seed || row), 8))::UBIGINT + 1) / 4294967297.0"
_UNIFORM_LATE = "(('0x' || left(md5('late' || $seed || row), 8))::UBIGINT + 1) / 4294967297.0"
_HELD_BACK = f"{_UNIFORM_LATE} <= $late"
_DISORDER_MIN = f"least({MAX_DISORDER_MIN}, -{_MEAN_DELAY_MIN} * ln({_UNIFORM}))"
_HOLD_MIN = (
    f"CASE WHEN {_HELD_BACK} THEN {MAX_DISORDER_MIN} + {MOST_HELD_MIN - MAX_DISORDER_MIN} * {_UNIFORM} ELSE 0 END"
)
_ARRIVAL = f"event_time + to_seconds(60 * ({_DISORDER_MIN} + {_HOLD_MIN}))"
