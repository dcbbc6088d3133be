"""The verdict on core and marts: right tables pass, and every kind of wrong one is noticed by its name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace_local.flights.data import FlightsData, unpack_data
from headrace_local.flights.marts_expected import MODELS, expect_models
from headrace_local.flights.marts_oracle import Copies, MartVerdict, reconcile_marts
from headrace_local.flights.oracle import expect_sound
from headrace_local.flights.window_oracle import LATE, load_windows
from headrace_local.lake_copy import LakeCopy
from tests.local.test_window_oracle import SENT, windows_of

LINES = 5_000
"""Of flights.csv, which is in the order of days: all that the first flights need."""


@dataclass(frozen=True)
class Right:
    """Tables as they should be, of the year's first flights."""

    data: FlightsData
    copies: Copies

    def judged(self, models: LakeCopy) -> MartVerdict:
        return reconcile_marts(self.data, SENT, replace(self.copies, models=models))


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> Right:
    """Windows are an engine's own. That these are the tables which dbt makes is tested with a warehouse."""
    root = tmp_path_factory.mktemp("right")
    data = _first_lines(unpack_data(root), root / "first.csv")
    curated = _written(windows_of(data), root / "curated")
    lake = LakeCopy(root, frozenset(), 0)
    with duckdb.connect() as database:
        expect_sound(database, data, SENT, ())
        load_windows(database, lake, curated)
        expect_models(database, data)
        tables = {model.name: _table(database, f"expected_{model.name}") for model in MODELS}
    return Right(data, Copies(lake, curated, _written(_with_columns_of_the_load(tables), root / "models")))


def _first_lines(data: FlightsData, path: Path) -> FlightsData:
    with data.flights_csv.open() as full:
        path.write_text("".join(islice(full, LINES)))
    return replace(data, flights_csv=path)


def _table(database: duckdb.DuckDBPyConnection, name: str) -> pa.Table:
    return database.table(name).to_arrow_table()


