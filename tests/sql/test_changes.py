"""What changes between two builds: a plane in the register, and windows that were revised, joined or come too late."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headrace_local.flights.data import lists_csv
from headrace_local.flights.source import SourceEvent
from headrace_producers.flights import FlightDeparted
from tests.sql.conftest import Built
from tests.sql.stories import JOINED, LATER_ROWS, MORNING, OUT_OF_ORDER, REVISED, REVIVED, SAME_LOAD, TOMBSTONE_FIRST
from tests.sql.world import NO_TESTS, World

CHANGED_MODELS = ("stg_planes+", "fct_flights+", "fct_hourly_departures+", "fct_rotations+")
NEW_SEATS = 999
VERSIONS = """
    SELECT version, seats, valid_from, valid_to, is_current, is_inferred FROM core.dim_plane
    WHERE tailnum = '{0}' ORDER BY version"""


@dataclass(frozen=True)
class Changed:
    """`plane` has other seats now, `removed` is in the register no more; both flew before, `plane` flies tomorrow."""

    plane: str
    removed: str
    seats: dict[str, int]
    """As the register had them."""
    tomorrow: FlightDeparted
    began: datetime
    ended: datetime


@pytest.fixture(scope="module")
def changed(built: Built, world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Changed]:
    """The build after the changes, and one more of the same."""
    assert built.first.ok
    register = lists_csv()["planes"]
    seats = {row["tailnum"]: int(row["seats"]) for row in _planes(register)}
    flown = [
        tailnum for (tailnum,) in world.rows("SELECT DISTINCT tailnum FROM core.fct_flights WHERE NOT is_cancelled")
    ]
    plane, removed = [tailnum for tailnum in sorted(filter(None, flown)) if tailnum in seats][10:12]
    tomorrow = _tomorrow(world, plane)
    world.load(world.land("planes", _changed(register, tmp_path_factory.mktemp("changed"), plane, removed)))
    world.load(world.commit([SourceEvent(f"tomorrow-{plane}", tomorrow)]))
    for load in LATER_ROWS:
        world.load([world.window(name, row) for name, row in load])
    began = datetime.now(UTC).replace(tzinfo=None)
    arguments = ("build", "--", "--select")
    first = world.command(*arguments, *CHANGED_MODELS, *NO_TESTS)
    ended = datetime.now(UTC).replace(tzinfo=None)
    again = world.command(
        *arguments, "stg_planes+", *NO_TESTS, "--exclude", "route_demand", "aircraft_use", "stg_planes"
    )
    assert (first.code, again.code) == (0, 0), first.out + again.out
    yield Changed(plane, removed, seats, tomorrow, began, ended)
    world.is_built = False


def _planes(register: Path) -> list[dict[str, str]]:
    with register.open(newline="") as file:
        return list(csv.DictReader(file))


def _changed(register: Path, folder: Path, plane: str, removed: str) -> Path:
    """The register some time later."""
    rows = [row for row in _planes(register) if row["tailnum"] != removed]
    for row in rows:
        if row["tailnum"] == plane:
            row["seats"] = str(NEW_SEATS)
    with (path := folder / "planes.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def _tomorrow(world: World, plane: str) -> FlightDeparted:
    event = next(one.event for one in world.events if isinstance(one.event, FlightDeparted))
    now = datetime.now(UTC).replace(microsecond=0)  # of which event time must not be far ahead
    tomorrow = now + timedelta(days=1)
    return msgspec.structs.replace(
        event, tailnum=plane, scheduled_at=tomorrow, departed_at=now, local_date=tomorrow.date()
    )


def test_a_changed_plane_has_a_second_version_and_no_third(changed: Changed, world: World) -> None:
    """They adjoin at the build that saw the change, exactly one is current; building again makes no other."""
    old, new = world.rows(VERSIONS.format(changed.plane))
    assert (old[0], old[1], old[4:]) == (1, changed.seats[changed.plane], (False, False))
    assert (new[0], new[1], new[4:]) == (2, NEW_SEATS, (True, False))
    assert old[2] == datetime(1900, 1, 1)  # noqa: DTZ001 -- as the warehouse has it
    assert changed.began <= old[3] == new[2] <= changed.ended
    assert new[3] == datetime(9999, 12, 31)  # noqa: DTZ001
    assert world.rows("SELECT count(*) FROM core.planes_snapshot WHERE dbt_valid_to IS NOT NULL") == [(2,)]


def test_a_plane_that_left_the_register_has_no_current_version(changed: Changed, world: World) -> None:
    """Its one version ends with the build that missed it, and it is no member that only flights name."""
    [(version, seats, _, valid_to, is_current, is_inferred)] = world.rows(VERSIONS.format(changed.removed))
    assert (version, seats, is_current, is_inferred) == (1, changed.seats[changed.removed], False, False)
    assert changed.began <= valid_to <= changed.ended


def test_flights_before_the_change_have_the_seats_of_then(changed: Changed, world: World) -> None:
    """On every route and month: what the register said at the flight, by a count of one's own."""
    wanted: Counter[tuple[Any, ...]] = Counter()
    for origin, dest, month, tailnum in world.rows(
        "SELECT origin, dest, local_month, tailnum FROM core.fct_flights WHERE NOT is_cancelled"
    ):
        is_new = month.year > 2014
        wanted[origin, dest, month] += NEW_SEATS if is_new else changed.seats.get(tailnum, 0)
    demand = world.rows("SELECT origin, dest, local_month, known_seats_flown FROM mart.route_demand")
    assert Counter({tuple(key): seats for *key, seats in demand if seats}) == +wanted
    event = changed.tomorrow
    assert wanted[event.origin, event.dest, event.local_date.replace(day=1)] == NEW_SEATS


