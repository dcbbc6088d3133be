"""Windows over the real daemon: shards split and merge, and services die, while flights come in."""

from __future__ import annotations

from collections.abc import Callable

from tests.integration.test_worker_faults import FLIGHTS, RATE, start
from tests.integration.world import World


def test_windows_are_right_across_a_split_and_a_merge(make_world: Callable[[int], World]) -> None:
    """Every window of every kind equals the source's, though parents end and children begin in the middle, and the
    service is killed once."""
    world = make_world(2)
    start(world)
    world.start_windows()
    with world.sending(FLIGHTS, RATE) as flow:
        world.wait_for_commits()
        world.split_first_shard()
        world.wait_for_commits(500)
        world.kill_windows()
        world.start_windows()
        world.merge_first_shards()
        world.wait_until_drained(flow)
        world.wait(lambda: len(world.ended_shards()) == 3, "three ended shards")
        world.settle_windows()
    for worker in world.running():
        worker.ask_to_stop()
        worker.require_stopped()
    world.reconcile(FLIGHTS)
    verdict = world.reconcile_windows(FLIGHTS)
    assert verdict.windows > 0
    assert verdict.late == 0
