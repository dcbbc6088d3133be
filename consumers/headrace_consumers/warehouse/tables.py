"""Tables and views of the warehouse as values, and their DDL. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from headrace_consumers.warehouse.types import RedshiftType


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column as the warehouse knows it."""

    name: str
    type: RedshiftType
    nullable: bool = True

    def __str__(self) -> str:
        return f"{self.name} {self.type}" + ("" if self.nullable else " NOT NULL")


@dataclass(frozen=True, slots=True)
class StagingTable:
    """A table that loads fill. Its columns are in the order of its files; a table that has grown has new ones last."""

    name: str
    columns: tuple[TableColumn, ...]
    sort_key: tuple[str, ...] = ()
    dist_key: str | None = None
    """None leaves the distribution to Redshift."""

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(map(str, self.columns))})"


@dataclass(frozen=True, slots=True)
class StagingView:
    """A view over tables of staging, bound to none: a table below it can change."""

    name: str
    table: str
    """The one that it reads."""
    select: str


def quoted(name: str) -> str:
    """An identifier, also where it is a word of SQL."""
    return '"' + name.replace('"', '""') + '"'


def create_table_statement(schema: str, table: StagingTable) -> str:
    columns = ",\n".join(f"    {_column_ddl(column)}" for column in table.columns)
    distribution = f"DISTSTYLE KEY DISTKEY ({quoted(table.dist_key)})" if table.dist_key else "DISTSTYLE AUTO"
    sort = f"\nSORTKEY ({', '.join(map(quoted, table.sort_key))})" if table.sort_key else ""
    return f"CREATE TABLE {quoted(schema)}.{quoted(table.name)} (\n{columns}\n)\n{distribution}{sort}"


def add_column_statement(schema: str, table: str, column: str, kind: RedshiftType) -> str:
    """Always nullable: rows loaded before have no value."""
    return f"ALTER TABLE {quoted(schema)}.{quoted(table)} ADD COLUMN {quoted(column)} {kind}"


def widen_column_statement(schema: str, table: str, column: str, kind: RedshiftType) -> str:
    """Redshift runs it outside of transactions only."""
    return f"ALTER TABLE {quoted(schema)}.{quoted(table)} ALTER COLUMN {quoted(column)} TYPE {kind}"


def create_view_statement(schema: str, view: StagingView) -> str:
    return f"CREATE OR REPLACE VIEW {quoted(schema)}.{quoted(view.name)} AS\n{view.select}\nWITH NO SCHEMA BINDING"


def _column_ddl(column: TableColumn) -> str:
    return f"{quoted(column.name)} {column.type}" + ("" if column.nullable else " NOT NULL")
