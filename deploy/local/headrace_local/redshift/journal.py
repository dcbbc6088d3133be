"""What COPY and UNLOAD did, written by a connection of the gateway's own: it outlives the transaction that failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from headrace_local.redshift.admin import Admin
from headrace_local.redshift.copying.failures import LoadError
from headrace_local.redshift.rewrite.plan import literal

Value = str | int | None

_ERROR_COLUMNS: Final = {
    "filename": "file_name",
    "line_number": "line_number",
    "colname": "column_name",
    "type": "column_type",
    "col_length": "column_length",
    "position": "position",
    "raw_line": "raw_line",
    "raw_field_value": "raw_field_value",
    "err_code": "error_code",
    "err_reason": "error_message",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """Who loads or unloads; `began` is PostgreSQL's own time."""

    query_id: int
    session_id: int
    transaction_id: int
    began: str

    def columns(self) -> dict[str, Value]:
        return {
            "query_id": self.query_id,
            "session_id": self.session_id,
            "transaction_id": self.transaction_id,
            "start_time": self.began,
        }


class Journal:
    """Of all clients."""

    def __init__(self, admin: Admin) -> None:
        self._admin = admin

    async def begin(self, session_id: int, transaction_id: int) -> Entry:
        sql = "SELECT nextval('headrace_redshift.query_ids'), clock_timestamp()::timestamp"
        [[query_id, began]] = await self._admin.rows(sql)
        return Entry(int(query_id or 0), session_id, transaction_id, began or "")

    async def write(self, table: str, entry: Entry, columns: Mapping[str, Value]) -> None:
        """A row of `load` or `unload`, which ends now."""
        row = {**entry.columns(), **columns}
        await self._insert(table, [row], end_time="clock_timestamp()::timestamp")

    async def write_errors(self, entry: Entry, table_oid: int, errors: Sequence[LoadError]) -> None:
        rows = [
            {**entry.columns(), "table_id": table_oid}
            | {_ERROR_COLUMNS[name]: value for name, value in error.system_row().items()}
            for error in errors
        ]
        await self._insert("load_error", rows)

    async def write_files(self, entry: Entry, files: Sequence[tuple[str, int, int]]) -> None:
        """Name, bytes and lines of each."""
        rows: list[dict[str, Value]] = [
            {"query_id": entry.query_id, "file_name": name, "bytes": size, "lines": lines}
            for name, size, lines in files
        ]
        await self._insert("load_file", rows, record_time="clock_timestamp()::timestamp")

    async def _insert(self, table: str, rows: Sequence[Mapping[str, Value]], **expressions: str) -> None:
        if not rows:
            return
        names = ", ".join([*rows[0], *expressions])
        values = ", ".join(f"({', '.join([*map(_sql, row.values()), *expressions.values()])})" for row in rows)
        await self._admin.rows(f"INSERT INTO headrace_redshift.{table} ({names}) VALUES {values}")  # noqa: S608 -- literals


def _sql(value: Value) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else literal(value.replace("\0", ""))
