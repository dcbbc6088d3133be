"""Windows whose rows come late, twice or in the wrong order: what is loaded before the first build, and what after it.

Their hours lie in the year after all real flights of the tests; their planes are in the register.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.sql.world import at

NamedRow = tuple[str, dict[str, Any]]
PLANES = ("N10156", "N102UW", "N103US", "N104UW")
REVISED, OUT_OF_ORDER = at("2014-01-01T10:00"), at("2014-01-01T11:00")
MORNING, NOON = at("2014-01-02T08:00"), at("2014-01-02T16:00")


def hour(start: datetime, revision: int, departures: int, *, early: bool = False) -> NamedRow:
    figures = {"delay_mean": 1.5 * revision, "delay_max": 9, "delay_p50": 1.0, "delay_p90": 5.0}
    return "hourly_departures", {
        "origin": "JFK", "window_start": start, "window_end": start + timedelta(hours=1), "events": departures,
        "departures": departures, "revision": revision, "early": early, **figures,
    }  # fmt: skip


def rotation(tailnum: str, start: datetime, revision: int, flights: int, *, hours: int = 1) -> NamedRow:
    return "rotations", {
        "tailnum": tailnum, "window_start": start, "window_end": start + timedelta(hours=hours), "events": flights,
        "flights": flights, "miles": 100 * flights, "revision": revision,
    }  # fmt: skip


def tombstone(tailnum: str, start: datetime, revision: int) -> NamedRow:
    return "rotations", {
        "tailnum": tailnum, "window_start": start, "window_end": start, "events": 0, "revision": revision,
        "deleted": True,
    }  # fmt: skip


JOINED, TOMBSTONE_FIRST, SAME_LOAD, REVIVED = PLANES
FIRST_ROWS: tuple[list[NamedRow], ...] = (
    [hour(REVISED, 0, 1, early=True), hour(OUT_OF_ORDER, 2, 8), tombstone(TOMBSTONE_FIRST, MORNING, 2)],
    [hour(REVISED, 1, 3), rotation(JOINED, MORNING, 1, 2), rotation(JOINED, NOON, 1, 3)],
    [tombstone(REVIVED, MORNING, 2), rotation(SAME_LOAD, MORNING, 1, 1), tombstone(SAME_LOAD, MORNING, 2)],
)
"""Before the first build, load by load."""
LATER_ROWS: tuple[list[NamedRow], ...] = (
    [hour(REVISED, 2, 5), hour(OUT_OF_ORDER, 1, 6), rotation(TOMBSTONE_FIRST, MORNING, 1, 4)],
    [rotation(JOINED, MORNING, 2, 6, hours=9), tombstone(JOINED, NOON, 2), rotation(REVIVED, MORNING, 3, 7)],
)
