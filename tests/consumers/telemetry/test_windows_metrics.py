"""What the windows service tells about itself."""

from __future__ import annotations

import math

import pytest
from prometheus_client.parser import text_string_to_metric_families

from headrace_consumers.telemetry.catalogue import CATALOGUE, MEMORY, WINDOWS_CATALOGUE
from headrace_consumers.telemetry.health import State, judge_steps
from headrace_consumers.telemetry.windows_metrics import WindowsMetrics


def _values(metrics: WindowsMetrics) -> dict[str, float]:
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {sample.name: sample.value for family in families for sample in family.samples}


def test_its_catalogue_is_exposed_with_its_meaning() -> None:
    """All of it, nothing else, under names that no engine uses for something else."""
    families = list(text_string_to_metric_families(WindowsMetrics().exposition().decode()))
    ours = {family.name: family.documentation for family in families if not family.name.endswith("_created")}
    assert ours == {metric.name: metric.meaning for metric in WINDOWS_CATALOGUE}
    assert set(WINDOWS_CATALOGUE) & set(CATALOGUE) == {MEMORY}


def test_steps_and_windows_are_counted() -> None:
    """Minus infinity is told as what it is."""
    metrics = WindowsMetrics()
    assert _values(metrics)["headrace_low_watermark_seconds"] == -math.inf
    metrics.stepped(merged=3, open_panes=7, held_back_by="a", duration_s=0.2)
    metrics.stepped(merged=1, open_panes=5, held_back_by="a", duration_s=0.1)
    metrics.emitted(new=4, revised=2, deleted=1)
    metrics.watermark(1.5)
    seen = _values(metrics)
    assert seen["headrace_window_steps_total"] == 2
    assert seen["headrace_window_step_duration_seconds_count"] == 2
    assert seen["headrace_window_commits_merged_total"] == 4
    assert seen["headrace_windows_open"] == 5
    assert [seen[f"headrace_windows_{what}_total"] for what in ("emitted", "revised", "deleted")] == [4, 2, 1]
    assert seen["headrace_low_watermark_seconds"] == 1.5


@pytest.mark.parametrize(
    ("held_back_by", "age_s", "state", "said"),
    [
        (None, 10.0, State.STARTING, "first step"),
        ("", 10.0, State.HEALTHY, "no shard yet"),
        ("shardId-7", 99.0, State.HEALTHY, "shardId-7"),
        ("shardId-7", 101.0, State.LOOP_STUCK, "101 s"),
        (None, 101.0, State.LOOP_STUCK, "101 s"),
    ],
)
def test_a_step_that_does_not_end_is_unwell(held_back_by: str | None, age_s: float, state: State, said: str) -> None:
    """The limit is 100 s; the first step counts from the start."""
    health = judge_steps(held_back_by, age_s, 100.0)
    assert (health.state, said in health.sentence) == (state, True)


def test_health_follows_the_steps() -> None:
    """Each step starts the patience anew."""
    now_s = [50.0]
    metrics = WindowsMetrics(lambda: now_s[0])
    now_s[0] = 140.0
    metrics.stepped(merged=0, open_panes=0, held_back_by="a", duration_s=1.0)
    now_s[0] = 239.0
    assert metrics.health(100.0).state is State.HEALTHY
    now_s[0] = 241.0
    assert not metrics.health(100.0).well


def test_the_low_watermark_stands_still_until_it_moves() -> None:
    """The same once more is no move; before the first it stands since the start."""
    now_s = [50.0]
    metrics = WindowsMetrics(lambda: now_s[0])
    name = "headrace_low_watermark_age_seconds"
    now_s[0] = 60.0
    assert _values(metrics)[name] == 10
    metrics.watermark(None)
    assert _values(metrics)[name] == 10
    metrics.watermark(7.0)
    now_s[0] = 75.0
    metrics.watermark(7.0)
    assert _values(metrics)[name] == 15


def test_silence_is_that_of_the_shard_that_has_been_silent_longest() -> None:
    """A shard that is to be read no more is forgotten; one that was never heard of counts from when it was met."""
    now_s = [0.0]
    metrics = WindowsMetrics(lambda: now_s[0])
    name = "headrace_shard_silence_seconds"
    assert _values(metrics)[name] == 0
    metrics.shards_said({"a": (1, 10), "b": (0, 0)})
    now_s[0] = 30.0
    metrics.shards_said({"a": (1, 20), "b": (0, 0)})
    now_s[0] = 40.0
    assert _values(metrics)[name] == 40
    metrics.shards_said({"a": (1, 20)})
    assert _values(metrics)[name] == 10
