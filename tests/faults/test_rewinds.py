"""Rewinds: whatever was going on, and however often the operator dies of it, each event is there once in the end."""

from __future__ import annotations

import os
from contextlib import suppress
from copy import deepcopy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace_batch.rewind.points import Point
from headrace_batch.rewind.rewinding import unfinished
from headrace_consumers.commitlog.model import LinkKind
from headrace_consumers.errors import GenerationRaisedError, RewindUnfinishedError
from headrace_consumers.settings import BatchSettings
from headrace_producers.wire.lane import Lane
from tests.fakes.steps import Crash, Steps
from tests.faults.rewinds import (
    REWIND_VERBS,
    WINDOWED,
    RewindSchedule,
    check_log,
    late_rows,
    place_of,
    rewind,
    standing,
)
from tests.faults.schedule import Action, batch_settings, numbers
from tests.faults.simulation import Worker, World, _line
from tests.faults.test_schedules import consume, started

BEGINNING = Point(to_ms=0)
LANE = Lane("producer", "any")
actions = st.lists(st.builds(Action, st.sampled_from(REWIND_VERBS), numbers, numbers), min_size=10, max_size=60)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _s: None)


@settings(
    max_examples=int(os.environ.get("HEADRACE_SCHEDULES", "60")),
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(script=actions, batch=batch_settings)
def test_rewinds_at_any_time_show_each_event_once(script: list[Action], batch: BatchSettings) -> None:
    """Readers never see an event twice, nothing is lost at the end, and what is late is what was late without them."""
    RewindSchedule(batch).run(script)


def check(world: World) -> None:
    """At the end: every event once, for readers of the lake and by the log."""
    world.drain()
    world.check_complete()
    check_log(world)


def test_thawed_generation() -> None:
    """A worker freezes with a batch in hand, a rewind raises the generation, it thaws: its commit is refused."""
    world = World()
    shard_id = world.add_shard()
    world.put_pack(shard_id)
    frozen = started(world, shard_id)
    consume(frozen, shard_id)
    world.put_pack(shard_id)
    frozen.deliver(shard_id, 5)
    assert rewind(world, BEGINNING).commits == 1
    world.now_s += 6.0
    frozen.tick()
    frozen.work()
    assert isinstance(frozen.failure, GenerationRaisedError)
    assert not world.rows()
    check(world)


def test_rootless_zombie() -> None:
    """The same for an engine that had written no link of its shard: there is no tip to seal, the generation refuses."""
    world = World()
    read, silent = world.add_shard(0, 9), world.add_shard(10, 19)
    world.put_pack(read)
    other, frozen = started(world, read), started(world, silent)
    consume(other, read)
    assert rewind(world, BEGINNING).commits == 1
    world.put_pack(silent)
    consume(frozen, silent)
    assert isinstance(frozen.failure, GenerationRaisedError)
    assert not world.rows()
    check(world)


def laid_out() -> tuple[World, Worker]:
    """Two shards in commits of both, a third that was split, repeats, and the newest commit left pending."""
    world = World()
    left, right, parent = world.add_shard(0, 9), world.add_shard(10, 19), world.add_shard(20, 29)
    worker = started(world, left)
    for shard_id in (right, parent):
        worker.lease(shard_id)
    worker.work()
    for number in range(2):
        for shard_id in (left, right, parent):
            world.put_pack(shard_id, events=2, times=1 + number % 2)
            worker.deliver(shard_id, 5)
        world.now_s += 60.0
        worker.tick()
        worker.work()
    world.split(parent)
    worker.end(parent)
    worker.work()
    world.put_pack(left)
    worker.deliver(left, 5)
    world.now_s += 6.0
    worker.tick()
    worker.steps.before_call = _die_before_completing
    worker.work()
    assert worker.dead
    return world, worker


def _die_before_completing(name: str) -> None:
    if name == "CompleteMultipartUpload":
        raise Crash(name)


def test_half_rewind() -> None:
    """The operator dies between any two calls; nobody sees anything twice, and the next run ends what was begun."""
    begun, _ = laid_out()
    whole = Steps()
    rewind(deepcopy(begun), Point(to_ms=begun.now_ms - 100_000), whole)
    for call in range(whole.calls):
        world = deepcopy(begun)
        point = Point(to_ms=world.now_ms - 100_000)
        with suppress(Crash):
            rewind(world, point, Steps(crash_at=2 * call))
        world.check_readers()
        rewind(world, point)
        assert unfinished(place_of(world)) is None
        check(world)


def test_half_rewind_keeps_workers_waiting() -> None:
    """Until the operator is back: whoever began before the chains' first links stand would read all once more."""
    world, _ = laid_out()
    steps = Steps()

    def die(name: str) -> None:
        if name == "TransactWriteItems" and steps.seen.count(name) == 2:
            raise Crash(name)

    steps.before_call = die
    with pytest.raises(Crash):
        rewind(world, Point(to_ms=world.now_ms - 100_000), steps)
    with pytest.raises(RewindUnfinishedError, match="run `headrace-batch rewind` again"):
        world.start_worker()
    with pytest.raises(RewindUnfinishedError, match="without --dry-run"):
        rewind(world, BEGINNING, dry_run=True)
    rewind(world, Point(to_ms=world.now_ms))
    check(world)


def test_an_idle_worker_learns_of_a_rewind() -> None:
    """It has nothing to commit: its heartbeat tells it."""
    world = World()
    shard_id = world.add_shard()
    world.put_pack(shard_id)
    worker = started(world, shard_id)
    consume(worker, shard_id)
    rewind(world, BEGINNING)
    for _ in range(12):
        consume(worker, shard_id)
    assert isinstance(worker.failure, GenerationRaisedError)
    check(world)


def test_a_standby_that_takes_a_lease_of_the_old_generation_learns_of_it_too() -> None:
    """Its daemon finds the others gone. The newest commit of that chain was taken out with its files: no loss."""
    world, worker = laid_out()
    standby = world.start_worker()
    rewind(world, BEGINNING)
    shard_id = next(iter(worker.pipes))
    standby.lease(shard_id)
    standby.work()
    assert not standby.dead
    for _ in range(12):
        consume(standby, shard_id)
    assert isinstance(standby.failure, GenerationRaisedError)
    check(world)


def test_a_repeat_across_the_point_is_dropped() -> None:
    """The pack stays, its repeat is read again: the fork carries the lanes."""
    world = World()
    shard_id = world.add_shard()
    pack = world.put_pack(shard_id, lane=LANE)
    worker = started(world, shard_id)
    consume(worker, shard_id)
    world.now_s += 600.0
    world.put_record(shard_id, pack.data, pack.partition_key)
    world.put_pack(shard_id, lane=LANE)
    consume(worker, shard_id)
    assert rewind(world, Point(to_ms=world.now_ms - 10_000)).commits == 1
    check(world)


def put_at(world: World, shard_id: str, minutes: int) -> None:
    event_id = f"event-{next(world.event_ids)}"
    world.put_lines(shard_id, {event_id: _line(event_id, world.now_ms + minutes * 60_000)})


def test_what_was_late_is_late_again() -> None:
    """The fork carries the highest event time: the same rows and letters as without the rewind."""
    world = World(WINDOWED)
    shard_id = world.add_shard()
    put_at(world, shard_id, 0)
    worker = started(world, shard_id)
    consume(worker, shard_id)
    world.now_s += 600.0
    put_at(world, shard_id, -30)
    consume(worker, shard_id)
    before = late_rows(world)
    assert len(before) == 3
    assert rewind(world, Point(to_ms=world.now_ms - 10_000)).commits == 1
    check(world)
    assert late_rows(world) == before


def test_commits_of_several_shards_go_whole() -> None:
    """A point of one shard takes out what was committed with it, and what came after that in other shards."""
    world = World()
    shards = [world.add_shard(10 * number, 10 * number + 9) for number in range(3)]
    worker = started(world, shards[0])
    for shard_id in shards[1:]:
        worker.lease(shard_id)
    worker.work()
    firsts = {}
    for together in (shards, shards[:2], shards[1:]):
        for shard_id in together:
            firsts[shard_id] = world.put_pack(shard_id)
            worker.deliver(shard_id, 5)
        world.now_s += 6.0
        worker.tick()
        worker.work()
    first = world.records[shards[0]][-1]
    report = rewind(world, Point(shard_id=shards[0], sequence_number=first.sequence_number))
    assert report.commits == 2
    assert {shard.shard_id: shard.links for shard in report.shards} == dict(zip(shards, (1, 2, 1), strict=True))
    check(world)


def test_children_go_with_their_parent() -> None:
    """A shard that is read again before its end takes its children along, which begin with what it ends with."""
    world = World()
    parent = world.add_shard()
    first = world.put_pack(parent, lane=LANE)
    second = world.put_pack(parent)
    worker = started(world, parent)
    consume(worker, parent, 1)
    consume(worker, parent)
    left, _ = world.split(parent)
    worker.end(parent)
    worker.work()
    world.put_pack(left)
    worker.lease(left)
    worker.work()
    consume(worker, left)
    report = rewind(world, Point(shard_id=parent, sequence_number=second.sequence_number))
    assert report.commits == 2
    assert world.applications[1].leases[parent].ended
    world.put_record(left, first.data, first.partition_key)
    check(world)


def test_an_ended_shard_stays_ended_and_hands_on_its_lanes() -> None:
    """Its records came before the point: the new generation knows its end, though nobody reads it there."""
    world = World()
    parent = world.add_shard()
    pack = world.put_pack(parent, lane=LANE)
    worker = started(world, parent)
    consume(worker, parent)
    world.now_s += 3_600.0 / 2
    left, right = world.split(parent)
    worker.end(parent)
    worker.work()
    world.now_s += 60.0
    world.put_record(left, pack.data, pack.partition_key)
    world.put_pack(right)
    for child in (left, right):
        worker.lease(child)
        worker.work()
        consume(worker, child)
    assert rewind(world, Point(to_ms=world.now_ms - 20_000)).commits == 2
    log, _ = world.clients(Steps())
    links = list(log.newest_links(world.chain(parent, 2)))
    assert [link.kind for link in links] == [LinkKind.TERMINAL, LinkKind.FORK]
    assert links[0].children == (left, right)
    check(world)


def test_rewinds_of_rewinds() -> None:
    """Back and back again, also beyond an earlier fork: what an older generation kept stands, or goes, as any."""
    world = World()
    shard_id = world.add_shard()
    times = []
    for _ in range(3):
        worker = started(world, shard_id)
        for _ in range(3):
            times.append(world.now_ms)
            world.put_pack(shard_id)
            consume(worker, shard_id)
            world.now_s += 600.0
        rewind(world, Point(to_ms=times[-2]))
    assert rewind(world, Point(to_ms=times[1])).generation == 5
    log, _ = world.clients(Steps())
    (fork,) = log.newest_links(world.chain(shard_id, 5))
    assert (fork.kind, fork.end) == (LinkKind.FORK, world.records[shard_id][0].position)
    assert len(standing(world).commits) == 1 + 4
    check(world)
    assert len(world.seen()) == 9


def test_nothing_after_the_point_changes_nothing() -> None:
    """And a rehearsal never does."""
    world, _ = laid_out()
    items = dict(world.dynamo.items)
    assert rewind(world, Point(to_ms=world.now_ms + 1)).commits == 0
    assert rewind(world, BEGINNING, dry_run=True).commits == 3
    assert world.dynamo.items == items
    check(world)


def test_links_of_the_rewind_are_the_same_whoever_writes_them() -> None:
    """So that what one began another may end, under the same request tokens."""
    world, _ = laid_out()
    point, steps = Point(to_ms=world.now_ms - 100_000), Steps()

    def die(name: str) -> None:
        if name == "TransactWriteItems" and steps.seen.count(name) == 4:
            raise Crash(name)

    steps.before_call = die
    with pytest.raises(Crash):
        rewind(world, point, steps)
    before = dict(world.dynamo.items)
    rewind(world, point)
    forks = {key: item for key, item in before.items() if key[0].startswith("link#tides#2#")}
    assert forks
    assert all(world.dynamo.items[key] == item for key, item in forks.items())
    check(world)
