"""Joins, by the database that groups: which rows of one table belong to which of another."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

Indices = npt.NDArray[np.int64]
_held = threading.local()


def pairs(left: pa.Table, right: pa.Table, keys: Sequence[str], condition: str) -> tuple[Indices, Indices]:
    """Row numbers of `left` and `right`, side by side and in order, where the keys are equal and the condition (on
    `l` and `r`, of their `start_us` and `end_us`) holds. Other columns are not looked at, whatever they weigh."""
    if not (len(left) and len(right)):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    equal = [f'l."{key}" = r."{key}"' for key in keys]
    query = f"SELECT l.row_number, r.row_number FROM l JOIN r ON {' AND '.join([*equal, condition])} ORDER BY 1, 2"  # noqa: S608 -- our own names  # fmt: skip
    database = _database()
    database.register("l", _numbered(left, keys))
    database.register("r", _numbered(right, keys))
    try:
        found = database.sql(query).to_arrow_table()
    finally:
        database.unregister("l")
        database.unregister("r")
    return found.column(0).to_numpy(), found.column(1).to_numpy()


def _numbered(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    narrow = table.select([*keys, "start_us", "end_us"])
    return narrow.append_column("row_number", pa.array(np.arange(len(table))))


def _database() -> duckdb.DuckDBPyConnection:
    """One per thread: none is shared."""
    if not hasattr(_held, "database"):
        _held.database = duckdb.connect(config={"threads": 1})
    database: duckdb.DuckDBPyConnection = _held.database
    return database
