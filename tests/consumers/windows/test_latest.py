"""The view of each window's last row, asked by DuckDB of what the windows service wrote."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace_consumers.cli import execute
from headrace_consumers.windows import Session, Tumbling, Window, count, total
from headrace_consumers.windows.latest import latest_rows
from headrace_consumers.windows.layout import finished_schema
from headrace_consumers.windows_service.emitting import curated_schema
from tests.consumers.windows_service.tides import (
    ALL,
    CONTRACT,
    HOURS,
    VISITS,
    Content,
    Reading,
    Tides,
    at,
    oracle,
    settle,
)

PIPELINES = "tests.consumers.windows_service.windowed"
_AGGREGATES = {"readings": count(), "level_total": total("level_mm")}
WHOLE_HOURS = Tumbling("whole_hours", table="tides", size_s=3600, aggregates=_AGGREGATES)
WHOLE_VISITS = Session("whole_visits", table="tides", gap_s=1800, aggregates=_AGGREGATES)
"""Windows without keys."""


def tides_of(*windows: Window, early_every_s: float = 0.0) -> Tides:
    tides = Tides(windows=windows, early_every_s=early_every_s)
    tides.sea.add_shard("a")
    return tides


def found(tides: Tides, window: Window) -> pa.Table:
    """What the view gives of all rows in the lake."""
    rows = pa.Table.from_pylist(tides.rows(window), curated_schema(window, CONTRACT))
    with duckdb.connect() as database:
        database.register("tide_rows", rows)
        return database.sql(latest_rows(window, "tide_rows")).to_arrow_table()


def content(tides: Tides, window: Window) -> Content:
    rows = found(tides, window).to_pylist()
    by_place = {
        (row.get("station", ""), row["window_start"]): (
            row["window_end"], row["events"], row["readings"], row["level_total"],
        )
        for row in rows
    }  # fmt: skip
    assert len(by_place) == len(rows), "a window has two rows"
    return by_place


def expected(window: Window, readings: Iterable[Reading]) -> Content:
    return oracle(window, [(station if window.by else "", minute, level) for station, minute, level in readings])


commits_of_readings = st.lists(
    st.lists(
        st.tuples(st.sampled_from(["Dover", "Hull"]), st.integers(0, 300), st.integers(0, 9)), min_size=1, max_size=5
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=8, deadline=None)
@given(commits=commits_of_readings)
def test_the_view_holds_every_window_once_as_the_stream_has_it(commits: Sequence[Sequence[Reading]]) -> None:
    """Whatever early rows, revisions and tombstones there were, of windows with keys and without: one row each."""
    tides = tides_of(*ALL, WHOLE_HOURS, WHOLE_VISITS, early_every_s=1.0)
    service = tides.service()
    for readings in commits:
        tides.commit({"a": readings})
        tides.sea.now_ms += 1000
        settle(service)
        for window in ALL:
            assert content(tides, window) == tides.seen(window), window.name
    tides.flush()
    for window in tides.windows:
        assert content(tides, window) == expected(window, tides.readings), window.name


def test_a_window_that_is_only_early_is_not_there() -> None:
    """What is shown before its time may change without a revision."""
    tides = tides_of(HOURS, early_every_s=1.0)
    service = tides.service()
    tides.sea.now_ms += 1000
    tides.commit({"a": [("Dover", 5, 1)]})
    tides.sea.now_ms += 1000
    service.step()
    assert [row["early"] for row in tides.rows(HOURS)] == [True]
    assert content(tides, HOURS) == {}


def test_a_revision_replaces_what_was_out() -> None:
    """The row of the highest revision, alone."""
    tides = tides_of(HOURS)
    for readings in ([("Dover", 5, 1), ("Dover", 500, 0)], [("Dover", 6, 2)]):
        tides.commit({"a": readings})
        settle(tides.service())
    assert [row["revision"] for row in tides.rows(HOURS)] == [1, 2]
    assert content(tides, HOURS) == {("Dover", at(0)): (at(60), 2, 2, 3)}


def test_a_tombstone_takes_its_session_away() -> None:
    """Two sessions that a late event joins are one."""
    tides = tides_of(VISITS)
    for readings in ([("Dover", 5, 1), ("Dover", 45, 2), ("Dover", 500, 0)], [("Dover", 25, 4)]):
        tides.commit({"a": readings})
        settle(tides.service())
    assert sum(row["deleted"] for row in tides.rows(VISITS)) == 1
    assert content(tides, VISITS) == {("Dover", at(5)): (at(45), 3, 3, 7)}


@pytest.mark.parametrize("window", [*ALL, WHOLE_HOURS], ids=lambda window: window.name)
def test_columns_are_those_that_were_declared(window: Window) -> None:
    """Keys, the window, events, aggregates: nothing that tells of revisions."""
    assert found(tides_of(window), window).schema.names == finished_schema(window, CONTRACT).names


def test_words_of_sql_are_names_like_others() -> None:
    """Every name is quoted, the table's own too where no other is given."""
    window = Tumbling("select", table="tides", size_s=60, by=("order",), aggregates={"group": count()})
    with duckdb.connect() as database:
        database.execute("""
            CREATE TABLE "select" AS SELECT 'x' AS "order", 1 AS window_start, 2 AS window_end, 3 AS events,
                4 AS "group", 1 AS revision, false AS early, false AS deleted
        """)
        assert database.sql(latest_rows(window)).fetchall() == [("x", 1, 2, 3, 4)]


def test_the_command_prints_the_statement(capsys: pytest.CaptureFixture[str]) -> None:
    """From the table expression that is given, else from the window's own table."""
    assert execute(["view", f"{PIPELINES}:windowed", "hours", "--from", "lake.hours"]) == 0
    assert capsys.readouterr().out == latest_rows(HOURS, "lake.hours") + "\n"
    assert execute(["view", f"{PIPELINES}:windowed", "hours"]) == 0
    assert 'FROM "hours"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("pipeline", "sentence"),
    [
        ("windowed", "pipeline 'tides' has no window 'days'; it declares hours, hops, visits"),
        ("bare", "pipeline 'tides' declares no windows"),
    ],
)
def test_the_command_names_what_is_declared(capsys: pytest.CaptureFixture[str], pipeline: str, sentence: str) -> None:
    """A window that is not there is wrong use: exit code 2, one sentence, no SQL."""
    assert execute(["view", f"{PIPELINES}:{pipeline}", "days"]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", f"headrace-consumers: {sentence}\n")
