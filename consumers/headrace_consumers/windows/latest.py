"""What a reader of the curated zone wants of a window: the last row of each, as SQL. Pure."""

from __future__ import annotations

from headrace_consumers.windows.declare import Window
from headrace_consumers.windows.grouping import quoted

_AGE = quoted("_age")
"""How many revisions lie above a row, and one. No key and no aggregate can be called so."""


def latest_rows(window: Window, source: str = "") -> str:
    """A SELECT of the keys, window_start, window_end, events and aggregates: per key and start the last final row,
    and none where that is a tombstone.

    `source` is what follows FROM, taken as it is; without it a table of the window's name. DuckDB, Athena and Redshift
    take the same text, and a filter on a key or on window_start reaches the files.
    """
    columns = ", ".join(map(quoted, (*window.by, "window_start", "window_end", "events", *window.aggregates)))
    place = ", ".join(map(quoted, (*window.by, "window_start")))
    return f"""\
SELECT {columns}
FROM (
    SELECT
        {columns}, "deleted",
        row_number() OVER (PARTITION BY {place} ORDER BY "revision" DESC) AS {_AGE}
    FROM {source or quoted(window.name)}
    WHERE NOT "early"
) AS final_rows
WHERE {_AGE} = 1 AND NOT "deleted\""""  # noqa: S608 -- names are checked where they are declared
