"""Core and marts against the CSV files: every row and every column, and what carriers flew in each month."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import duckdb

from headrace_local.flights.comparing import TableVerdict, compare
from headrace_local.flights.data import FlightsData
from headrace_local.flights.marts_expected import CORE, MART, MODELS, Model, expect_models
from headrace_local.flights.oracle import expect_sound
from headrace_local.flights.window_oracle import load_windows
from headrace_local.lake_copy import LakeCopy

MARTS = tuple(str(model) for model in MODELS if model.schema == MART)


@dataclass(frozen=True, slots=True)
class MartVerdict:
    """One verdict per table of core and marts; what carriers flew counts as one."""

    tables: tuple[TableVerdict, ...] = ()

    @property
    def rows(self) -> int:
        """Of all marts."""
        return sum(table.rows for table in self.tables if table.name in MARTS)

    @property
    def wrong(self) -> dict[str, int]:
        """Rows of each table that are missing, too many, or have other contents."""
        return {table.name: table.wrong for table in self.tables}

    @property
    def ok(self) -> bool:
        return all(table.ok for table in self.tables)

    def sentence(self) -> str:
        """What differs, for an error message."""
        said = "; ".join(table.sentence() for table in self.tables if not table.ok)
        return f"the models differ from the source: {said}"


@dataclass(frozen=True, slots=True)
class Copies:
    """Of the processed zone, of the curated zone, and of core and marts."""

    lake: LakeCopy
    curated: LakeCopy
    models: LakeCopy


def reconcile_marts(data: FlightsData, flights: int, copies: Copies, corrupted: Collection[str] = ()) -> MartVerdict:
    """Compares core and marts with the first `flights` flights, without `corrupted` ids; those of windows without the
    late ones, too."""
    with duckdb.connect() as database:
        expect_sound(database, data, flights, corrupted)
        load_windows(database, copies.lake, copies.curated)
        expect_models(database, data)
        for model in MODELS:
            database.execute(f"CREATE TABLE found_{model.name} AS {_found(model, copies.models)}")
        return MartVerdict((*(_compared(database, model) for model in MODELS), _flown(database)))


def _found(model: Model, copied: LakeCopy) -> str:
    if files := copied.files(model.name):
        own = f" EXCLUDE ({', '.join(model.own)})" if model.own else ""
        return f"SELECT *{own} FROM read_parquet({files})"  # noqa: S608 -- our own paths
    return f"SELECT * FROM expected_{model.name} WHERE false"  # noqa: S608 -- our own names


def _compared(database: duckdb.DuckDBPyConnection, model: Model) -> TableVerdict:
    expected, found = f"expected_{model.name}", f"found_{model.name}"
    return compare(database, str(model), expected, found, key=model.key, quantiles=model.quantiles)


def _flown(database: duckdb.DuckDBPyConnection) -> TableVerdict:
    """What a carrier's people would count in core."""
    for side in ("expected", "found"):
        database.execute(f"""
            CREATE VIEW {side}_flown AS
            SELECT carrier, local_month, count(*) AS flights, count(*) FILTER (is_cancelled) AS cancelled
            FROM {side}_fct_flights GROUP BY ALL""")  # noqa: S608 -- our own names
    name = f"{CORE}.fct_flights by carrier and month"
    return compare(database, name, "expected_flown", "found_flown", key=("carrier", "local_month"))
