"""A pipeline that is rewound under load: workers start over by themselves; each event is there once, windows too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from tests.integration.world import World

FLIGHTS = 4_000
RATE = 250.0


def test_a_rewound_pipeline_reads_again_and_reconciles(make_world: Callable[[int], World]) -> None:
    """The worker learns of it at its next commit; KCL begins in the new generation with an empty lease table."""
    world = make_world(2)
    world.lease_shards_to("a")
    worker = world.start_worker()
    world.wait_until_read()
    world.start_windows()
    with world.sending(FLIGHTS, RATE) as flow:
        world.wait_for_commits()
        point = datetime.now(UTC).isoformat()
        world.wait_for_commits(500)
        before = world.committed.events
        assert "generation 2 reads from" in world.rewind(point)
        world.committed.refresh()
        assert world.committed.generation == 2
        assert 0 < world.committed.events < before
        world.wait_until_drained(flow, timeout_s=150.0)
        world.settle_windows(timeout_s=120.0)
    assert world.committed.events == flow.counters.put_events
    assert world.running() == [worker]
    worker.ask_to_stop()
    worker.require_stopped()
    world.reconcile(FLIGHTS)
    assert world.reconcile_windows(FLIGHTS).windows > 0
