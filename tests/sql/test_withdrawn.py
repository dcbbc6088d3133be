"""What batch takes out of staging leaves the facts by the next build: retired commits, and rows that are forgotten."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

import pytest

from headrace_consumers.commitlog.model import Erasure
from headrace_consumers.load.amendments import Amendments
from headrace_local.flights.source import SourceEvent
from headrace_local.pipelines import flights
from headrace_producers.flights import FlightDeparted
from tests.sql.conftest import Built
from tests.sql.stories import rotation
from tests.sql.world import World, at

FACTS = (
    "--select", "fct_flights", "fct_weather_hourly", "fct_rotations", "--exclude", "test_name:relationships",
    "marts_count_every_flight_once", "--exclude-resource-type", "unit_test",
)  # fmt: skip
"""With the tests that hold them against the books; dimensions and marts are left as they are."""
TABLES = tuple(sorted([*(table.name for table in flights.tables), *(window.name for window in flights.windows)]))
PLANE, OTHER_PLANE = "N951UW", "N952UW"
START = at("2014-03-01T08:00")


def facts(world: World, events: Iterable[SourceEvent]) -> Counter[tuple[str, str]]:
    """Of these events: their ids in the facts, and the commits that brought them."""
    found = world.rows(
        "SELECT flight_id, commit_id FROM core.fct_flights"
        " UNION ALL SELECT observation_id, commit_id FROM core.fct_weather_hourly"
    )
    ids = {event.event_id for event in events}
    return Counter((event_id, commit_id) for event_id, commit_id in found if event_id in ids)


def rotations(world: World) -> set[str]:
    found = world.rows(
        f"SELECT tailnum FROM core.fct_rotations WHERE tailnum IN ('{PLANE}', '{OTHER_PLANE}')"  # noqa: S608
    )
    return {tailnum for (tailnum,) in found}


@dataclass
class Story:
    """A world whose events of one commit are in the facts."""

    world: World
    events: list[SourceEvent]
    commit_id: str

    def brought(self, events: Iterable[SourceEvent], commit_id: str) -> Counter[tuple[str, str]]:
        return Counter((event.event_id, commit_id) for event in events)


@pytest.fixture
def story(built: Built, world: World) -> Story:
    assert built.first.ok
    world.have_built()
    events = list(islice(world.events, 60))
    files = world.commit(events)
    world.load(files)
    world.build(*FACTS)
    made = Story(world, events, files[0].commit_id)
    assert facts(world, events) == made.brought(events, made.commit_id)
    return made


def test_a_backfill_swaps_the_rows_of_facts(story: Story) -> None:
    """What it stages again is there once, by its own commit; what it does not, because it is a letter now, is gone. A
    rewind leaves nothing."""
    world, staged = story.world, story.events[3:]
    files = world.commit(staged)
    world.load(files, amendments=Amendments(retired=frozenset({story.commit_id}), tables=TABLES))
    assert facts(world, story.events) == story.brought(story.events, story.commit_id)
    world.build(*FACTS)
    assert facts(world, story.events) == story.brought(staged, files[0].commit_id)
    world.load([], amendments=Amendments(retired=frozenset({files[0].commit_id}), tables=TABLES))
    world.load(world.next_commit(20))
    world.build(*FACTS)
    assert not facts(world, story.events)


def test_what_came_and_went_between_two_builds_is_in_no_fact(story: Story) -> None:
    world, events = story.world, list(islice(story.world.events, 20))
    files = world.commit(events)
    world.load(files)
    world.load([], amendments=Amendments(retired=frozenset({files[0].commit_id}), tables=TABLES))
    world.build(*FACTS)
    assert not facts(world, events)


def test_forgotten_rows_leave_facts_of_events_and_of_windows(story: Story) -> None:
    """The others of their commits stay, and the books agree with the facts."""
    world = story.world
    for tailnum in (PLANE, OTHER_PLANE):
        world.load([world.window(*rotation(tailnum, START + timedelta(days=1), 1, 2))])
    world.build(*FACTS)
    assert rotations(world) == {PLANE, OTHER_PLANE}
    flown = next(e.event.tailnum for e in story.events if isinstance(e.event, FlightDeparted) and e.event.tailnum)
    erases = (
        *(Erasure(table, "tailnum", digest(flown)) for table in ("flights_departed", "flights_cancelled")),
        Erasure("rotations", "tailnum", digest(PLANE)),
    )
    world.load([], amendments=Amendments(erases=erases))
    world.build(*FACTS)
    kept = [event for event in story.events if getattr(event.event, "tailnum", None) != flown]
    assert len(kept) < len(story.events)
    assert facts(world, story.events) == story.brought(kept, story.commit_id)
    assert rotations(world) == {OTHER_PLANE}


def digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
