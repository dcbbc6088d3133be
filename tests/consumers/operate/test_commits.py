"""The list of commits, and following it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

from headrace_consumers.commitlog.model import Commit
from headrace_consumers.operate.commits import describe, follow_commits
from tests.consumers.operate.operators import operator
from tests.faults.simulation import World


def committed(world: World, shard: str, times: int = 1) -> None:
    for _ in range(times):
        world.put_pack(shard, events=2)
        world.drain()


def never(_seconds: float) -> bool:
    raise AssertionError("nothing to wait for")


def follow(world: World, limit: int, pauses: list[Callable[[], None]]) -> Iterator[Commit]:
    """Follows; each pause runs the next of `pauses`, and the last one ends it."""

    def pause(_seconds: float) -> bool:
        if not pauses:
            raise KeyboardInterrupt
        pauses.pop(0)()
        return False

    return follow_commits(operator(world), limit=limit, follow=True, pause=pause)


def until_interrupted(commits: Iterator[Commit]) -> list[Commit]:
    seen: list[Commit] = []
    with suppress(KeyboardInterrupt):
        seen.extend(commits)
    return seen


def test_the_newest_come_oldest_first() -> None:
    """`limit` of them, over all shards, each once although it has links on several."""
    world = World()
    left, right = world.add_shard(), world.add_shard()
    for shard in (left, right, left, right):
        world.now_s += 10.0
        committed(world, shard)
    every = list(follow_commits(operator(world), limit=50, follow=False, pause=never))
    assert len({commit.attempt_id for commit in every}) == len(every) == 4
    assert [commit.written_ms for commit in every] == sorted(commit.written_ms for commit in every)
    assert list(follow_commits(operator(world), limit=2, follow=False, pause=never)) == every[-2:]
    assert list(follow_commits(operator(world), limit=0, follow=False, pause=never)) == []


def test_following_shows_each_new_commit_once() -> None:
    """Those that stood before are not told again, and none in between is missed."""
    world = World()
    shard = world.add_shard()
    committed(world, shard, times=2)
    seen = until_interrupted(
        follow(world, 1, [lambda: committed(world, shard, 3), lambda: None, lambda: committed(world, shard)])
    )
    every = list(follow_commits(operator(world), limit=50, follow=False, pause=never))
    assert [commit.attempt_id for commit in seen] == [commit.attempt_id for commit in every[1:]]
    assert len(every) == 6


def test_following_picks_up_children_and_passes_ends() -> None:
    """A reshard while somebody follows: the parent's end is no commit, its children's commits are."""
    world = World()
    parent = world.add_shard()
    committed(world, parent)

    def reshard() -> None:
        for child in world.split(parent):
            world.put_pack(child)
        world.drain()

    seen = until_interrupted(follow(world, 0, [reshard, lambda: None]))
    shards = {shard for commit in seen for shard in commit.shards}
    assert shards == set(world.records) - {parent}
    assert len({commit.attempt_id for commit in seen}) == len(seen)


def test_a_commit_is_one_line() -> None:
    """Time, id, rows, files, bytes and shards."""
    world = World()
    committed(world, world.add_shard())
    (commit,) = follow_commits(operator(world), limit=1, follow=False, pause=never)
    size = sum(file.bytes for file in commit.files)
    assert describe(commit).endswith(f"2 rows, 0 dead letters, 0 repeats, 2 files, {size} bytes, 1 shards")
    assert "\n" not in describe(commit)
