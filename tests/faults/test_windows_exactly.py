"""Windows over whole schedules: whatever dies, moves or splits, and however the stream is cut, the same last rows."""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace_consumers.settings import BatchSettings
from headrace_consumers.windows.partials import partials_of
from tests.consumers.windows.oracle import SENSED, check, table_of
from tests.faults.schedule import Action, batch_settings
from tests.faults.windows_schedule import PIPELINE, WINDOWS_VERBS, WindowsSchedule, windows_actions

SEEDS = range(4, 24)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _s: None)


@settings(
    max_examples=int(os.environ.get("HEADRACE_SCHEDULES", "150")) // 15,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(script=windows_actions, batch=batch_settings, all_in_time=st.booleans())
def test_final_windows_depend_on_the_stream_alone(
    script: list[Action], batch: BatchSettings, *, all_in_time: bool
) -> None:
    """Random shards, cuts, disorder, crashes, lost answers, lease moves, splits, merges, backfills, rewinds, two
    windows services: every last row is the oracle's, histograms and sketches are those of one single batch, and no
    reading is unaccounted for.
    """
    check_windows(WindowsSchedule(batch, all_in_time), script)


def test_schedules_reach_what_they_are_to_prove() -> None:
    """Revisions, late readings, sessions taken back, fenced or dead services: random scripts have them all."""
    met: Counter[str] = Counter()
    for seed in SEEDS:
        draw = random.Random(seed)
        script = [Action(draw.choice(WINDOWS_VERBS), draw.randrange(12), draw.randrange(12)) for _ in range(50)]
        schedule = WindowsSchedule(BatchSettings(max_batch_age_s=5.0), all_in_time=False)
        check_windows(schedule, script)
        met += Counter(
            revised=schedule.revised(),
            late=len(schedule.late()),
            deleted=sum(report.deleted for report in schedule.reports),
            backfills=schedule.backfills,
            gone=len(schedule.gone),
            rewinds=schedule.rewinds,
            lost_services=schedule.lost_services,
            children=sum(bool(shard.parents) for shard in schedule.world.listed.values()),
        )
        if len(met) == 8:
            return
    raise AssertionError(f"{len(SEEDS)} schedules met only {sorted(met)}")


def check_windows(schedule: WindowsSchedule, script: list[Action]) -> None:
    """Runs it to its end, and holds what readers see against the oracle."""
    schedule.run(script)
    late = schedule.late()
    assert late == schedule.right_late()
    assert not (schedule.all_in_time and late)
    rows = schedule.in_time()
    for window in PIPELINE.windows:
        check(window, schedule.last_rows(window), rows)
        assert schedule.merged_state(window).equals(partials_of(window, SENSED, table_of(rows)))
    assert schedule.on_time() + schedule.revised() + len(late) == len(schedule.rows) - len(schedule.gone - late)
