"""One warehouse for all tests of the models: what a test adds is its own, and none asks for less than is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from headrace_sql.build import BuildReport
from tests.sql.lake import Lake
from tests.sql.stories import FIRST_ROWS
from tests.sql.world import NO_TESTS, Contents, World, flights_world


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with flights_world(tmp_path_factory.mktemp("world")) as made:
        yield made


@dataclass(frozen=True)
class Built:
    """Two builds, one after the other, of the same loads."""

    first: BuildReport
    after_first: Contents
    second: BuildReport
    after_second: Contents


@pytest.fixture(scope="session")
def built(world: World) -> Built:
    """The world has all models."""
    for load in FIRST_ROWS:
        world.load([world.window(name, row) for name, row in load])
    first = world.build()
    after_first = world.contents("core", "mart")
    second = world.build(*NO_TESTS)
    return Built(first, after_first, second, world.contents("core", "mart"))


@pytest.fixture(scope="session")
def lake(world: World) -> Lake:
    return Lake(world)
