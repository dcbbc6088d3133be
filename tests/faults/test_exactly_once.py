"""Exactly once, whatever the schedule: crashes at every step, zombies, lost answers, throttling, reshards, any cuts."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings

from headrace_consumers.settings import BatchSettings
from tests.faults.schedule import Action, Schedule, actions, batch_settings


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _s: None)


@settings(
    max_examples=int(os.environ.get("HEADRACE_SCHEDULES", "150")),
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(script=actions, batch=batch_settings)
def test_every_schedule_shows_each_event_once(script: list[Action], batch: BatchSettings) -> None:
    """Readers never see an event twice, nothing is lost at the end, and no checkpoint passes its chain's tip."""
    Schedule(batch).run(script)


@pytest.mark.parametrize("half_step", range(90))
def test_a_crash_at_every_step_of_the_commit_path(half_step: int) -> None:
    """The worker dies before and after each AWS call of opening and two commits; a successor goes on."""
    schedule = Schedule(BatchSettings(max_batch_age_s=5.0))
    world = schedule.world
    shard_id = world.add_shard()
    world.put_pack(shard_id, events=2)
    worker = world.start_worker()
    worker.steps.crash_at = worker.steps.calls * 2 + half_step
    worker.lease(shard_id)
    worker.work()
    for _ in range(2):
        worker.deliver(shard_id, 5)
        world.now_s += 6.0
        worker.tick()
        worker.work()
        world.check_readers()
        if not worker.dead:
            world.put_pack(shard_id)
    world.drain()
    world.check_complete()
