"""What deploy/modules has of the code is as the code says, and can be what it is made for."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from headrace_consumers.telemetry.alarms import ALARMS
from headrace_consumers.telemetry.alarms.alarm import NAMESPACE
from headrace_consumers.telemetry.catalogue import Kind
from headrace_consumers.telemetry.load_metrics import LoadMetrics
from headrace_consumers.telemetry.metrics import Metrics
from headrace_consumers.telemetry.registered import RegisteredMetrics
from headrace_consumers.telemetry.windows_metrics import WindowsMetrics
from headrace_local.cli import generate
from headrace_local.errors import LocalError
from headrace_local.observability.generated import MODULES, generated_files, outdated, write

COLLECTOR = "task/collector.yaml.tftpl"
VALUES = {"metrics_port": "9464", "service": "worker", "pipeline": "flights", "namespace": "Headrace", "log_group": "g"}


def _rendered(text: str, values: dict[str, str]) -> str:
    """As templatefile does with plain names; KeyError where one is not given."""
    return re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], text)


@pytest.fixture(scope="module")
def collector() -> dict[str, Any]:
    text = _rendered(generated_files()[COLLECTOR], VALUES)
    parsed: dict[str, Any] = yaml.safe_load(text.replace("$$", "$"))
    return parsed


def _busy() -> list[RegisteredMetrics]:
    """All three services, with something in each labelled metric."""
    worker, windows, loader = Metrics(), WindowsMetrics(), LoadMetrics()
    worker.delivered("shard-1", 3, 900, 250)
    worker.rejected({"missing": 2})
    worker.checkpoint_failed("ThrottlingException")
    loader.loaded({"lamps": 7}, {"lamps": 1}, 2.0)
    loader.quarantined("lamps")
    return [worker, windows, loader]


def test_they_are_current() -> None:
    """`headrace-local generate` mends it."""
    assert outdated() == []


def test_the_command_checks(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With 1 where a file is outdated, which it names, and writes nothing; with 0 and no word where none is."""
    assert generate(check=True) == 0
    assert capsys.readouterr().out == ""
    monkeypatch.setattr("headrace_local.observability.generated.outdated", lambda: [Path("alarms.json")])
    monkeypatch.setattr("headrace_local.observability.generated.write", lambda: pytest.fail("it wrote"))
    assert generate(check=True) == 1
    assert "alarms.json is not as the code says" in capsys.readouterr().out


def test_a_file_that_was_changed_by_hand_is_outdated_until_it_is_written(tmp_path: Path) -> None:
    """A missing one, too; and only these are written."""
    for path in generated_files():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        shutil.copy(MODULES / path, tmp_path / path)
    changed = tmp_path / "observability/alarms.json"
    changed.write_text(changed.read_text().replace("900", "901"))
    (tmp_path / COLLECTOR).unlink()
    assert set(outdated(tmp_path)) == {changed, tmp_path / COLLECTOR}
    assert set(write(tmp_path)) == {changed, tmp_path / COLLECTOR}
    assert outdated(tmp_path) == []


def test_without_a_checkout_it_says_so(tmp_path: Path) -> None:
    """An installed command has no modules beside it."""
    with pytest.raises(LocalError, match="checkout"):
        outdated(tmp_path / "nowhere")


def test_alarms_are_told_in_whole() -> None:
    """CloudWatch takes 1,024 characters of description, and an alarm has one series that is its value."""
    for alarm in json.loads(generated_files()["observability/alarms.json"])["alarms"]:
        assert len(alarm["description"]) <= 1024
        assert alarm["datapoints_to_alarm"] >= 1
        assert alarm["expression"] or len(alarm["series"]) == 1


def test_the_collector_keeps_what_is_asked_of_it_and_nothing_else(collector: dict[str, Any]) -> None:
    """Every series of ours in an alarm is scraped and declared; a real service's text has no other that passes."""
    (keep,) = collector["receivers"]["prometheus"]["config"]["scrape_configs"][0]["metric_relabel_configs"]
    declared = [
        (set(one["dimensions"][0]), re.compile(one["metric_name_selectors"][0]))
        for one in collector["exporters"]["awsemf"]["metric_declarations"]
    ]
    exposed = [sample.name for service in _busy() for sample in _samples(service)]
    kept = {name for name in exposed if re.fullmatch(keep["regex"], name)}
    assert not any(name.endswith("_created") for name in kept)
    for series in (series for alarm in ALARMS for series in alarm.series if series.namespace == NAMESPACE):
        assert series.metric
        suffix = "_count" if series.metric.kind is Kind.HISTOGRAM else ""
        assert series.name + suffix in kept
        wanted = {*series.dimensions, *([series.by] if series.by else [])}
        assert any(dimensions == wanted and selector.match(series.name) for dimensions, selector in declared)
    for name in kept:
        bare = re.sub("_(bucket|count|sum)$", "", name)
        assert any(selector.match(name) or selector.match(bare) for _, selector in declared)


def _samples(service: RegisteredMetrics) -> list[Any]:
    families = text_string_to_metric_families(service.exposition().decode())
    return [sample for family in families for sample in family.samples]


def test_the_collectors_parts_are_all_in_its_pipeline(collector: dict[str, Any]) -> None:
    """Memory is limited first, batches are made last; it is healthy where ECS asks, and tells nothing of its own."""
    service = collector["service"]
    pipeline = service["pipelines"]["metrics"]
    for kind in ("receivers", "processors", "exporters"):
        assert set(pipeline[kind]) == set(collector[kind])
    assert (pipeline["processors"][0], pipeline["processors"][-1]) == ("memory_limiter", "batch")
    assert service["extensions"] == list(collector["extensions"])
    assert collector["extensions"]["health_check"]["endpoint"] == "127.0.0.1:13133"
    assert service["telemetry"]["metrics"]["level"] == "none"
    scrape = collector["receivers"]["prometheus"]["config"]["scrape_configs"][0]["static_configs"][0]
    assert scrape == {"targets": ["127.0.0.1:9464"], "labels": {"pipeline": "flights", "service": "worker"}}


def test_the_dashboard_is_a_grid_without_overlaps() -> None:
    """24 columns; each widget has room of its own."""
    widgets = json.loads(generated_files()["observability/dashboard.json"])["widgets"]
    taken = [
        (x, y)
        for widget in widgets
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) == 23
    assert len(json.dumps(widgets)) < 500_000
