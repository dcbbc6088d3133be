"""dbt's sources from contracts: what is generated is as its origin."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import jinja2
import msgspec
import pytest
import yaml

from headrace_consumers.pipeline import Grain, LakeTable, Pipeline
from headrace_consumers.windows import Tumbling, count, quantile, total
from headrace_producers.contracts import column, contract
from headrace_sql.cli import execute
from headrace_sql.sources import sources_yaml
from tests.sql.world import PROJECT

FLIGHTS = "headrace_local.pipelines:flights"
SOURCES = "models/staging/_flights__sources.yml"


@contract(name="door.opened", version=2, partition_key="badge", event_time="opened_at")
class DoorOpened(msgspec.Struct, frozen=True, kw_only=True):
    """A door was opened."""

    badge: Annotated[str, column("Who opened it", max_length=8, personal=True)]
    opened_at: Annotated[datetime, column("When")]
    floor: Annotated[Literal[-1, 0, 1], column("Floor")]
    open_s: Annotated[int, column("How long it stood open", unit="s", ge=0)]
    wing: Annotated[Literal["east", "west"], column("Wing")] | None = None


DOORS = Pipeline(
    name="doors",
    stream="doors",
    tables=(LakeTable("doors", DoorOpened, partition_by=Grain.DAY),),
    windows=(
        Tumbling(
            "per_hour",
            table="doors",
            size_s=3600,
            by=("floor",),
            aggregates={"times": count(), "open_p90": quantile("open_s", 0.9)},
            partition_by=Grain.DAY,
        ),
    ),
)


def tables_of(pipeline: Pipeline) -> Iterator[tuple[str, dict[str, Any]]]:
    [source] = yaml.safe_load(sources_yaml(pipeline, "doors:DOORS"))["sources"]
    assert source["name"] == pipeline.name
    yield from ((table["name"], table) for table in source["tables"])


def columns_of(table: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {column["name"]: column for column in table["columns"]}


def test_sources_say_what_contracts_say() -> None:
    """Descriptions with units, types as the warehouse has them, and that a column is of people."""
    columns = columns_of(dict(tables_of(DOORS))["doors"])
    assert columns["badge"]["description"] == "Who opened it (personal data)"
    assert columns["badge"]["data_type"].startswith("varchar(")
    assert columns["open_s"]["description"] == "How long it stood open, s"
    assert all(said["description"] and said["data_type"] for said in columns.values())
    assert dict(tables_of(DOORS))["doors"]["description"] == "A door was opened. Contract door.opened.v2."


def test_sources_test_what_the_warehouse_does_not_keep() -> None:
    """Ids are unique; numbers of a choice are compared as numbers, texts as texts; a revision is there once."""
    tables = dict(tables_of(DOORS))
    columns = columns_of(tables["doors"])
    assert columns["event_id"]["data_tests"] == ["unique"]
    assert columns["floor"]["data_tests"] == [
        {"accepted_values": {"arguments": {"values": [-1, 0, 1], "quote": False}}}
    ]
    assert columns["wing"]["data_tests"] == [{"accepted_values": {"arguments": {"values": ["east", "west"]}}}]
    assert {name for name, said in columns.items() if "data_tests" in said} == {"event_id", "floor", "wing"}
    [test] = tables["per_hour"]["data_tests"]
    assert test["unique_together"] == {
        "arguments": {"columns": ["floor", "window_start", "revision"]},
        "config": {"where": "not early"},
    }
    assert columns_of(tables["per_hour"])["floor"]["data_tests"] == columns["floor"]["data_tests"]


@contract(name="door.odd", version=1, partition_key="badge", event_time="opened_at")
class Odd(msgspec.Struct, frozen=True, kw_only=True):
    """It {{ nothing }} {% raw %}."""

    badge: str
    opened_at: datetime
    wing: Annotated[Literal["O'Hare", "{{ x }}"], column("{# which #}")]
    open_s: Annotated[int, column("", unit="s", personal=True)]


def test_what_dbt_would_render_or_quote_wrongly_is_escaped() -> None:
    """Descriptions are Jinja's for dbt, and a choice's quotes would end a text of SQL."""
    odd = Pipeline(name="flights", stream="odd", tables=(LakeTable("odd", Odd),),
                   windows=(Tumbling("all", table="odd", size_s=60, aggregates={"sum": total("open_s")}),))  # fmt: skip
    tables = dict(tables_of(odd))
    columns = columns_of(tables["odd"])
    rendered = jinja2.Environment(autoescape=False).from_string  # noqa: S701 -- no page
    assert rendered(tables["odd"]["description"]).render() == "It {{ nothing }} {% raw %}. Contract door.odd.v1."
    assert rendered(columns["wing"]["description"]).render() == "{# which #}"
    [test] = columns["wing"]["data_tests"]
    said = [rendered(value).render() for value in test["accepted_values"]["arguments"]["values"]]
    assert said == ["O''Hare", "{{ x }}"]
    assert (columns["badge"]["description"], columns["open_s"]["description"]) == ("", "s (personal data)")
    assert tables["all"]["description"] == "Tumbling windows of odd, every revision of each."


def test_sources_describe_windows_and_the_ledger() -> None:
    """Every column of what the loader fills is there, those included that no contract names."""
    tables = dict(tables_of(DOORS))
    assert list(tables) == ["doors", "per_hour", "loader_ledger"]
    window = columns_of(tables["per_hour"])
    assert window["times"]["description"] == "Events of the window"
    assert window["open_p90"]["description"] == "0.9 quantile, within 1%, of open_s: How long it stood open, s"
    assert {"window_start", "window_end", "events", "revision", "early", "deleted", "commit_id"} < set(window)
    assert {"commit_id", "table_name", "state", "load_seq", "recorded_at"} < set(columns_of(tables["loader_ledger"]))


def test_the_projects_sources_are_as_the_contracts_say(capfd: pytest.CaptureFixture[str]) -> None:
    """`sources --check` of what is committed."""
    assert execute(["sources", FLIGHTS, "--check"]) == 0
    assert capfd.readouterr().out.endswith("is as the contracts say\n")


def test_a_changed_contract_is_noticed_and_written(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """`--check` ends with 1 and writes nothing; without it the file is as the contracts say again."""
    said, path = (PROJECT / SOURCES).read_text(), tmp_path / SOURCES
    (tmp_path / "dbt_project.yml").write_text((PROJECT / "dbt_project.yml").read_text())
    path.parent.mkdir(parents=True)
    path.write_text(said.replace("- LGA", "- LCY", 1))
    arguments = ["sources", FLIGHTS, "--project-dir", str(tmp_path)]
    assert execute([*arguments, "--check"]) == 1
    assert "- LCY" in path.read_text()
    assert execute(arguments) == 0
    assert path.read_text() == said
    assert execute([*arguments, "--check"]) == 0
    path.unlink()
    assert execute([*arguments, "--check"]) == 1
    assert not path.exists()
    assert capfd.readouterr().out.splitlines()[0].endswith("is not as the contracts say")


def test_another_pipeline_than_the_projects_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    """Its tables would replace those that the models read."""
    assert execute(["sources", f"{__name__}:DOORS", "--check"]) == 2
    assert "models pipeline 'flights', and" in capfd.readouterr().err
