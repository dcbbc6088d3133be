"""What the warehouse's books say has been loaded so far."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from headrace_consumers.commitlog.following import Lineage
from headrace_consumers.commitlog.model import Chain
from headrace_consumers.load.ledger import Books, FileState, Ledger
from headrace_consumers.load.waiting import ChainPosition
from headrace_consumers.records import ROOT
from headrace_consumers.warehouse.redshift import Redshift
from headrace_consumers.warehouse.session import WarehouseSession
from headrace_local.warehouse import warehouse_target


@dataclass(slots=True)
class Loaded:
    """Follows the books: each call blocks on the warehouse and raises its errors."""

    session: WarehouseSession
    ledger: Ledger
    books: Books
    rows: int = 0
    """Of all tables, windows' included."""

    def refresh(self) -> None:
        self.books = self.ledger.read(self.session)
        [(rows,)] = self.session.query(
            f'SELECT coalesce(sum(row_count), 0) FROM "{self.ledger.schema}".loader_ledger'  # noqa: S608 -- our own name
            " WHERE pipeline = %s AND state IN (%s, %s)",
            self.ledger.lineage.pipeline, FileState.LOADED.value, FileState.REPLACED.value,
        )  # fmt: skip
        self.rows = int(rows)

    def reaches(self, tips: Mapping[Chain, int]) -> bool:
        """Whether all that stood in the log up to there was loaded or set aside, at the last `refresh`."""
        return all(_position(self.books.positions.get(chain)) >= tip for chain, tip in tips.items())

    def freshness_p95_s(self, tables: Collection[str]) -> float:
        """From a row's arrival in the stream to the books' word that it is loaded."""
        [(seconds,)] = self.session.query(_freshness(self.ledger.schema, tables))
        return round(float(seconds or 0.0), 1)


@contextmanager
def loaded_so_far(warehouse_url: str, lineage: Lineage) -> Iterator[Loaded]:
    """Of a warehouse whose schema is applied."""
    target = warehouse_target(warehouse_url)
    session = Redshift(target).connect()
    try:
        ledger = Ledger(target.warehouse_schema, lineage)
        yield Loaded(session, ledger, ledger.read(session))
    finally:
        session.close()


def _position(where: ChainPosition | None) -> int:
    return where.position if where else ROOT


def _freshness(schema: str, tables: Collection[str]) -> str:
    rows = " UNION ALL ".join(
        f"SELECT '{table}' AS table_name, commit_id, arrival_time FROM \"{schema}\".{table}"  # noqa: S608 -- our own names
        for table in tables
    )
    return f"""
        SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY datediff(ms, r.arrival_time, l.loaded_at)) / 1000.0
        FROM ({rows}) AS r
        JOIN (
            SELECT commit_id, table_name, max(recorded_at) AS loaded_at FROM "{schema}".loader_ledger
            WHERE state IN ('loaded', 'replaced') GROUP BY commit_id, table_name
        ) AS l ON l.commit_id = r.commit_id AND l.table_name = r.table_name"""  # noqa: S608 -- our own names
