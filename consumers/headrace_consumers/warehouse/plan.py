"""What must change so that the warehouse is as a pipeline wants it, and what only people may decide. Pure.

A table may get nullable columns, always last, and wider texts: rows that are there stay true, and files that are older
still load. All else is refused, for that table alone. Sort and distribution keys are how a table begins; one that is
there keeps its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from headrace_consumers.pipeline import Pipeline
from headrace_consumers.warehouse.bookkeeping import BOOKKEEPING
from headrace_consumers.warehouse.changes import (
    AddColumn,
    Change,
    CreateSchema,
    CreateTable,
    PutHead,
    PutView,
    Refusal,
    WidenColumn,
    sha256_of,
)
from headrace_consumers.warehouse.staging import staging_tables, staging_views
from headrace_consumers.warehouse.tables import StagingTable, StagingView, TableColumn

MODEL_SCHEMAS = ("core", "mart")
"""Of dbt: made here, filled there."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a pipeline wants of the warehouse; `schema` is where its tables are."""

    pipeline: str
    schema: str
    tables: tuple[StagingTable, ...]
    views: tuple[StagingView, ...] = ()

    @property
    def schemas(self) -> tuple[str, ...]:
        return (self.schema, *MODEL_SCHEMAS)


@dataclass(frozen=True, slots=True)
class Existing:
    """What the warehouse has."""

    schemas: frozenset[str] = frozenset()
    tables: Mapping[str, tuple[TableColumn, ...]] = field(default_factory=dict)
    views: Mapping[str, str] = field(default_factory=dict)
    """Name to the SHA-256 of the SELECT that it was made of; empty where none of ours made it."""
    heads: frozenset[str] = frozenset()
    """Pipelines that have their row in the books."""


@dataclass(frozen=True, slots=True)
class SchemaPlan:
    """The difference. `changes` are in the order in which they can be made."""

    schema: str
    changes: tuple[Change, ...] = ()
    refusals: tuple[Refusal, ...] = ()

    def lines(self) -> tuple[str, ...]:
        """For people."""
        return tuple(one.line(self.schema) for one in (*self.changes, *self.refusals))

    def statements(self) -> tuple[str, ...]:
        return tuple(statement for change in self.changes for statement in change.statements(self.schema))


def wanted_of(pipeline: Pipeline, schema: str) -> Wanted:
    """All that the loads of a pipeline need. SettingsError where names collide."""
    return Wanted(pipeline.name, schema, (*BOOKKEEPING, *staging_tables(pipeline)), staging_views(pipeline, schema))


def plan(wanted: Wanted, existing: Existing) -> SchemaPlan:
    """Once its changes are made, the next plan has none, and the same refusals."""
    schemas = [CreateSchema(name) for name in wanted.schemas if name not in existing.schemas]
    found = [_table(table, existing) for table in wanted.tables]
    refused = {one.name for one in found if isinstance(one, Refusal)}
    tables = [change for changes in found if not isinstance(changes, Refusal) for change in changes]
    views = [one for view in wanted.views if view.table not in refused for one in _view(view, existing)]
    heads = [] if wanted.pipeline in existing.heads else [PutHead(wanted.pipeline)]
    return SchemaPlan(
        wanted.schema,
        (*schemas, *tables, *heads, *(view for view in views if isinstance(view, PutView))),
        tuple(one for one in (*found, *views) if isinstance(one, Refusal)),
    )


def _table(wanted: StagingTable, existing: Existing) -> tuple[Change, ...] | Refusal:
    if wanted.name in existing.views:
        return Refusal(wanted.name, ("a view is called so",))
    if wanted.name not in existing.tables:
        return (CreateTable(wanted),)
    here = {column.name: column for column in existing.tables[wanted.name]}
    found = [one for column in wanted.columns for one in _column(wanted.name, column, here.get(column.name))]
    reasons = [one for one in found if isinstance(one, str)]
    names = {column.name for column in wanted.columns}
    reasons += [f"column {name!r} is in the warehouse and not in the contract" for name in here if name not in names]
    return Refusal(wanted.name, tuple(reasons)) if reasons else tuple(one for one in found if not isinstance(one, str))


def _column(table: str, wanted: TableColumn, here: TableColumn | None) -> Iterator[AddColumn | WidenColumn | str]:
    """Changes, and reasons why there can be none."""
    if here is None and wanted.nullable:
        yield AddColumn(table, wanted)
    elif here is None:
        yield f"column {wanted.name!r} takes no null by the contract, and rows that are there would have none"
    else:
        yield from _kept_column(table, wanted, here)


def _kept_column(table: str, wanted: TableColumn, here: TableColumn) -> Iterator[WidenColumn | str]:
    if wanted.nullable and not here.nullable:
        yield f"column {wanted.name!r} takes no null in the warehouse, and may be null by the contract"
    if wanted.type == here.type:
        return
    if wanted.type.name == "VARCHAR" and wanted.type.holds(here.type):
        yield WidenColumn(table, wanted.name, here.type, wanted.type)
    else:
        yield f"column {wanted.name!r} is {here.type} in the warehouse and {wanted.type} in the contract"


def _view(wanted: StagingView, existing: Existing) -> Iterator[PutView | Refusal]:
    if wanted.name in existing.tables:
        yield Refusal(wanted.name, ("a table is called so",))
    elif existing.views.get(wanted.name) != sha256_of(wanted):
        yield PutView(wanted)
