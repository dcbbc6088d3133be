"""What batch took out of the lake is not lost: `repair` leaves it alone, and workers that start go on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from headrace_batch.retention.expiring import Ages
from tests.batch.upkeep.test_compaction import run
from tests.batch.upkeep.test_expire import UNWINDOWED, run_expire
from tests.batch.upkeep.test_forget import ANN, forget
from tests.batch.upkeep.test_rewriting import retired
from tests.batch.upkeep.yard import make_pending, place_of, seen_by_paths, visits, world_of
from tests.consumers.operate.operators import repairer
from tests.faults.simulation import World

TAKING_OUT: dict[str, Callable[[World, str], object]] = {
    "compacted": lambda world, _: run(world),
    "forgotten": lambda world, _: forget(world),
    "retired": lambda world, first: retired(place_of(world), first),
}


@pytest.mark.parametrize("how", TAKING_OUT)
def test_repair_brings_nothing_back(how: str) -> None:
    """It would double rows, and undo what somebody had erased."""
    world = world_of()
    first = visits(world, ANN, "bob")
    visits(world, "eve")
    commit = place_of(world).standing().commits[first]
    TAKING_OUT[how](world, first)
    rows = seen_by_paths(world)
    assert repairer(world).rehearse(commit).whole
    assert repairer(world).repair(commit).whole
    assert seen_by_paths(world) == rows


@pytest.mark.parametrize("how", TAKING_OUT)
def test_repair_makes_a_lost_raw_file_again(how: str) -> None:
    """It is of the lake still, whatever became of its rows."""
    world = world_of()
    first = visits(world, ANN, "bob")
    visits(world, "eve")
    commit = place_of(world).standing().commits[first]
    TAKING_OUT[how](world, first)
    (raw,) = ((file.bucket, file.key) for file in commit.files if file.bucket == "raw")
    del world.s3.objects[raw]
    assert repairer(world).rehearse(commit).lost == (f"s3://{raw[0]}/{raw[1]}",)
    assert repairer(world).repair(commit).whole
    assert raw in world.s3.objects


def test_raw_files_that_their_retention_took_are_not_lost() -> None:
    """Nobody makes them again, and nobody complains."""
    world = world_of(UNWINDOWED)
    first = visits(world, "bob")
    visits(world, "eve")
    commit = place_of(world).standing().commits[first]
    assert [one.kind for one in run_expire(world, Ages(links_days=0, raw_days=35))] == ["raw"]
    objects = set(world.s3.objects)
    assert repairer(world).repair(commit).whole
    assert set(world.s3.objects) == objects


@pytest.mark.parametrize("how", TAKING_OUT)
def test_a_worker_that_starts_goes_on(how: str) -> None:
    """The newest commit's files are gone, or never were completed: it proves what is of the lake."""
    world = world_of()
    first = visits(world, ANN, "bob")
    make_pending(world, first)
    TAKING_OUT[how](world, first)
    world.drain()
    later = visits(world, "joe")
    assert later in place_of(world).standing().commits
