"""The named queries: what Athena answers is what DuckDB answers on the same files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from headrace_consumers.settings import CatalogSettings
from headrace_producers.errors import TerminalError
from headrace_sql.athena.queries import NamedQuery, read_queries
from headrace_sql.athena.running import Athena
from headrace_sql.errors import ProjectError
from tests.sql.conftest import Built
from tests.sql.lake import SETTINGS, WORKGROUP, Lake
from tests.sql.world import PROJECT

QUERIES = {query.name: query for query in read_queries(PROJECT, SETTINGS)}
NOTHING_WRONG = {"doubled_events"}
"""Its rows would be faults."""


@pytest.fixture(scope="module")
def full(built: Built, lake: Lake) -> Lake:
    """With marts, dead letters and raw records in it."""
    assert built.first.ok
    lake.receive(bad_lines=7)
    lake.make_catalog()
    assert lake.unload() == 0
    return lake


@pytest.fixture(scope="module")
def files(full: Lake, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with full.duckdb(tmp_path_factory.mktemp("files")) as database:
        yield database


@pytest.mark.parametrize("name", QUERIES)
def test_athena_answers_as_duckdb_does(name: str, full: Lake, files: duckdb.DuckDBPyConnection) -> None:
    """Column by column and row by row, in the query's own order."""
    answer = _athena(full).run(QUERIES[name].sql)
    asked = files.execute(QUERIES[name].sql)
    assert answer.columns == tuple(column[0] for column in asked.description or ())
    rows = [tuple(map(_text, row)) for row in asked.fetchall()]
    assert list(answer.rows) == rows
    assert bool(rows) == (name not in NOTHING_WRONG)


def test_a_doubled_file_shows_in_the_query_that_looks_for_it(full: Lake) -> None:
    """What finds nothing could also have asked wrongly."""
    s3, bucket = full.world.stack.clients.s3, full.world.stack.resources.processed_bucket
    [first, *_] = s3.list_objects_v2(Bucket=bucket, Prefix="weather_hourly/")["Contents"]
    double = first["Key"].replace(".parquet", "-double.parquet")
    s3.copy_object(Bucket=bucket, Key=double, CopySource={"Bucket": bucket, "Key": first["Key"]})
    try:
        rows = _athena(full).run(QUERIES["doubled_events"].sql).rows
    finally:
        s3.delete_object(Bucket=bucket, Key=double)
    assert rows
    assert {times for _, times in rows} == {"2"}


def test_a_query_is_run_by_its_name(full: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    """As a table for people, or a line of JSON for each row; a name that is none is told with those that are."""
    assert full.athena("run", "dead_letters_by_reason", "--json") == 0
    [line] = capsys.readouterr().out.splitlines()
    assert json.loads(line)["letters"] == "7"
    assert full.athena("run", "raw_records_by_day") == 0
    assert "1 row, " in capsys.readouterr().out.splitlines()[-1]
    assert full.athena("run", "nonsense") == 2
    assert "there is no query 'nonsense'; there are busiest_aircraft, " in capsys.readouterr().err


def test_named_queries_are_put_once_and_replaced_when_they_change(full: Lake) -> None:
    """Others of the workgroup stay."""
    athena = _athena(full)
    first = NamedQuery("of_this_test", "One.", "select 1")
    full.athena_client.create_named_query(
        Name="by_hand", Database="default", QueryString="select 0", WorkGroup=WORKGROUP
    )
    assert athena.put([first]).created == ("of_this_test",)
    assert athena.put([first]).lines() == ()
    assert athena.put([NamedQuery("of_this_test", "Two.", "select 2")]).replaced == ("of_this_test",)
    client = full.athena_client
    ids = client.list_named_queries(WorkGroup=WORKGROUP)["NamedQueryIds"]
    named = {one["Name"]: one["QueryString"] for one in client.batch_get_named_query(NamedQueryIds=ids)["NamedQueries"]}
    assert (named["of_this_test"], named["by_hand"], len(ids)) == ("select 2", "select 0", len(named))


def test_of_two_named_queries_of_one_name_one_stays(full: Lake) -> None:
    """As a `put` leaves them that died between making the new one and removing the old one."""
    athena, client = _athena(full), full.athena_client
    query = NamedQuery("twice", "Two.", "select 2")
    for sql in ("select 1", query.sql, query.sql):
        client.create_named_query(Name="twice", Description="Two.", Database="d", QueryString=sql, WorkGroup=WORKGROUP)
    assert athena.put([query]).replaced == ("twice",)
    assert athena.put([query]).lines() == ()
    ids = client.list_named_queries(WorkGroup=WORKGROUP)["NamedQueryIds"]
    named = [one["QueryString"] for one in client.batch_get_named_query(NamedQueryIds=ids)["NamedQueries"]
             if one["Name"] == "twice"]  # fmt: skip
    assert named == [query.sql]


def test_athenas_reason_is_told(full: Lake) -> None:
    """In one line, with the execution by which it can be looked up."""
    with pytest.raises(TerminalError, match=r"Athena: query \S+ failed: .*no_such_table"):
        _athena(full).run("select * from headrace_local_curated.no_such_table")


def test_a_query_that_takes_too_long_is_stopped(full: Lake) -> None:
    slow = Athena(full.athena_client, WORKGROUP, SETTINGS.database("curated"), patience_s=0.3)
    with pytest.raises(TerminalError, match=r"ran longer than 0 s: stopped"):
        slow.run("select count(*) from range(100000) as a cross join range(10000000) as b where a.range <> b.range")


def test_queries_follow_the_catalogs_prefix(tmp_path: Path) -> None:
    """Of databases, and of nothing that only looks like one."""
    (tmp_path / "athena").mkdir()
    sql = "-- What\n-- it says.\nselect 'headrace_raw' from headrace_raw.flights as headrace_raw_flights\n"
    (tmp_path / "athena" / "one.sql").write_text(sql)
    [query] = read_queries(tmp_path, CatalogSettings(catalog_prefix="acme"))
    assert (query.name, query.description) == ("one", "What it says.")
    assert query.sql == "select 'headrace_raw' from acme_raw.flights as headrace_raw_flights"


def test_a_query_must_say_what_it_answers(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="there are no queries"):
        read_queries(tmp_path, SETTINGS)
    (tmp_path / "athena").mkdir()
    (tmp_path / "athena" / "mute.sql").write_text("select 1\n")
    with pytest.raises(ProjectError, match=r"mute.sql must begin with a comment that says what it answers"):
        read_queries(tmp_path, SETTINGS)
    (tmp_path / "athena" / "mute.sql").write_text("-- What it says.\n")
    with pytest.raises(ProjectError, match=r"mute.sql has a comment and no query"):
        read_queries(tmp_path, SETTINGS)


def test_a_reader_that_has_seen_enough_is_an_ordinary_end() -> None:
    """As `| head` is: no traceback, and no error."""
    program = str(Path(sys.executable).with_name("headrace-sql"))
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        ran = subprocess.run(
            [program, "athena", "list"], stdout=closed, stderr=subprocess.PIPE, timeout=60, check=False
        )
    assert (ran.returncode, ran.stderr) == (0, b"")


def _athena(lake: Lake) -> Athena:
    return Athena(lake.athena_client, WORKGROUP, SETTINGS.database("curated"))


def _text(value: object) -> str | None:
    """As Athena writes it."""
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)
