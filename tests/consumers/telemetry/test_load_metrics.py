"""What the loader tells about itself."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from headrace_consumers.telemetry.catalogue import CATALOGUE, LOAD_CATALOGUE, MEMORY
from headrace_consumers.telemetry.health import State
from headrace_consumers.telemetry.load_metrics import LoadMetrics

LIMIT_S = 60.0


def _value(metrics: LoadMetrics, name: str) -> float:
    families = text_string_to_metric_families(metrics.exposition().decode())
    [found] = [sample.value for family in families for sample in family.samples if sample.name == name]
    return found


def test_its_catalogue_is_exposed_with_its_meaning() -> None:
    """All of it, nothing else, under names that no engine uses for something else."""
    families = list(text_string_to_metric_families(LoadMetrics().exposition().decode()))
    ours = {family.name: family.documentation for family in families if not family.name.endswith("_created")}
    assert ours == {metric.name: metric.meaning for metric in LOAD_CATALOGUE}
    assert set(LOAD_CATALOGUE) & set(CATALOGUE) == {MEMORY}


def test_a_warehouse_that_is_away_is_told_and_is_no_ill_health() -> None:
    """Until the next step ends; a step that another transaction hindered says nothing of the warehouse."""
    metrics = LoadMetrics()
    assert metrics.health(LIMIT_S).state is State.STARTING
    metrics.stepped(waiting_files=0, waiting_s=0, held=0)
    metrics.interrupted("1023")
    assert _value(metrics, "headrace_warehouse_up") == 1
    metrics.away("refused")
    assert _value(metrics, "headrace_warehouse_up") == 0
    health = metrics.health(LIMIT_S)
    assert (health.state, "the warehouse is away: refused" in health.sentence) == (State.HEALTHY, True)
    metrics.stepped(waiting_files=0, waiting_s=0, held=0)
    assert _value(metrics, "headrace_warehouse_up") == 1
    assert metrics.health(LIMIT_S).sentence == "following the log"


def test_a_step_that_does_not_end_is_ill_health() -> None:
    """Longer than the limit, by the clock that was given."""
    now_s = 0.0
    metrics = LoadMetrics(lambda: now_s)
    metrics.stepped(waiting_files=0, waiting_s=0, held=0)
    now_s = LIMIT_S + 1
    assert metrics.health(LIMIT_S).state is State.LOOP_STUCK


def test_loads_are_counted_by_table() -> None:
    """Rows and files."""
    metrics = LoadMetrics()
    metrics.loaded({"tides": 3}, {"tides": 2}, duration_s=0.1)
    metrics.loaded({"tides": 4}, {"tides": 1}, duration_s=0.1)
    assert _value(metrics, "headrace_loads_total") == 2
    assert _value(metrics, "headrace_loaded_rows_total") == 7
    assert _value(metrics, "headrace_loaded_files_total") == 3
