"""The rules of the flights contracts as one writes them by hand: a dict in, a row out, or BrokenError."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

Data = dict[str, Any]
Row = dict[str, Any]

CARRIER = re.compile("^[0-9A-Z]{2}$")
AIRPORT = re.compile("^[A-Z]{3}$")
ORIGINS = {"EWR", "JFK", "LGA"}


class BrokenError(Exception):
    """Reason and field."""

    def __init__(self, reason: str, field: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field


def departed(data: Data) -> Row:
    return {
        "departed_at": instant(data, "departed_at"),
        "scheduled_at": instant(data, "scheduled_at"),
        "local_date": day(data, "local_date"),
        "carrier": matching(data, "carrier", CARRIER),
        "flight": whole(data, "flight", 1, 9999),
        "tailnum": short(data, "tailnum", 8),
        "origin": origin(data),
        "dest": matching(data, "dest", AIRPORT),
        "distance": whole(data, "distance", 1, 12000),
        "sched_dep_time": whole(data, "sched_dep_time", 0, 2400),
        "dep_time": whole(data, "dep_time", 0, 2400),
        "dep_delay": whole(data, "dep_delay", -120, 2880),
        "sched_arr_time": whole(data, "sched_arr_time", 0, 2400),
        "arr_time": whole(data, "arr_time", 0, 2400, required=False),
        "arr_delay": whole(data, "arr_delay", -120, 2880, required=False),
        "air_time": whole(data, "air_time", 1, 1440, required=False),
    }


def cancelled(data: Data) -> Row:
    return {
        "scheduled_at": instant(data, "scheduled_at"),
        "local_date": day(data, "local_date"),
        "carrier": matching(data, "carrier", CARRIER),
        "flight": whole(data, "flight", 1, 9999),
        "tailnum": short(data, "tailnum", 8),
        "origin": origin(data),
        "dest": matching(data, "dest", AIRPORT),
        "distance": whole(data, "distance", 1, 12000),
        "sched_dep_time": whole(data, "sched_dep_time", 0, 2400),
        "sched_arr_time": whole(data, "sched_arr_time", 0, 2400),
    }


def observed(data: Data) -> Row:
    wide = 1e308
    return {
        "observed_at": instant(data, "observed_at"),
        "local_date": day(data, "local_date"),
        "origin": origin(data),
        "temp": number(data, "temp", -80, 140),
        "dewp": number(data, "dewp", -120, 120),
        "humid": number(data, "humid", 0, 100),
        "wind_dir": whole(data, "wind_dir", 0, 360, required=False),
        "wind_speed": number(data, "wind_speed", 0, wide),
        "wind_gust": number(data, "wind_gust", 0, wide),
        "precip": number(data, "precip", 0, wide),
        "pressure": number(data, "pressure", 850, 1090),
        "visib": number(data, "visib", 0, wide),
    }


CHECKS: dict[str, tuple[Callable[[Data], Row], str]] = {
    "flight.departed.v1": (departed, "departed_at"),
    "flight.cancelled.v1": (cancelled, "scheduled_at"),
    "weather.observed.v1": (observed, "observed_at"),
}
"""CloudEvents type to its check and the column of its event time."""


def instant(data: Data, name: str) -> datetime:
    try:
        found = datetime.fromisoformat(data[name])
    except KeyError:
        raise BrokenError("missing", name) from None
    except (TypeError, ValueError):
        raise BrokenError("wrong_type", name) from None
    if found.tzinfo is None:
        raise BrokenError("wrong_type", name)
    return found


def day(data: Data, name: str) -> date:
    try:
        return date.fromisoformat(data[name])
    except KeyError:
        raise BrokenError("missing", name) from None
    except (TypeError, ValueError):
        raise BrokenError("wrong_type", name) from None


def whole(data: Data, name: str, least: int, most: int, *, required: bool = True) -> int | None:
    value = data.get(name)
    if value is None:
        if required:
            raise BrokenError("missing", name)
        return None
    if type(value) is not int:
        raise BrokenError("wrong_type", name)
    if not least <= value <= most:
        raise BrokenError("out_of_range", name)
    return value


def number(data: Data, name: str, least: float, most: float) -> float | None:
    value = data.get(name)
    if value is None:
        return None
    if type(value) not in (int, float):
        raise BrokenError("wrong_type", name)
    if not least <= value <= most:
        raise BrokenError("out_of_range", name)
    return float(value)


def matching(data: Data, name: str, pattern: re.Pattern[str]) -> str:
    value = data.get(name)
    if not isinstance(value, str):
        raise BrokenError("missing" if value is None else "wrong_type", name)
    if not pattern.search(value):
        raise BrokenError("pattern", name)
    return value


def short(data: Data, name: str, most: int) -> str | None:
    value = data.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise BrokenError("wrong_type", name)
    if len(value) > most:
        raise BrokenError("too_long", name)
    return value


def origin(data: Data) -> str:
    value = data.get("origin")
    if value not in ORIGINS:
        raise BrokenError("missing" if value is None else "not_allowed", "origin")
    return str(value)
