"""The one query of partials and merging: pieces of the same keys and pane, or session, become one row."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

import duckdb
import pyarrow as pa

from headrace_consumers.windows.declare import Session, Window
from headrace_producers.errors import TerminalError

_held = threading.local()


Lists = Mapping[str, Callable[[pa.ListArray], pa.Array]]


def grouped(window: Window, pieces: pa.Table, measures: Mapping[str, str], lists: Lists) -> pa.Table:
    """Keys, start_us, end_us and the measures (name to SQL), sorted by keys and start. Measures that are lists become
    what `lists` makes of them.

    Pieces hold the keys, start_us, end_us and what measures need; those that lack a key belong to no window.
    """
    keys = [quoted(name) for name in window.by]
    chosen = ["min(start_us) AS start_us", "max(end_us) AS end_us"]
    chosen += [f"{sql} AS {quoted(name)}" for name, sql in measures.items()]
    source = _sessions(window, keys) if isinstance(window, Session) else f"SELECT *, start_us AS pane {_sound(keys)}"
    found = ask(window, pieces, f"""
        SELECT {", ".join([*keys, *chosen])} FROM ({source})
        GROUP BY {", ".join([*keys, "pane"])} ORDER BY {", ".join([*keys, "min(start_us)"])}
    """)  # noqa: S608 -- our own names  # fmt: skip
    columns = {name: found.column(name).combine_chunks() for name in found.column_names}
    return pa.table(columns | {name: become(columns[name]) for name, become in lists.items()})


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


def _sessions(window: Session, keys: list[str]) -> str:
    """Pieces numbered by session: one opens where no earlier piece of its keys reaches to within the gap."""
    partition = f"PARTITION BY {', '.join(keys)}" if keys else ""
    order = f"{partition} ORDER BY start_us, end_us"
    reached = f"max(end_us) OVER ({order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    opens = f"CASE WHEN start_us - {reached} <= {window.gap_us} THEN 0 ELSE 1 END AS opens"
    return f"""
        SELECT *, sum(opens) OVER ({order} ROWS UNBOUNDED PRECEDING) AS pane FROM (SELECT *, {opens} {_sound(keys)})
    """  # noqa: S608 -- our own names


def _sound(keys: list[str]) -> str:
    return "FROM pieces WHERE " + " AND ".join(["true", *(f"{key} IS NOT NULL" for key in keys)])


def _database() -> duckdb.DuckDBPyConnection:
    """One per thread: to open one takes longer than most queries, and none is shared."""
    if not hasattr(_held, "database"):
        _held.database = duckdb.connect(config={"threads": 1})
    database: duckdb.DuckDBPyConnection = _held.database
    return database
