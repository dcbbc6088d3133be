"""How many rows of each commit a table really holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from headrace_consumers.load.ledger import chunks, marks
from headrace_consumers.stages.schemas import COMMIT_FIELD
from headrace_consumers.warehouse.schema import read_columns
from headrace_consumers.warehouse.session import WarehouseSession
from headrace_consumers.warehouse.tables import quoted


def has_column(session: WarehouseSession, schema: str, table: str, name: str) -> bool:
    return any(column.name == name for column in read_columns(session, schema, table))


def rows_by_commit(
    session: WarehouseSession, schema: str, table: str, commit_ids: Sequence[str]
) -> Counter[str] | None:
    """None where the table is gone, or has lost the column."""
    found: Counter[str] = Counter()
    if not has_column(session, schema, table, COMMIT_FIELD.name):
        return None
    for chunk in chunks(commit_ids):
        rows = session.query(
            f"SELECT commit_id, count(*) FROM {quoted(schema)}.{quoted(table)}"  # noqa: S608
            f" WHERE commit_id IN ({marks(chunk)}) GROUP BY commit_id",
            *chunk,
        )
        found.update({commit_id: int(number) for commit_id, number in rows})
    return found
