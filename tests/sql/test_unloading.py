"""`headrace-sql unload`: marts in the lake and in the catalog, old or new and nothing between."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from headrace_consumers.catalog.tables import PIPELINE, CatalogTable, TableName
from headrace_consumers.errors import CatalogChangedError
from headrace_consumers.warehouse.redshift import Redshift
from headrace_producers.errors import TerminalError
from headrace_sql.unloading.marts import Mart, read_marts
from headrace_sql.unloading.places import Places
from headrace_sql.unloading.unload import MART, Unloader
from tests.sql.conftest import Built
from tests.sql.lake import CURATED, MARTS, SETTINGS, Lake
from tests.sql.world import World

DATABASE = SETTINGS.database("curated")
FOLDER = f"marts/{DATABASE}"


def test_marts_are_in_the_lake_as_they_are_in_the_warehouse(
    built: Built, lake: Lake, world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every row and column, by any reader that asks the catalog where they lie; columns are described there, too."""
    assert built.first.ok
    assert lake.unload("--json") == 0
    said = {line["mart"]: line for line in map(json.loads, capsys.readouterr().out.splitlines())}
    assert tuple(said) == MARTS
    with lake.duckdb(tmp_path) as database:
        for mart in MARTS:
            table = lake.mart(mart)
            columns = [column.name for column in table.columns]
            listed = ", ".join(columns)
            rows = Counter(world.rows(f"SELECT {listed} FROM mart.{mart}"))  # noqa: S608
            found = database.execute(f"SELECT {listed} FROM {SETTINGS.database('curated')}.{mart}").fetchall()  # noqa: S608
            assert Counter(found) == rows
            assert (said[mart]["rows"], said[mart]["location"]) == (rows.total(), table.location)
            assert all(column.comment for column in table.columns)
            assert table.description


def test_an_unload_names_a_new_place_and_keeps_the_one_before(
    built: Built, lake: Lake, capsys: pytest.CaptureFixture[str]
) -> None:
    """A query that began before still finds its files; what is older goes, and so does what a dead unload left."""
    assert built.first.ok
    places = []
    leftover = f"{FOLDER}/route_demand/0000000000000/part.parquet"
    for _ in range(3):
        lake.world.stack.clients.s3.put_object(Bucket=CURATED, Key=leftover, Body=b"half")
        assert lake.unload() == 0
        places.append(lake.mart("route_demand").location.removeprefix(f"s3://{CURATED}/"))
    assert "route_demand: " in capsys.readouterr().out
    assert len(set(places)) == 3
    there = {key.rsplit("/", 1)[0] + "/" for key in lake.keys(f"{FOLDER}/route_demand/")}
    assert there == set(places[1:])


def test_what_operators_set_in_the_catalog_stays(built: Built, lake: Lake) -> None:
    """Parameters that are not ours outlive an unload."""
    assert built.first.ok
    assert lake.unload() == 0
    place, before = TableName(SETTINGS.database("curated"), "aircraft_use"), lake.mart("aircraft_use")
    lake.catalog.update_table(place, before, _with(before, {**before.parameters, "steward": "maintenance"}))
    assert lake.unload() == 0
    assert lake.mart("aircraft_use").parameters["steward"] == "maintenance"


class FailingCatalog:
    """Loses a race at every table's update."""

    def __init__(self, lake: Lake) -> None:
        self._catalog = lake.catalog
        self.has_database, self.create_database = self._catalog.has_database, self._catalog.create_database
        self.table, self.create_table = self._catalog.table, self._catalog.create_table

    def update_table(self, place: TableName, before: CatalogTable, now: CatalogTable) -> None:
        raise CatalogChangedError(f"{place} was changed at the same moment, from {before.location} to {now.location}")


