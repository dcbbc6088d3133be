"""The lake against the CSV files: every event once, where it belongs, with the contents of its row."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from headrace_local.flights.data import FlightsData
from headrace_local.flights.oracle import TABLES, expect, load_ids, number
from headrace_local.lake_copy import LakeCopy

DEAD_LETTERS = "flights_dead_letters"
_EVENT_ID = re.compile(rb'"id":"([a-z]+-[0-9]+)"')


@dataclass(frozen=True, slots=True)
class Share:
    """What became of the events of one airport and local month."""

    origin: str
    local_month: str
    sent: int
    rows: int
    dead_letters: int

    @property
    def ok(self) -> bool:
        return self.sent == self.rows + self.dead_letters


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The verdict; every count but the first three must be 0."""

    expected: int
    rows: int
    dead_letters: int
    duplicates: int
    """Appearances beyond the first, over all tables and dead letters."""
    missing: int
    strangers: int
    """Rows or letters whose id was never sent, or cannot be read."""
    differing: int
    """Rows that are not, in every column, what the CSV says; or that stand in the wrong partition."""
    wrong_letters: int
    """Sound events among the dead letters, and corrupted ones among the rows."""
    shares: tuple[Share, ...]
    reasons: Mapping[str, int]

    @property
    def ok(self) -> bool:
        faults = (self.duplicates, self.missing, self.strangers, self.differing, self.wrong_letters)
        balanced = self.expected == self.rows + self.dead_letters and all(share.ok for share in self.shares)
        return balanced and not any(faults)

    def sentence(self) -> str:
        """What differs, for an error message."""
        return (
            f"the lake differs from the source: {self.expected} expected, {self.rows} rows, "
            f"{self.dead_letters} dead letters, {self.duplicates} duplicates, {self.missing} missing, "
            f"{self.strangers} never sent, {self.differing} with other contents, {self.wrong_letters} wrong letters"
        )


def reconcile(data: FlightsData, flights: int, lake: LakeCopy, corrupted: Collection[str] = ()) -> Reconciliation:
    """Compares a copy of the lake with the first `flights` flights (and their weather), of which `corrupted` ids
    were spoilt on their way and must be dead letters."""
    with duckdb.connect() as database:
        expect(database, data, flights)
        _load_lake(database, lake)
        load_ids(database, "corrupted", corrupted)
        return Reconciliation(
            expected=number(database, "SELECT count(*) FROM expected_events"),
            rows=number(database, "SELECT count(*) FROM row_ids"),
            dead_letters=number(database, "SELECT count(*) FROM letters"),
            duplicates=number(database, "SELECT count(*) - count(DISTINCT event_id) FROM seen WHERE event_id <> ''"),
            missing=number(database, "SELECT count(*) FROM expected_events ANTI JOIN seen USING (event_id)"),
            strangers=number(database, "SELECT count(*) FROM seen ANTI JOIN expected_events USING (event_id)"),
            differing=sum(_differing(database, table) for table in TABLES),
            wrong_letters=number(database, _WRONG_LETTERS),
            shares=tuple(Share(*row) for row in database.execute(_SHARES).fetchall()),
            reasons=dict(database.execute("SELECT reason, count(*) FROM letters GROUP BY 1 ORDER BY 1").fetchall()),
        )


def _load_lake(database: duckdb.DuckDBPyConnection, lake: LakeCopy) -> None:
    for table in TABLES:
        database.execute(f"CREATE TABLE {table} AS {_source(table, lake)}")
    parts = " UNION ALL ".join(f"SELECT event_id FROM {table}" for table in TABLES)  # noqa: S608 -- our own names
    database.execute(f"CREATE VIEW row_ids AS {parts}")
    letters = database.execute(_source(DEAD_LETTERS, lake)).fetchall()
    ids = pa.array([_letter_id(payload) for _, payload in letters], pa.string())
    reasons = pa.array([reason for reason, _ in letters], pa.string())
    database.register("letters", pa.table({"event_id": ids, "reason": reasons}))
    database.execute("CREATE VIEW seen AS SELECT event_id FROM row_ids UNION ALL SELECT event_id FROM letters")


def _source(table: str, lake: LakeCopy) -> str:
    """A query on a table's files; on a table of the same columns without rows where it has no files."""
    columns = "reason, payload" if table == DEAD_LETTERS else "*"
    if files := lake.files(table):
        read = f"read_parquet({files}, hive_partitioning = true, hive_types_autocast = false)"
        return f"SELECT {columns} FROM {read}"  # noqa: S608 -- our own paths
    if table == DEAD_LETTERS:
        return "SELECT '' AS reason, ''::BLOB AS payload WHERE false"
    return f"SELECT *, '' AS event_month FROM expected_{table} WHERE false"  # noqa: S608 -- our own names


def _letter_id(payload: bytes) -> str:
    found = _EVENT_ID.search(payload)
    return found[1].decode() if found else ""


def _differing(database: duckdb.DuckDBPyConnection, table: str) -> int:
    """Each column of the CSV's row beside the lake's; the partition beside the event time."""
    columns = [str(name) for name, *_ in database.execute(f"DESCRIBE expected_{table}").fetchall()]
    time = {"flights_departed": "departed_at", "flights_cancelled": "scheduled_at"}.get(table, "observed_at")
    listed = ", ".join(columns)
    return number(database, f"""
        SELECT count(*) FROM (
            SELECT DISTINCT {listed}, event_month FROM {table}
            EXCEPT SELECT {listed}, strftime({time}, '%Y-%m') FROM expected_{table}
        )""")  # noqa: S608 -- our own names  # fmt: skip


_WRONG_LETTERS = """
SELECT (SELECT count(*) FROM (SELECT DISTINCT event_id FROM letters) ANTI JOIN corrupted USING (event_id))
     + (SELECT count(*) FROM (SELECT DISTINCT event_id FROM row_ids) SEMI JOIN corrupted USING (event_id))
"""
_SHARES = """
WITH tally AS (
    SELECT origin, local_month, count(*) AS sent FROM expected_events GROUP BY ALL
), held AS (
    SELECT origin, local_month, count(*) FILTER (kind = 'row') AS row_count,
        count(*) FILTER (kind = 'letter') AS letter_count
    FROM (SELECT event_id, 'row' AS kind FROM row_ids UNION ALL SELECT event_id, 'letter' FROM letters)
    JOIN expected_events USING (event_id) GROUP BY ALL
)
SELECT origin, local_month, sent, coalesce(row_count, 0), coalesce(letter_count, 0)
FROM tally LEFT JOIN held USING (origin, local_month) ORDER BY ALL
"""
