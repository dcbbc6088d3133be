"""The one query of partials and merging: pieces of the same keys and pane, or session, become one row."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

import duckdb
import pyarrow as pa

from headrace_consumers.windows.declare import Window
from headrace_consumers.windows.panes import numbered
from headrace_producers.errors import TerminalError

_held = threading.local()


Lists = Mapping[str, Callable[[pa.ListArray], pa.Array]]


def grouped(window: Window, pieces: pa.Table, measures: Mapping[str, str], lists: Lists) -> pa.Table:
    """Keys, start_us, end_us and the measures (name to SQL), sorted by keys and start. Measures that are lists become
    what `lists` makes of them.

    Pieces hold the keys, start_us, end_us and what measures need; those that lack a key belong to no window.
    """
    pieces, keys = numbered(window, pieces)
    chosen = ["min(start_us) AS start_us", "max(end_us) AS end_us"]
    chosen += [f"{sql} AS {quoted(name)}" for name, sql in measures.items()]
    query = f"SELECT {', '.join(chosen)} FROM pieces GROUP BY pane ORDER BY pane"  # noqa: S608 -- our own names
    found = ask(window, pieces, query)
    columns = {name: found.column(name).combine_chunks() for name in found.column_names}
    columns |= {name: become(columns[name]) for name, become in lists.items()}
    return pa.table({name: keys.column(name) for name in window.by} | columns)


def ask(window: Window, pieces: pa.Table, query: str) -> pa.Table:
    """The answer on the table `pieces`, each column in one chunk; TerminalError when an integer is too great."""
    database = _database()
    database.register("pieces", pieces)
    try:
        return database.sql(query).to_arrow_table().combine_chunks()
    except duckdb.OutOfRangeException as error:
        raise TerminalError(
            f"window {window.name!r}: an integer exceeds its bits, so more than ten billion events came to one window,"
            f" or partials were not made here: {error}"
        ) from None
    finally:
        database.unregister("pieces")


def quoted(name: str) -> str:
    """A column as SQL, whatever it is called."""
    return f'"{name}"'


def _database() -> duckdb.DuckDBPyConnection:
    """One per thread: to open one takes longer than most queries, and none is shared."""
    if not hasattr(_held, "database"):
        _held.database = duckdb.connect(config={"threads": 1})
    database: duckdb.DuckDBPyConnection = _held.database
    return database