class Told:
    """A session that notes what it is told."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def query(self, _sql: str) -> list[tuple[int]]:
        return [(0,)]

    def run(self, sql: str) -> None:
        self.statements.append(sql)

    def begin(self) -> None: ...

    commit = rollback = begin


@pytest.mark.parametrize(("key_id", "said"), [("", "PARQUET"), ("1a-2b", "PARQUET KMS_KEY_ID '1a-2b' ENCRYPTED")])
def test_marts_are_encrypted_by_the_key_that_is_named(key_id: str, said: str) -> None:
    """Without one Redshift takes S3's own, whatever the bucket's default is."""
    told: Any = Told()
    unloader = Unloader(session=told, catalog=Mock(), places=Mock(), database="", pipeline="", role="default",
                        key_id=key_id)  # fmt: skip
    unloader._write(Mart("mart", "weights", "", ()), "s3://curated/marts/")
    assert told.statements[0].endswith(f"IAM_ROLE default FORMAT AS {said}")


def test_an_unload_that_fails_leaves_readers_where_they_were(built: Built, lake: Lake, world: World) -> None:
    """The catalog names the old place, whose files are all there; the next unload clears what was left."""
    assert built.first.ok
    assert lake.unload() == 0
    before = lake.mart("aircraft_rotations").location
    files = lake.keys(before.removeprefix(f"s3://{CURATED}/"))
    with closing(Redshift(world.target).connect()) as session:
        marts = read_marts(session, "mart")
        unloader = Unloader(
            session=session, catalog=FailingCatalog(lake), places=Places(world.stack.clients.s3, CURATED, DATABASE),
            database=DATABASE, pipeline="flights", role="default",
        )  # fmt: skip
        with pytest.raises(CatalogChangedError):
            list(unloader.unload(marts, "000000000000-never-named"))
    assert lake.mart("aircraft_rotations").location == before
    assert lake.keys(before.removeprefix(f"s3://{CURATED}/")) == files
    assert lake.keys(f"{FOLDER}/aircraft_rotations/000000000000-never-named/")
    assert lake.unload() == 0
    assert not lake.keys(f"{FOLDER}/aircraft_rotations/000000000000-never-named/")


def test_a_table_that_is_no_mart_is_left_alone(built: Built, lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    """A mart that is called as a window's table, say: nothing is unloaded, and a sentence says so."""
    assert built.first.ok
    assert lake.unload() == 0
    place, before = TableName(SETTINGS.database("curated"), "route_demand"), lake.mart("route_demand")
    own = {name: value for name, value in before.parameters.items() if name != MART}
    lake.catalog.update_table(place, before, _with(before, own))
    capsys.readouterr()
    try:
        assert lake.unload() == 1
        assert "route_demand in the catalog is no mart: give the model another name" in capsys.readouterr().err
        assert lake.mart("route_demand") == _with(before, own)
    finally:
        lake.catalog.update_table(place, _with(before, own), before)


def test_another_pipelines_mart_is_left_alone(built: Built, lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    """Both would point one table at their own files, in turn."""
    assert built.first.ok
    assert lake.unload() == 0
    place, before = TableName(DATABASE, "route_demand"), lake.mart("route_demand")
    others = _with(before, {**before.parameters, PIPELINE: "trains"})
    lake.catalog.update_table(place, before, others)
    capsys.readouterr()
    try:
        assert lake.unload() == 1
        assert "route_demand in the catalog is a mart of the pipeline 'trains'" in capsys.readouterr().err
        assert lake.mart("route_demand") == others
    finally:
        lake.catalog.update_table(place, others, before)


def test_catalogs_of_another_prefix_keep_their_files(built: Built, lake: Lake) -> None:
    """They may share a bucket: what one unload clears is never what another catalog names."""
    assert built.first.ok
    assert lake.unload() == 0
    location = lake.mart("route_demand").location.removeprefix(f"s3://{CURATED}/")
    files = lake.keys(location)
    assert files
    for _ in range(2):
        assert lake.unload("--catalog-prefix", "other") == 0
    assert lake.keys(location) == files


def test_words_fit_into_the_catalog(world: World, built: Built) -> None:
    """Glue takes comments of 255 bytes in one line, descriptions of 2,048."""
    assert built.first.ok
    world.run(
        "CREATE SCHEMA wordy", "CREATE TABLE wordy.marts (a INT)",
        f"COMMENT ON TABLE wordy.marts IS '{'long ' * 1000}'",
        f"COMMENT ON COLUMN wordy.marts.a IS 'two\nlines {'é' * 300}'",
    )  # fmt: skip
    try:
        with closing(Redshift(world.target).connect()) as session:
            [mart] = read_marts(session, "wordy")
    finally:
        world.run("DROP SCHEMA wordy CASCADE")
    assert mart.columns[0].comment.startswith("two lines é")
    assert len(mart.columns[0].comment.encode()) <= 255
    assert len(mart.description.encode()) <= 2048


def test_a_column_that_no_reader_would_get_is_named(world: World, built: Built) -> None:
    """Before anything is unloaded."""
    assert built.first.ok
    world.run("CREATE SCHEMA odd", "CREATE TABLE odd.marts (a INT, b NUMERIC(38, 2), c SUPER)")
    try:
        with closing(Redshift(world.target).connect()) as session, pytest.raises(TerminalError) as caught:
            read_marts(session, "odd")
    finally:
        world.run("DROP SCHEMA odd CASCADE")
    assert str(caught.value).startswith("odd.marts.c is ")


def test_names_and_texts_are_quoted_for_unload() -> None:
    """UNLOAD takes its query as a text."""
    mart = Mart("mart", 'o"dd', "", ())
    assert mart.select().endswith('FROM "mart"."o""dd"')


def _with(table: CatalogTable, parameters: dict[str, str]) -> CatalogTable:
    return CatalogTable(
        location=table.location, columns=table.columns, description=table.description, parameters=parameters
    )
