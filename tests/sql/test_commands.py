"""`headrace-sql freshness` and `headrace-sql docs`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.sql.conftest import Built
from tests.sql.world import World

KINDS = {"model", "snapshot", "source"}
OLDER = "UPDATE staging.weather_hourly SET arrival_time = arrival_time + {} * INTERVAL '1 hour'"


@pytest.fixture(scope="module")
def work_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("commands")


def test_docs_describe_every_column_that_the_warehouse_has_and_no_other(
    built: Built, world: World, work_dir: Path
) -> None:
    """One file that needs nothing beside it; models, snapshots and sources, and each column of theirs."""
    assert built.first.ok
    ran = world.command("docs", work_dir=work_dir)
    assert ran.code == 0, ran.out
    page = Path(ran.out.splitlines()[-1])
    assert page == work_dir / "static_index.html"
    assert "on_time_performance" in page.read_text()
    there, described = _artifact(work_dir, "catalog"), _artifact(work_dir, "manifest")
    assert set(described) == set(there)
    for name, node in described.items():
        assert node["description"], name
        columns = {column for column, said in node["columns"].items() if said["description"]}
        assert columns == {column.lower() for column in there[name]["columns"]}, name


def _artifact(work_dir: Path, name: str) -> dict[str, Any]:
    found = json.loads((work_dir / f"{name}.json").read_text())
    nodes = found["nodes"] | found["sources"]
    return {key: node for key, node in nodes.items() if key.split(".")[0] in KINDS}


def test_freshness_fails_where_a_sources_newest_row_is_too_old(world: World, work_dir: Path) -> None:
    """With fresh rows it ends with 0; with one source's rows seven hours old with 1, and its name."""
    world.load(world.next_commit(300))
    fresh = world.command("freshness", work_dir=work_dir)
    assert fresh.code == 0, fresh.out
    world.run(OLDER.format(-7))
    try:
        stale = world.command("freshness", work_dir=work_dir)
    finally:
        world.run(OLDER.format(7))
    assert stale.code == 1
    assert [line for line in stale.out.splitlines() if "ERROR" in line and "weather_hourly" in line]
    assert not [line for line in stale.out.splitlines() if "ERROR" in line and "flights_departed" in line]
