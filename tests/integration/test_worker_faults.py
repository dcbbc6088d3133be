"""The real daemon under load: workers die, freeze and restart, shards split and merge; each event arrives once."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import suppress

import psutil

from tests.integration.world import World, daemon_of, engine_of, family_of

FLIGHTS = 4_000
RATE = 250.0
"""Events a second: the load lasts for some 17 seconds, longer than each fault takes to strike."""


def start(world: World) -> None:
    """A worker that reads all shards, under leases that it finds."""
    world.lease_shards_to("a")
    world.start_worker()
    world.wait_until_read()


def finish(world: World) -> None:
    """The worker of the first name stops cleanly, and every event is accounted for."""
    for worker in world.running():
        worker.ask_to_stop()
        worker.require_stopped()
    world.reconcile(FLIGHTS)


def test_a_killed_engine_is_started_anew_and_nothing_is_lost_or_doubled(make_world: Callable[[int], World]) -> None:
    world = make_world(2)
    start(world)
    with world.sending(FLIGHTS, RATE) as flow:
        world.wait_for_commits()
        engine = engine_of(world.running()[0])
        engine.kill()
        assert not flow.finished.is_set()
        world.wait_until_drained(flow)
    assert engine_of(world.running()[0]).pid != engine.pid
    finish(world)


def test_a_killed_daemon_is_started_anew_and_nothing_is_lost_or_doubled(make_world: Callable[[int], World]) -> None:
    world = make_world(2)
    start(world)
    with world.sending(FLIGHTS, RATE) as flow:
        world.wait_for_commits()
        daemon = daemon_of(world.running()[0])
        daemon.kill()
        assert not flow.finished.is_set()
        world.wait_until_drained(flow)
    assert daemon_of(world.running()[0]).pid != daemon.pid
    finish(world)


def test_a_worker_that_is_stopped_commits_exits_0_and_its_successor_goes_on(make_world: Callable[[int], World]) -> None:
    """It starts from an empty lease table, as every new application does; the other tests seed the leases."""
    world = make_world(2)
    world.start_worker()
    world.wait_until_read()
    with world.sending(FLIGHTS, RATE) as flow:
        world.wait_for_commits()
        first = world.running()[0]
        first.ask_to_stop()
        first.require_stopped()
        assert not flow.finished.is_set()
        world.start_worker()
        world.wait_until_drained(flow)
    finish(world)


def test_a_worker_frozen_past_the_failover_time_is_refused_when_it_thaws(make_world: Callable[[int], World]) -> None:
    world = make_world(4)
    world.lease_shards_to("a", "b")
    world.start_worker("a")
    world.start_worker("b")
    world.wait_until_shared()
    zombie = world.follower()
    with world.sending(FLIGHTS, RATE) as flow:
        world.wait(lambda: bool(world.last_committed_by(zombie)), "a commit of the worker that is to freeze")
        world.wait(lambda: world.metric(zombie, "headrace_buffer_bytes") > 0, "records in its hand")
        shards, engine, family = world.last_committed_by(zombie), engine_of(zombie), family_of(zombie)
        send_signal(family, signal.SIGSTOP)
        try:
            world.forget(zombie)
            world.wait(lambda: not shards & world.last_committed_by(zombie), "the other worker's commits of its shards")
            # Its engine thaws before its daemon can tell it of the lost leases, and tries to commit what it holds.
            engine.send_signal(signal.SIGCONT)
            world.wait(lambda: world.metric(zombie, "headrace_passive_shards") > 0, "its commit to be refused")
            assert not shards & world.last_committed_by(zombie)
        finally:
            send_signal(family, signal.SIGCONT)
        world.wait_until_drained(flow)
    finish(world)


def test_a_split_shard_ends_and_its_children_go_on(make_world: Callable[[int], World]) -> None:
    world = make_world(2)
    start(world)
    with world.sending(FLIGHTS, RATE) as flow:
        world.wait_for_commits()
        parent = world.split_first_shard()
        assert not flow.finished.is_set()
        world.wait_until_drained(flow)
        world.wait(lambda: parent in world.ended_shards(), "the parent's terminal link")
    assert len(world.committed.shards) == 4
    assert len(+world.committed.events_by_shard()) == 4
    finish(world)


def test_merged_shards_end_and_their_child_goes_on(make_world: Callable[[int], World]) -> None:
    world = make_world(2)
    start(world)
    with world.sending(FLIGHTS, RATE) as flow:
        world.wait_for_commits()
        parents = world.merge_first_shards()
        assert not flow.finished.is_set()
        world.wait_until_drained(flow)
        world.wait(lambda: parents <= world.ended_shards(), "the parents' terminal links")
    assert len(world.committed.shards) == 3
    finish(world)


def send_signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
