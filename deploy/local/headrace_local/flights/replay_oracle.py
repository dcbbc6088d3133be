"""The lake before and after a replay: the same rows, dead letters and late letters, whichever commits brought them."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from headrace_local.flights.oracle import TABLES, number
from headrace_local.flights.reconcile import DEAD_LETTERS
from headrace_local.flights.window_oracle import LATE
from headrace_local.lake_copy import LakeCopy


@dataclass(frozen=True, slots=True)
class Comparison:
    """Of all tables that a stream fills, letters included."""

    rows: int
    """After the replay."""
    differences: int
    """Rows that are there before and not after, or after and not before; each as often as it is."""

    def sentence(self) -> str:
        return f"{self.differences} of {self.rows} rows and letters differ from what they were before the replay"


def compare(before: LakeCopy, after: LakeCopy) -> Comparison:
    """Every column but the commit's id."""
    tables = (*TABLES, DEAD_LETTERS, LATE)
    with duckdb.connect() as database:
        rows = sum(_count(database, table, after) for table in tables)
        return Comparison(rows, sum(_differing(database, table, before, after) for table in tables))


def _count(database: duckdb.DuckDBPyConnection, table: str, lake: LakeCopy) -> int:
    return number(database, f"SELECT count(*) FROM {_rows(table, lake)}") if lake.files(table) else 0  # noqa: S608 -- our own paths


def _differing(database: duckdb.DuckDBPyConnection, table: str, before: LakeCopy, after: LakeCopy) -> int:
    if not (before.files(table) and after.files(table)):
        return _count(database, table, before) + _count(database, table, after)
    old, new = (f"SELECT * EXCLUDE commit_id FROM {_rows(table, lake)}" for lake in (before, after))  # noqa: S608 -- the same
    return number(database, f"SELECT count(*) FROM (({old} EXCEPT ALL {new}) UNION ALL ({new} EXCEPT ALL {old}))")  # noqa: S608 -- the same


def _rows(table: str, lake: LakeCopy) -> str:
    return f"read_parquet({lake.files(table)}, hive_partitioning = true, hive_types_autocast = false)"