def _with_columns_of_the_load(tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
    for model in MODELS:
        for name in model.own:
            rows = tables[model.name]
            tables[model.name] = rows.append_column(name, pa.array(["of the load"] * len(rows)))
    return tables


def _written(tables: dict[str, pa.Table], root: Path) -> LakeCopy:
    for name, rows in tables.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        pq.write_table(rows, root / name / "rows.parquet")
    return LakeCopy(root, frozenset(f"{name}/rows.parquet" for name in tables), 0)


def _spoilt(models: LakeCopy, name: str, statement: str, root: Path) -> LakeCopy:
    """A copy in which the statement has changed one table, `t`."""
    tables = {model.name: pq.read_table(models.files(model.name)) for model in MODELS}
    with duckdb.connect() as database:
        database.execute(f"CREATE TABLE t AS FROM read_parquet({models.files(name)})")
        before = _table(database, "t")
        database.execute(statement)
        tables[name] = _table(database, "t")
    assert not tables[name].equals(before), "the statement has changed nothing"
    return _written(tables, root)


def test_right_tables_pass(right: Right) -> None:
    """Every mart has rows, and none is wrong."""
    verdict = right.judged(right.copies.models)
    assert verdict.ok, verdict.sentence()
    assert not any(verdict.wrong.values())
    assert all(table.rows == table.expected > 0 for table in verdict.tables)
    assert verdict.rows == sum(table.rows for table in verdict.tables if table.name.startswith("mart."))


UA, LAX, SJU = "carrier = 'UA'", "(origin, dest) = ('JFK', 'LAX')", "(origin, dest) = ('JFK', 'SJU')"
DELAYED = "(airport, hour_start) = ('JFK', TIMESTAMP '2013-01-01 14:00')"
LISTED = "rowid = (SELECT min(rowid) FROM t WHERE manufacturer IS NOT NULL)"
UNLISTED = "rowid = (SELECT min(rowid) FROM t WHERE manufacturer IS NULL)"
FLIGHT, FIRST = "flight_id = 'flight-1'", "rowid = 0"
VALUES = {
    "a count is one more": ("on_time_performance", UA, "on_time", "on_time + 1"),
    "a share differs in its eighth digit": ("on_time_performance", UA, "on_time_share", "on_time_share + 2e-8"),
    "a mean is null": ("on_time_performance", UA, "arr_delay_mean_min", "NULL"),
    "an airline bears another name": ("on_time_performance", UA, "carrier_name", "'Untied'"),
    "an hour has another quantile": ("departures_by_hour", DELAYED, "dep_delay_p90_min", "dep_delay_p90_min * 1.03"),
    "an hour has another hour's weather": ("departures_by_hour", DELAYED, "temp_f", "temp_f + 1"),
    "a clock has summer in winter": (
        "departures_by_hour", DELAYED, "local_hour_start", "local_hour_start + INTERVAL 1 HOUR",
    ),
    "an old revision is shown": ("departures_by_hour", DELAYED, "revision", "0"),
    "an airport bears another name": ("route_demand", LAX, "dest_name", "'Los Alamos'"),
    "an airport that nobody lists has a name": ("route_demand", SJU, "dest_name", "'San Juan'"),
    "more seats are flown": ("route_demand", LAX, "known_seats_flown", "known_seats_flown + 1"),
    "a rotation has other miles": ("aircraft_rotations", LISTED, "miles", "miles - 1"),
    "a plane that nobody lists bears a version": ("aircraft_rotations", UNLISTED, "plane_version", "tailnum || '#1'"),
    "a plane has another age": ("aircraft_use", LISTED, "year_built", "1903"),
    "a plane has flown a day more": ("aircraft_use", LISTED, "days_flown", "days_flown + 1"),
    "the air is thinner": ("fct_weather_hourly", FIRST, "pressure_mbar", "1000.5"),
    "a flight arrived at another time": ("fct_flights", FLIGHT, "arr_time", "arr_time + 1"),
}  # fmt: skip


@pytest.mark.parametrize("kind", VALUES)
def test_one_wrong_value_is_noticed(kind: str, right: Right, tmp_path: Path) -> None:
    """The verdict names its table alone, and the column."""
    name, where, column, value = VALUES[kind]
    verdict = right.judged(_spoilt(right.copies.models, name, _update(column, value, where), tmp_path))
    [table] = [table for table in verdict.tables if not table.ok]
    assert (table.missing, table.surplus, table.differing, dict(table.columns)) == (0, 0, 1, {column: 1})
    assert f"{table.name}: " in verdict.sentence()
    assert table.name.endswith(f".{name}")


def _update(column: str, value: str, where: str) -> str:
    return f"UPDATE t SET {column} = {value} WHERE {where}"  # noqa: S608 -- our own text


ROWS = {
    "a carrier is missing": ("on_time_performance", "DELETE FROM t WHERE carrier = 'UA'", "1 missing, 0 too many"),
    "an hour is missing": ("departures_by_hour", "DELETE FROM t WHERE rowid = 0", "1 missing, 0 too many"),
    "a route is doubled": ("route_demand", "INSERT INTO t FROM t LIMIT 1", "0 missing, 1 too many"),
    "a plane was never there": ("aircraft_use", "UPDATE t SET tailnum = 'X' WHERE rowid = 0", "1 missing, 1 too many"),
    "a column is missing": ("route_demand", "ALTER TABLE t DROP COLUMN seats_mean", "(seats_mean in "),
    "a column is new": ("route_demand", "ALTER TABLE t ADD COLUMN beauty DOUBLE", "(beauty in "),
}


@pytest.mark.parametrize("kind", ROWS)
def test_rows_and_columns_too_few_or_too_many_are_noticed(kind: str, right: Right, tmp_path: Path) -> None:
    """In their table alone."""
    name, statement, words = ROWS[kind]
    verdict = right.judged(_spoilt(right.copies.models, name, statement, tmp_path))
    assert [table.name for table in verdict.tables if not table.ok] == [f"mart.{name}"]
    assert words in verdict.sentence()


def _wrong(verdict: MartVerdict) -> dict[str, int]:
    return {name: count for name, count in verdict.wrong.items() if count}


FLOWN = "core.fct_flights by carrier and month"
FLIGHTS = {
    "it is cancelled": ("UPDATE t SET is_cancelled = true WHERE flight_id = 'flight-1'", 1, 1),
    "another carrier flew it": ("UPDATE t SET carrier = 'AA' WHERE flight_id = 'flight-1'", 1, 2),
    "it is gone": ("DELETE FROM t WHERE flight_id = 'flight-1'", 1, 1),
    "another took its place": ("UPDATE t SET flight_id = 'flight-0' WHERE flight_id = 'flight-1'", 2, 0),
}


@pytest.mark.parametrize("kind", FLIGHTS)
def test_a_wrong_flight_is_wrong_for_its_carrier_too(kind: str, right: Right, tmp_path: Path) -> None:
    """Where that counts other flights, or other cancelled ones, in the month."""
    statement, rows, months = FLIGHTS[kind]
    verdict = right.judged(_spoilt(right.copies.models, "fct_flights", statement, tmp_path))
    assert (verdict.wrong["core.fct_flights"], verdict.wrong[FLOWN]) == (rows, months)
    assert sum(verdict.wrong.values()) == rows + months


def test_a_late_event_must_not_count_in_what_comes_of_windows(right: Right, tmp_path: Path) -> None:
    """It is in all that comes of rows. The marts here count it: they are wrong where a letter says that it was late."""
    (letters := tmp_path / LATE).mkdir()
    pq.write_table(pa.table({"event_id": ["flight-1"]}), letters / "rows.parquet")
    lake = LakeCopy(tmp_path, frozenset({f"{LATE}/rows.parquet"}), 0)
    verdict = reconcile_marts(right.data, SENT, replace(right.copies, lake=lake))
    assert _wrong(verdict).keys() == {"mart.departures_by_hour", "mart.aircraft_rotations"}


def test_a_spoilt_event_must_count_nowhere(right: Right) -> None:
    """A dead letter is in no table, so those that have it are wrong."""
    verdict = reconcile_marts(right.data, SENT, right.copies, ["flight-1"])
    assert _wrong(verdict).keys() == {str(model) for model in MODELS} - {"core.fct_weather_hourly"} | {FLOWN}


def test_an_empty_mart_is_missing_as_a_whole(right: Right) -> None:
    """UNLOAD leaves no file of a table without rows."""
    models = right.copies.models
    without = replace(models, keys=frozenset(key for key in models.keys if not key.startswith("aircraft_use/")))
    verdict = right.judged(without)
    [table] = [table for table in verdict.tables if not table.ok]
    assert (table.name, table.rows, table.missing) == ("mart.aircraft_use", 0, table.expected)
