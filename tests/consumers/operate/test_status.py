"""What status says of each shard."""

from __future__ import annotations

import io

from rich.console import Console

from headrace_consumers.operate import adopt
from headrace_consumers.operate.status import PipelineStatus, ShardStatus, read_status, status_table
from tests.consumers.operate.operators import operator
from tests.faults.simulation import World


def shards(world: World) -> dict[str, ShardStatus]:
    return {shard.shard_id: shard for shard in read_status(operator(world)).shards}


def test_a_new_pipeline_has_only_open_shards_behind() -> None:
    """Before the first commit: no position, no owner, no lease table; all records are lag."""
    world = World()
    shard = world.add_shard()
    for _ in range(6):
        world.put_pack(shard)
    world.leases.clear()
    (found,) = read_status(operator(world)).shards
    assert (found.state, found.position, found.last_commit, found.owner) == ("open", None, None, None)
    assert found.lag_ms
    assert found.gaps == ()


def test_a_committed_shard_shows_its_newest_link() -> None:
    """Position, commit, time, counts and owner; no lag once all is read, and lag again once there is more."""
    world = World()
    shard = world.add_shard()
    record = world.put_pack(shard, events=3, times=2)
    world.drain()
    (found,) = read_status(operator(world)).shards
    assert (found.state, found.position, found.lag_ms) == ("open", record.sequence_number, 0)
    assert (found.counts.rows, found.counts.repeats) == (3, 1)
    assert found.owner == "worker-1"
    assert found.committed_at is not None
    assert found.committed_at.endswith("Z")
    for _ in range(6):
        world.put_pack(shard)
    assert shards(world)[shard].lag_ms


def test_every_state_of_a_shard_is_told_apart() -> None:
    """Ended and read; ended and unread; forgotten by the stream; open."""
    world = World()
    read, unread, forgotten = world.add_shard(), world.add_shard(), world.add_shard()
    world.put_pack(forgotten)
    world.split(read)
    world.drain()
    child, _ = world.split(unread)
    del world.listed[forgotten]
    found = shards(world)
    states = {shard_id: found[shard_id].state for shard_id in (read, unread, forgotten, child)}
    assert states == {read: "ended", unread: "closed", forgotten: "forgotten", child: "open"}
    assert found[read].lag_ms is None
    assert found[forgotten].lag_ms is None


def test_a_gap_is_shown_while_later_commits_come() -> None:
    """Records that were left out are no footnote: the reason stands beside the shard."""
    world = World()
    shard = world.add_shard()
    lost = world.put_pack(shard)
    view = operator(world)
    plan = adopt.plan_gap(view, shard, lost.sequence_number, "the disk was full", world.now_ms)
    adopt.apply(view, plan)
    world.put_pack(shard)
    world.drain()
    assert shards(world)[shard].gaps == ("the disk was full",)
    assert "the disk was full" in told(read_status(operator(world)))


def test_the_table_names_every_shard() -> None:
    """What a person reads says the same as the JSON."""
    world = World()
    left, right = world.add_shard(), world.add_shard()
    world.put_pack(left)
    world.drain()
    text = told(read_status(operator(world)))
    assert "tides on stream tides, generation 1" in text
    assert left in text
    assert right in text


def told(status: PipelineStatus) -> str:
    paper = io.StringIO()
    Console(width=250, file=paper).print(status_table(status))
    return paper.getvalue()
