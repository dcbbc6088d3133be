"""What an operator sees of a pipeline that was rewound: one history, of all generations that stand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from headrace_batch.rewind.points import Point
from headrace_consumers.commitlog.model import Commit
from headrace_consumers.operate import commands
from headrace_consumers.operate.commits import follow_commits
from headrace_consumers.operate.status import read_status
from headrace_consumers.operate.view import newest_commits
from headrace_producers.errors import SettingsError
from tests.consumers.operate.operators import operator, repairer
from tests.faults.rewinds import rewind
from tests.faults.simulation import World

REWOUND = 2


@pytest.fixture
def world() -> World:
    """Four commits of one shard, of which a rewind took out two."""
    world = World()
    operator(world).log.start_position("tides", "TRIM_HORIZON")
    shard_id = world.add_shard()
    for _ in range(4):
        world.put_pack(shard_id)
        world.drain()
        world.now_s += 600.0
    arrival_ms = world.records[shard_id][-REWOUND].approximate_arrival_timestamp
    assert rewind(world, Point(to_ms=arrival_ms)).commits == REWOUND
    return world


def commits(world: World) -> list[Commit]:
    view = operator(world)
    return newest_commits(view, view.chains(view.place()), 100)


def test_status_right_after_a_rewind_says_where_shards_go_on(world: World) -> None:
    """No commit of the new generation yet; the position is the kept one's, and what comes after it is lag."""
    world.generation = 2
    (shard,) = read_status(operator(world)).shards
    kept = world.records[shard.shard_id][1]
    assert (shard.position, shard.last_commit) == (kept.sequence_number, None)
    assert shard.lag_ms is not None
    world.drain()
    (shard,) = read_status(operator(world)).shards
    assert (shard.position, shard.lag_ms) == (world.records[shard.shard_id][-1].sequence_number, 0)


def test_commits_go_on_through_generations(world: World) -> None:
    """Those that the rewind kept, and those that came after it; none that it took out."""
    assert [one.generation for one in commits(world)] == [1, 1]
    world.drain()
    assert [one.generation for one in commits(world)] == [1, 1, 2]
    assert sum(one.counts.rows for one in commits(world)) == 4


def test_following_goes_on_into_the_next_generation(world: World) -> None:
    """It began in the one that the rewind ended."""
    found: list[Commit] = []
    pauses: list[Callable[[], object]] = [lambda: rewind(world, Point(to_ms=0)), world.drain]

    def pause(_seconds: float) -> bool:
        if pauses:
            pauses.pop(0)()
            return False
        return True

    found = list(follow_commits(operator(world), limit=0, follow=True, pause=pause))
    assert [one.generation for one in found] == [3]


def test_a_kept_commit_of_an_older_generation_is_repaired(world: World) -> None:
    """Its files are of the lake, whichever generation wrote them."""
    kept = commits(world)[1]
    for file in kept.files:
        del world.s3.objects[file.bucket, file.key]
    report = repairer(world).repair(kept)
    assert (report.refused, len(report.lost)) == ("", len(kept.files))
    world.drain()
    world.check_complete()


def test_the_first_commit_after_the_point_is_repaired_from_its_fork(world: World) -> None:
    """Lanes and event time come from the fork."""
    world.drain()
    newest = commits(world)[-1]
    for file in newest.files:
        del world.s3.objects[file.bucket, file.key]
    assert repairer(world).repair(newest).refused == ""
    world.check_complete()


def test_a_commit_that_was_taken_out_is_refused_with_a_sentence(world: World) -> None:
    """Repairing it would bring its rows back beside those that took their place."""
    view = operator(world)
    taken_out = min(view.gone().retired)
    with pytest.raises(SettingsError, match="was taken out of the lake by batch"):
        commands._chosen(view, taken_out, 1)
    with pytest.raises(SettingsError, match="no commit 00"):
        commands._chosen(view, "00", 1)
    kept = commands._chosen(view, "", 10)
    assert [one.attempt_id for one in kept] == [one.attempt_id for one in commits(world)]
    commit = view.log.commit("tides", 1, taken_out)
    assert commit is not None
    report = repairer(world).repair(replace(commit))
    assert (report.lost, report.pending) == ((), ())
