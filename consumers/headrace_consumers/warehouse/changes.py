"""What can change in the warehouse's schema: each change as a line for people and as SQL. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from headrace_consumers.warehouse.bookkeeping import HEAD, LEDGER, VIEWS
from headrace_consumers.warehouse.tables import (
    StagingTable,
    StagingView,
    TableColumn,
    add_column_statement,
    create_table_statement,
    create_view_statement,
    quoted,
    widen_column_statement,
)
from headrace_consumers.warehouse.types import RedshiftType


@dataclass(frozen=True, slots=True)
class CreateSchema:
    name: str

    def line(self, schema: str) -> str:  # noqa: ARG002 - the seam of all changes
        return f"create schema {self.name}"

    def statements(self, schema: str) -> tuple[str, ...]:  # noqa: ARG002
        return (f"CREATE SCHEMA IF NOT EXISTS {quoted(self.name)}",)


@dataclass(frozen=True, slots=True)
class CreateTable:
    table: StagingTable

    def line(self, schema: str) -> str:
        return f"create table {schema}.{self.table}"

    def statements(self, schema: str) -> tuple[str, ...]:
        return (create_table_statement(schema, self.table),)


@dataclass(frozen=True, slots=True)
class AddColumn:
    table: str
    column: TableColumn

    def line(self, schema: str) -> str:
        return f"add column {schema}.{self.table}.{self.column}"

    def statements(self, schema: str) -> tuple[str, ...]:
        return (add_column_statement(schema, self.table, self.column.name, self.column.type),)


@dataclass(frozen=True, slots=True)
class WidenColumn:
    """Of a text; Redshift runs it outside of transactions only."""

    table: str
    column: str
    before: RedshiftType
    now: RedshiftType

    def line(self, schema: str) -> str:
        return f"widen column {schema}.{self.table}.{self.column} from {self.before} to {self.now}"

    def statements(self, schema: str) -> tuple[str, ...]:
        return (widen_column_statement(schema, self.table, self.column, self.now),)


@dataclass(frozen=True, slots=True)
class PutView:
    """Makes a view, or makes it anew."""

    view: StagingView

    def line(self, schema: str) -> str:
        return f"put view {schema}.{self.view.name}"

    def statements(self, schema: str) -> tuple[str, ...]:
        """The view, and of which SELECT it was made."""
        book = f"{quoted(schema)}.{quoted(VIEWS.name)}"
        return (
            create_view_statement(schema, self.view),
            f"DELETE FROM {book} WHERE view_name = '{self.view.name}'",  # noqa: S608 - names are checked where declared
            f"INSERT INTO {book} (view_name, select_sha256) VALUES ('{self.view.name}', '{sha256_of(self.view)}')",  # noqa: S608
        )


@dataclass(frozen=True, slots=True)
class PutHead:
    """A pipeline's row among the heads; above all that its ledger remembers, for numbers of loads only grow."""

    pipeline: str

    def line(self, schema: str) -> str:
        return f"put the head of pipeline {self.pipeline} into {schema}.{HEAD.name}"

    def statements(self, schema: str) -> tuple[str, ...]:
        head, ledger = (f"{quoted(schema)}.{quoted(table.name)}" for table in (HEAD, LEDGER))
        name = f"'{self.pipeline}'"
        greatest = f"SELECT {name}, coalesce(max(load_seq), 0) FROM {ledger} WHERE pipeline = {name}"  # noqa: S608 - names are checked where declared
        return (f"INSERT INTO {head} (pipeline, seq) {greatest}",)


Change = CreateSchema | CreateTable | AddColumn | WidenColumn | PutView | PutHead


@dataclass(frozen=True, slots=True)
class Refusal:
    """A table, or a view, that stays as it is, because only people may decide what becomes of its rows."""

    name: str
    reasons: tuple[str, ...]

    def line(self, schema: str) -> str:
        return f"refused {schema}.{self.name}: {'; '.join(self.reasons)}"


def sha256_of(view: StagingView) -> str:
    return hashlib.sha256(view.select.encode()).hexdigest()
