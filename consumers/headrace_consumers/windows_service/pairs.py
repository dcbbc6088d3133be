"""Joins, by the database that groups: which rows of one table belong to which of another."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace_consumers.windows.grouping import quoted

Indices = npt.NDArray[np.int64]
WITHIN = "l.start_us >= r.start_us AND l.end_us <= r.end_us"
BEGINS_WITHIN = "l.start_us >= r.start_us AND l.start_us <= r.end_us"
SAME_START = "l.start_us = r.start_us"
_TIMES = ("start_us", "end_us")
_held = threading.local()


def pairs(left: pa.Table, right: pa.Table, keys: Sequence[str], condition: str) -> tuple[Indices, Indices]:
    """Row numbers of `left` and `right`, side by side and in order, where the keys are equal and the condition (on
    `l` and `r`, of their `start_us` and `end_us`) holds. Other columns are not looked at, whatever they weigh."""
    equal = [f"l.{quoted(key)} = r.{quoted(key)}" for key in keys]
    narrow = [*keys, *_TIMES]
    return _joined(left.select(narrow), right.select(narrow), [*equal, condition])


def matches(left: pa.Table, right: pa.Table, keys: Sequence[str], condition: str) -> npt.NDArray[np.bool_]:
    """Which rows of `left` have one of `right`."""
    found = np.zeros(len(left), np.bool_)
    found[pairs(left, right, keys, condition)[0]] = True
    return found


def equals(left: pa.Table, right: pa.Table, keys: Sequence[str]) -> tuple[Indices, Indices]:
    """Row numbers, as of `pairs`, of rows that are equal in each column; the tables have the same ones."""
    equal = [f"l.{quoted(name)} = r.{quoted(name)}" for name in (*keys, *_TIMES)]
    values = (quoted(name) for name in left.column_names if name not in (*keys, *_TIMES))
    return _joined(left, right, [*equal, *(f"l.{name} IS NOT DISTINCT FROM r.{name}" for name in values)])


def _joined(left: pa.Table, right: pa.Table, conditions: Sequence[str]) -> tuple[Indices, Indices]:
    if not (len(left) and len(right)):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    query = f"SELECT l.row_number, r.row_number FROM l JOIN r ON {' AND '.join(conditions)} ORDER BY 1, 2"  # noqa: S608 -- our own names  # fmt: skip
    database = _database()
    database.register("l", _numbered(left))
    database.register("r", _numbered(right))
    try:
        found = database.sql(query).to_arrow_table()
    finally:
        database.unregister("l")
        database.unregister("r")
    return found.column(0).to_numpy(), found.column(1).to_numpy()


def _numbered(table: pa.Table) -> pa.Table:
    return table.append_column("row_number", pa.array(np.arange(len(table))))


def _database() -> duckdb.DuckDBPyConnection:
    """One per thread: none is shared."""
    if not hasattr(_held, "database"):
        _held.database = duckdb.connect(config={"threads": 1})
    database: duckdb.DuckDBPyConnection = _held.database
    return database
