"""The marts as the warehouse has them: tables of one schema, with their columns and what dbt wrote of them."""

from __future__ import annotations

from dataclasses import dataclass

from headrace_consumers.catalog.describe import MAX_COMMENT_BYTES, MAX_DESCRIPTION_BYTES, cut
from headrace_consumers.catalog.tables import CatalogColumn
from headrace_consumers.warehouse.session import WarehouseSession
from headrace_consumers.warehouse.tables import quoted
from headrace_consumers.warehouse.types import RedshiftType, parse_type
from headrace_producers.errors import TerminalError

_COLUMNS = """\
SELECT c.relname, obj_description(c.oid), a.attname, format_type(a.atttypid, a.atttypmod),
    col_description(c.oid, a.attnum)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
WHERE n.nspname = %s AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY c.relname, a.attnum"""
_OF_DBT = "__dbt_"
"""In the names of tables that dbt is about to put in the place of others."""
_TYPES = {
    "VARCHAR": "string",
    "CHAR": "string",
    "TEXT": "string",
    "SMALLINT": "smallint",
    "INTEGER": "int",
    "BIGINT": "bigint",
    "REAL": "float",
    "DOUBLE PRECISION": "double",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
}


@dataclass(frozen=True, slots=True)
class Mart:
    """A table of the marts' schema. Columns have the catalog's types."""

    schema: str
    name: str
    description: str
    columns: tuple[CatalogColumn, ...]

    def select(self) -> str:
        """All columns, in their order."""
        listed = ", ".join(quoted(column.name) for column in self.columns)
        return f"SELECT {listed} FROM {quoted(self.schema)}.{quoted(self.name)}"  # noqa: S608 -- names are quoted


def read_marts(session: WarehouseSession, schema: str) -> tuple[Mart, ...]:
    """By name. TerminalError names a column that no reader of Parquet would get as it is."""
    columns: dict[str, list[CatalogColumn]] = {}
    descriptions: dict[str, str] = {}
    for table, description, name, kind, comment in session.query(_COLUMNS, schema):
        if _OF_DBT not in table:
            descriptions[table] = cut(description or "", MAX_DESCRIPTION_BYTES)
            read_as = _catalog_type(f"{schema}.{table}.{name}", parse_type(kind))
            column = CatalogColumn(name, read_as, cut(comment or "", MAX_COMMENT_BYTES))
            columns.setdefault(table, []).append(column)
    return tuple(Mart(schema, name, descriptions[name], tuple(listed)) for name, listed in columns.items())


def _catalog_type(where: str, kind: RedshiftType) -> str:
    if kind.name == "NUMERIC" and kind.arguments:
        precision, *scale = kind.arguments
        return f"decimal({precision},{scale[0] if scale else 0})"
    if kind.name not in _TYPES:
        raise TerminalError(f"{where} is {kind}, which has no type in the catalog: cast it in its model")
    return _TYPES[kind.name]
