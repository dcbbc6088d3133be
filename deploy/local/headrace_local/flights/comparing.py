"""Two tables of DuckDB beside each other: what was expected and what was found, row by row and column by column."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import duckdb


@dataclass(frozen=True, slots=True)
class TableVerdict:
    """Every count but the first two must be 0, and those be the same."""

    name: str
    expected: int
    rows: int
    missing: int
    surplus: int
    """Rows that are not expected, and appearances beyond the first."""
    differing: int
    """Expected rows that have another value in some column."""
    columns: Mapping[str, int]
    """In how many rows each of those columns differs; one that only one side has differs in all."""

    @property
    def wrong(self) -> int:
        return self.missing + self.surplus + self.differing

    @property
    def ok(self) -> bool:
        return self.expected == self.rows and not self.wrong and not self.columns

    def sentence(self) -> str:
        """What differs, for an error message."""
        columns = ", ".join(f"{name} in {count}" for name, count in self.columns.items())
        return (
            f"{self.name}: {self.expected} rows expected, {self.rows} found, {self.missing} missing, "
            f"{self.surplus} too many, {self.differing} with other contents" + (f" ({columns})" if columns else "")
        )


def compare(
    database: duckdb.DuckDBPyConnection,
    name: str,
    expected: str,
    found: str,
    *,
    key: Sequence[str],
    quantiles: Collection[str] = (),
) -> TableVerdict:
    """Of two tables, of which the first has each key once. Quantiles may be 1% apart, other doubles 1e-9 of the value;
    all else is the same."""
    types, held = _columns(database, expected), _columns(database, found)
    compared = [column for column in types if column in held and column not in key]
    equal = {column: _equal(column, types[column], approximate=column in quantiles) for column in compared}
    both = "e.stands AND f.stands"
    counts = [
        f"count(*) FILTER ({both} AND NOT ({condition}))"
        for condition in (" AND ".join(equal.values()) or "true", *equal.values())
    ]
    row = database.execute(f"""
        SELECT (SELECT count(*) FROM {expected}), (SELECT count(*) FROM {found}),
            count(*) FILTER (f.stands IS NULL), {", ".join(counts)}
        FROM (SELECT *, true AS stands FROM {expected}) AS e FULL JOIN (SELECT *, true AS stands FROM {found}) AS f
            ON {" AND ".join(f"e.{column} = f.{column}" for column in key)}
    """).fetchone()  # noqa: S608 -- our own names
    wanted, rows, missing, differing, *differences = row or ()
    columns = {column: count for column, count in zip(equal, differences, strict=True) if count}
    return TableVerdict(
        name,
        wanted,
        rows,
        missing,
        surplus=rows - (wanted - missing),
        differing=differing,
        columns=columns | dict.fromkeys(sorted(types.keys() ^ held.keys()), rows),
    )


def _columns(database: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    return {str(name): str(kind) for name, kind, *_ in database.execute(f"DESCRIBE {table}").fetchall()}


def _equal(column: str, kind: str, *, approximate: bool) -> str:
    expected, found = f"e.{column}", f"f.{column}"
    if not approximate and kind != "DOUBLE":
        return f"{expected} IS NOT DISTINCT FROM {found}"
    margin = f"0.01 * abs({expected}) + 1e-9" if approximate else f"1e-9 * abs({expected})"
    return f"coalesce(abs({expected} - {found}) <= {margin}, {expected} IS NULL AND {found} IS NULL)"
