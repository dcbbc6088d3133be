"""docs/recovery.md as it is written: what it tells to type is typed, and nothing is lost or doubled by it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from tests.integration.world import World

FLIGHTS = 4_000
RATE = 250.0


def test_a_lost_lease_table_loses_and_doubles_nothing(make_world: Callable[[int], World]) -> None:
    """KCL's tables are deleted under the running worker, which is started again: KCL begins at the stream's beginning,
    and the log knows what it has."""
    world = make_world(2)
    world.lease_shards_to("a")
    world.start_worker()
    world.wait_until_read()
    with world.sending(FLIGHTS, RATE) as flow:
        world.wait_for_commits()
        [worker] = world.running()
        deleted = world.delete_lease_tables()
        worker.kill()
        assert not flow.finished.is_set()
        world.start_worker()
        world.wait_until_drained(flow)
    assert deleted == world.lease_tables()
    for worker in world.running():
        worker.ask_to_stop()
        worker.require_stopped()
    world.reconcile(FLIGHTS)


def test_a_rewind_spares_the_skipping_after_lease_tables_were_lost(make_world: Callable[[int], World]) -> None:
    """It reads from the time that it names on, under lease tables of its own."""
    world = make_world(2)
    world.lease_shards_to("a")
    world.start_worker()
    world.wait_until_read()
    with world.sending(FLIGHTS, RATE) as flow:
        world.wait_for_commits()
        point = datetime.now(UTC).isoformat()
        world.wait_for_commits(500)
        [worker] = world.running()
        worker.kill()
        world.delete_lease_tables()
        assert "generation 2 reads from" in world.rewind(point)
        world.start_worker()
        world.wait_until_drained(flow, timeout_s=150.0)
    assert world.lease_tables() == set()
    for running in world.running():
        running.ask_to_stop()
        running.require_stopped()
    world.reconcile(FLIGHTS)
