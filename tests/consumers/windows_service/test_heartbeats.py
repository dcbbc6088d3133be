"""Heartbeats as the engine writes them: only where nothing is held, and with the tip that it saw."""

from __future__ import annotations

from headrace_consumers.commitlog.log import Beat
from tests.fakes.steps import Steps
from tests.faults.simulation import World


def beat_of(world: World, shard_id: str) -> Beat:
    log, _ = world.clients(Steps())
    return log.last_beat(world.chain(shard_id))


def test_an_idle_shard_names_its_tip() -> None:
    """The root before its first record; the end of its newest link afterwards, and never while records are held."""
    world = World()
    shard_id = world.add_shard()
    worker = world.start_worker()
    worker.lease(shard_id)
    worker.work()
    world.now_s += 61.0
    worker.deliver(shard_id, 1)
    worker.work()
    assert beat_of(world, shard_id) == Beat(world.now_ms, 0)
    record = world.put_pack(shard_id)
    worker.deliver(shard_id, 1)
    world.now_s += 61.0
    worker.deliver(shard_id, 1)
    assert beat_of(world, shard_id).position == 0, "a record is held: the shard is not idle"
    worker.work()
    worker.deliver(shard_id, 1)
    worker.work()
    assert beat_of(world, shard_id) == Beat(world.now_ms, record.position)


def test_a_new_tip_is_named_within_seconds_and_an_old_one_once_a_minute() -> None:
    """Windows wait for a shard that has grown still; one that stays still shall not write all the time."""
    world = World()
    shard_id = world.add_shard()
    worker = world.start_worker()
    worker.lease(shard_id)
    worker.work()
    record = world.put_pack(shard_id)
    worker.deliver(shard_id, 1)
    world.now_s += 61.0
    worker.deliver(shard_id, 1)
    worker.work()
    world.now_s += 6.0
    worker.deliver(shard_id, 1)
    worker.work()
    named = beat_of(world, shard_id)
    assert named == Beat(world.now_ms, record.position)
    for seconds, beats in ((6.0, False), (40.0, False), (20.0, True)):
        world.now_s += seconds
        worker.deliver(shard_id, 1)
        worker.work()
        assert (beat_of(world, shard_id) != named) is beats
