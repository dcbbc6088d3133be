"""Staging against the CSV files, row by row, and its views of windows against the curated zone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import duckdb

from headrace_consumers.warehouse.staging import view_name
from headrace_consumers.windows import Window
from headrace_consumers.windows.latest import latest_rows
from headrace_local.flights.data import FlightsData
from headrace_local.flights.oracle import TABLES, expect_sound, number
from headrace_local.lake_copy import LakeCopy
from headrace_local.pipelines import flights as pipeline


@dataclass(frozen=True, slots=True)
class WarehouseVerdict:
    """Every count but the first two must be 0, and those be the same."""

    expected: int
    loaded: int
    duplicates: int
    missing: int
    strangers: int
    """Rows whose id was never sent, or was spoilt on its way."""
    differing: int
    """Rows that are not, in every column, what the CSV says."""
    unequal: int
    """Carriers and local months, airports and local months for the weather, that count other rows than the CSV."""
    windows_wrong: int
    """Last states of windows that only staging has, or only the curated zone."""

    @property
    def ok(self) -> bool:
        faults = (self.duplicates, self.missing, self.strangers, self.differing, self.unequal, self.windows_wrong)
        return self.expected == self.loaded and not any(faults)

    def sentence(self) -> str:
        """What differs, for an error message."""
        return (
            f"the warehouse differs from the source: {self.expected} rows expected, {self.loaded} in staging, "
            f"{self.duplicates} duplicates, {self.missing} missing, {self.strangers} never sent, "
            f"{self.differing} with other contents, {self.unequal} carriers and months with other counts; "
            f"{self.windows_wrong} windows are not as in the lake"
        )


def reconcile_warehouse(
    data: FlightsData, flights: int, staging: LakeCopy, curated: LakeCopy, corrupted: Collection[str] = ()
) -> WarehouseVerdict:
    """Compares a copy of staging with the first `flights` flights (and their weather) without `corrupted` ids, and its
    views with a copy of the curated zone."""
    with duckdb.connect() as database:
        expect_sound(database, data, flights, corrupted)
        for table in TABLES:
            database.execute(f"CREATE TABLE {table} AS {_staged(table, staging)}")
        for name, prefix in (("sound_ids", "sound_"), ("row_ids", "")):
            parts = " UNION ALL ".join(f"SELECT event_id FROM {prefix}{table}" for table in TABLES)  # noqa: S608 -- our own names
            database.execute(f"CREATE VIEW {name} AS {parts}")
        return WarehouseVerdict(
            expected=number(database, "SELECT count(*) FROM sound_ids"),
            loaded=number(database, "SELECT count(*) FROM row_ids"),
            duplicates=number(database, "SELECT count(*) - count(DISTINCT event_id) FROM row_ids"),
            missing=number(database, "SELECT count(*) FROM sound_ids ANTI JOIN row_ids USING (event_id)"),
            strangers=number(database, "SELECT count(*) FROM row_ids ANTI JOIN sound_ids USING (event_id)"),
            differing=sum(_differing(database, table) for table in TABLES),
            unequal=sum(_unequal(database, table) for table in TABLES),
            windows_wrong=sum(_wrong(database, window, staging, curated) for window in pipeline.windows),
        )


def _staged(table: str, staging: LakeCopy) -> str:
    if files := staging.files(table):
        return f"SELECT * FROM read_parquet({files})"  # noqa: S608 -- our own paths
    return f"SELECT * FROM expected_{table} WHERE false"  # noqa: S608 -- our own names


def _differing(database: duckdb.DuckDBPyConnection, table: str) -> int:
    columns = ", ".join(str(name) for name, *_ in database.execute(f"DESCRIBE expected_{table}").fetchall())
    return number(database, f"""
        SELECT count(*) FROM (
            SELECT {columns} FROM {table} EXCEPT SELECT {columns} FROM sound_{table}
        )""")  # noqa: S608 -- our own names  # fmt: skip


def _unequal(database: duckdb.DuckDBPyConnection, table: str) -> int:
    who = "origin" if table == "weather_hourly" else "carrier"
    tally = f"SELECT {who} AS who, strftime(local_date, '%Y-%m') AS local_month, count(*) AS tally"
    return number(database, f"""
        SELECT count(*) FROM ({tally} FROM {table} GROUP BY ALL) AS found
        FULL JOIN ({tally} FROM sound_{table} GROUP BY ALL) AS sent USING (who, local_month)
        WHERE found.tally IS DISTINCT FROM sent.tally""")  # noqa: S608 -- our own names  # fmt: skip


def _wrong(database: duckdb.DuckDBPyConnection, window: Window, staging: LakeCopy, curated: LakeCopy) -> int:
    """The lake's own last rows are what the view must show, value for value."""
    views, rows = staging.files(view_name(window)), curated.files(window.name)
    if not rows:
        return number(database, f"SELECT count(*) FROM read_parquet({views})") if views else 0  # noqa: S608 -- our own paths
    final = latest_rows(window, f"read_parquet({rows}, union_by_name = true)")
    shown = f"SELECT * FROM read_parquet({views})" if views else f"SELECT * FROM ({final}) WHERE false"  # noqa: S608 -- our own paths
    database.execute(f"CREATE OR REPLACE TABLE final AS {final}")
    database.execute(f"CREATE OR REPLACE TABLE shown AS {shown}")
    lacking = number(database, "SELECT count(*) FROM (FROM final EXCEPT ALL FROM shown)")
    surplus = number(database, "SELECT (SELECT count(*) FROM shown) - (SELECT count(*) FROM final)")
    return max(lacking, lacking + surplus)