def _hours(world: World, start: datetime) -> list[tuple[Any, ...]]:
    return world.rows(
        "SELECT revision, departures, dep_delay_mean_min FROM mart.departures_by_hour"  # noqa: S608
        f" WHERE airport = 'JFK' AND hour_start = '{start:%Y-%m-%d %H:%M}'"
    )


def _rotations(world: World, tailnum: str) -> list[tuple[Any, ...]]:
    return world.rows(
        "SELECT rotation_start, rotation_end, flights, miles, revision FROM mart.aircraft_rotations"  # noqa: S608
        f" WHERE tailnum = '{tailnum}' AND rotation_start BETWEEN '2014-01-01' AND '2014-12-31' ORDER BY 1"
    )


@pytest.mark.usefixtures("changed")
def test_a_late_revision_replaces_the_hours_row(built: Built, world: World) -> None:
    """One row before and after, with the figures of the last revision; what was shown early is none."""
    [before] = [row for row in built.after_first["mart.departures_by_hour"] if row[2] == REVISED.replace(tzinfo=None)]
    assert before[4:6] == (3, 1.5)
    assert _hours(world, REVISED) == [(2, 5, 3.0)]


@pytest.mark.usefixtures("changed")
def test_a_revision_that_is_loaded_after_its_next_one_changes_nothing(built: Built, world: World) -> None:
    """As a file that was quarantined and released: the highest revision stays the last state."""
    [before] = [
        row for row in built.after_first["mart.departures_by_hour"] if row[2] == OUT_OF_ORDER.replace(tzinfo=None)
    ]
    assert before[4:6] == (8, 3.0)
    assert _hours(world, OUT_OF_ORDER) == [(2, 8, 3.0)]


@pytest.mark.usefixtures("changed")
def test_a_joined_rotation_is_there_once_and_the_swallowed_one_no_more(built: Built, world: World) -> None:
    """Two rotations before, one after, with the flights of both and one."""
    before = [row for row in built.after_first["mart.aircraft_rotations"] if row[0] == JOINED and row[1].year == 2014]
    assert sorted(row[3] for row in before) == [2, 3]
    morning = MORNING.replace(tzinfo=None)
    assert _rotations(world, JOINED) == [(morning, morning + timedelta(hours=9), 6, 600, 2)]


@pytest.mark.usefixtures("changed")
def test_tombstone_first(built: Built, world: World) -> None:
    """A tombstone that is loaded before its first revision leaves nothing, neither then nor once that is released."""
    rotations = {(row[0], row[1]) for row in built.after_first["core.fct_rotations"]}
    for tailnum in (TOMBSTONE_FIRST, SAME_LOAD, REVIVED):
        assert (tailnum, MORNING.replace(tzinfo=None)) not in rotations
    assert _rotations(world, TOMBSTONE_FIRST) == []
    assert _rotations(world, SAME_LOAD) == []
    assert [row[2:] for row in _rotations(world, REVIVED)] == [(7, 700, 3)]
