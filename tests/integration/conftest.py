"""One local AWS for all tests of this folder; a world of its own for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.integration.world import LocalAws, World, local_aws


@pytest.fixture(scope="session")
def aws() -> Iterator[LocalAws]:
    with local_aws() as aws:
        yield aws


@pytest.fixture
def make_world(aws: LocalAws) -> Iterator[Callable[[int], World]]:
    """Makes a world of so many shards; its workers are killed at the test's end."""
    worlds: list[World] = []

    def make(shards: int) -> World:
        worlds.append(World(aws, shards))
        return worlds[-1]

    yield make
    for world in worlds:
        world.close()
