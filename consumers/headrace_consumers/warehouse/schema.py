"""The warehouse's schema as it is, and bringing it to what a pipeline wants. Every call blocks on the warehouse."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import tenacity

from headrace_consumers.errors import WarehouseBusyError, WarehouseStatementError
from headrace_consumers.warehouse.bookkeeping import BOOKKEEPING, HEAD, VIEWS
from headrace_consumers.warehouse.changes import Change, CreateSchema, CreateTable, PutHead, WidenColumn
from headrace_consumers.warehouse.plan import Existing, SchemaPlan, Wanted, plan
from headrace_consumers.warehouse.session import WarehouseSession
from headrace_consumers.warehouse.tables import TableColumn, quoted
from headrace_consumers.warehouse.types import parse_type

_COLUMNS = """\
SELECT c.relname, c.relkind, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
WHERE n.nspname = %s AND c.relkind IN ('r', 'v') AND a.attnum > 0 AND NOT a.attisdropped"""
_IN_ORDER = "ORDER BY c.relname, a.attnum"
_BOOKS = frozenset(table.name for table in BOOKKEEPING)
_MADE_MEANWHILE = frozenset({"23505", "42P06", "42P07"})
"""What the loser of two that make the same table or schema is told."""
_ATTEMPTS = 10
"""Beside a loader whose transactions come every few seconds."""


def read_columns(session: WarehouseSession, schema: str, table: str) -> tuple[TableColumn, ...]:
    """The columns of one table, in its order; none where there is no such table."""
    rows = session.query(f"{_COLUMNS} AND c.relname = %s {_IN_ORDER}", schema, table)
    return tuple(_column(name, kind, no_null) for _, _, name, kind, no_null in rows)


def read_existing(session: WarehouseSession, wanted: Wanted) -> Existing:
    """The schemas, and all tables and views of the wanted one."""
    schemas = session.query("SELECT nspname FROM pg_catalog.pg_namespace")
    tables: dict[str, list[TableColumn]] = defaultdict(list)
    views = set()
    for relation, relation_kind, name, kind, no_null in session.query(f"{_COLUMNS} {_IN_ORDER}", wanted.schema):
        if _text(relation_kind) == "v":
            views.add(relation)
        else:
            tables[relation].append(_column(name, kind, no_null))
    made_of = _views_made(session, wanted.schema) if VIEWS.name in tables else {}
    return Existing(
        frozenset(name for (name,) in schemas),
        {name: tuple(columns) for name, columns in tables.items()},
        {name: made_of.get(name, "") for name in views},
        _heads(session, wanted.schema) if HEAD.name in tables else frozenset(),
    )


def read_plan(session: WarehouseSession, wanted: Wanted) -> SchemaPlan:
    return plan(wanted, read_existing(session, wanted))


def _passes_by_itself(error: BaseException) -> bool:
    if isinstance(error, WarehouseStatementError):
        return error.sqlstate in _MADE_MEANWHILE
    return isinstance(error, WarehouseBusyError)


@tenacity.retry(
    retry=tenacity.retry_if_exception(_passes_by_itself),
    stop=tenacity.stop_after_attempt(_ATTEMPTS),
    wait=tenacity.wait_random_exponential(multiplier=0.2, max=10.0),
    reraise=True,
)
def apply(session: WarehouseSession, wanted: Wanted) -> SchemaPlan:
    """Makes all changes that are not refused, and says which they were. Safe beside loaders and beside another `apply`:
    tables change in one transaction, which takes the loader's head first; but for texts that get wider, which Redshift
    does outside of transactions only. Wherever it was interrupted, calling it again goes on.
    """
    found = read_plan(session, wanted)
    if found.changes:
        _lay_foundations(session, found, wanted.pipeline)
        _change_tables(session, wanted)
        _run(session, wanted.schema, (one for one in read_plan(session, wanted).changes if _stands_alone(one)))
    return found


def _lay_foundations(session: WarehouseSession, first: SchemaPlan, pipeline: str) -> None:
    """Schemas, books and the head: what the transaction stands on."""
    for change in first.changes:
        if isinstance(change, CreateSchema) or _is_book(change):
            _run(session, first.schema, [change])
    head = f"{quoted(first.schema)}.{quoted(HEAD.name)}"
    session.begin()
    try:
        session.run(f"LOCK TABLE {head}")
        if pipeline not in _heads(session, first.schema):
            _run(session, first.schema, [PutHead(pipeline)])
        session.commit()
    except BaseException:
        session.rollback()
        raise


def _change_tables(session: WarehouseSession, wanted: Wanted) -> None:
    """A loader may have changed a table since: what is to be done is asked again once the head is ours."""
    head = f"{quoted(wanted.schema)}.{quoted(HEAD.name)}"
    session.begin()
    try:
        session.run(f"UPDATE {head} SET seq = seq + 1 WHERE pipeline = %s", wanted.pipeline)  # noqa: S608
        changes = read_plan(session, wanted).changes
        _run(session, wanted.schema, (one for one in changes if not _stands_alone(one)))
        session.commit()
    except BaseException:
        session.rollback()
        raise


def _run(session: WarehouseSession, schema: str, changes: Iterable[Change]) -> None:
    for change in changes:
        for statement in change.statements(schema):
            session.run(statement)


def _is_book(change: Change) -> bool:
    return isinstance(change, CreateTable) and change.table.name in _BOOKS


def _stands_alone(change: Change) -> bool:
    return isinstance(change, WidenColumn)


def _heads(session: WarehouseSession, schema: str) -> frozenset[str]:
    return frozenset(name for (name,) in session.query(f"SELECT pipeline FROM {quoted(schema)}.{quoted(HEAD.name)}"))  # noqa: S608


def _views_made(session: WarehouseSession, schema: str) -> dict[str, str]:
    rows = session.query(f"SELECT view_name, select_sha256 FROM {quoted(schema)}.{quoted(VIEWS.name)}")  # noqa: S608
    return {row[0]: row[1] for row in rows}


def _column(name: str, kind: str, no_null: object) -> TableColumn:
    return TableColumn(name, parse_type(kind), nullable=not no_null)


def _text(value: object) -> str:
    """The driver gives "char" as bytes or as text."""
    return value.decode() if isinstance(value, bytes) else str(value)
