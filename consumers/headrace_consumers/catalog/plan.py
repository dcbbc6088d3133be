"""What must change so that the catalog is as a pipeline wants it, and what only people may decide. Pure.

A table may get columns, always last, other words and marks, and a wider projection: what its readers ask today they
may ask tomorrow. All else is refused, for that table alone. Parameters that Headrace does not know stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from headrace_consumers.catalog.changes import (
    AddColumn,
    Change,
    CreateDatabase,
    CreateTable,
    PutComment,
    PutDescription,
    PutFormats,
    PutMarks,
    PutParameter,
    Refusal,
    TableChange,
    WidenProjection,
)
from headrace_consumers.catalog.tables import (
    CONTRACT,
    FIRST_COLUMNS,
    PERSONAL,
    PERSONAL_COLUMNS,
    PIPELINE,
    UNIT,
    CatalogColumn,
    CatalogTable,
    TableName,
    Wanted,
    WantedTable,
)
from headrace_consumers.catalog.types import same_type

_OWN_PARAMETERS = (CONTRACT, PERSONAL_COLUMNS)
"""Taken off where they are not wanted any more."""
_OWN_MARKS = (PERSONAL, UNIT)


@dataclass(frozen=True, slots=True)
class Existing:
    """What the catalog has, and which partitions the buckets have."""

    databases: frozenset[str] = frozenset()
    tables: Mapping[TableName, CatalogTable] = field(default_factory=dict)
    folders: Mapping[TableName, Sequence[str]] = field(default_factory=dict)
    """The values of a table's partition column."""


@dataclass(frozen=True, slots=True)
class CatalogPlan:
    """The difference. `changes` are in the order in which they can be made."""

    databases: tuple[str, ...]
    changes: tuple[Change, ...] = ()
    refusals: tuple[Refusal, ...] = ()

    def lines(self) -> tuple[str, ...]:
        """For people."""
        return tuple(one.line() for one in (*self.changes, *self.refusals))


def plan(wanted: Wanted, existing: Existing, now: datetime) -> CatalogPlan:
    """Once its changes are made, the next plan has none, and the same refusals."""
    databases = [
        CreateDatabase(name, text) for name, text in wanted.databases.items() if name not in existing.databases
    ]
    found = [_table(wanted.pipeline, place, table, existing, now) for place, table in wanted.tables.items()]
    changes = [change for one in found if not isinstance(one, Refusal) for change in one]
    return CatalogPlan(
        tuple(wanted.databases), (*databases, *changes), tuple(one for one in found if isinstance(one, Refusal))
    )


def _table(
    pipeline: str, place: TableName, wanted: WantedTable, existing: Existing, now: datetime
) -> tuple[Change, ...] | Refusal:
    here = existing.tables.get(place)
    folders = existing.folders.get(place, ())
    if here is None:
        return (CreateTable(place, _projected(wanted, "", folders, now)),)
    if reasons := tuple(_reasons(pipeline, wanted.table, here)):
        return Refusal(place, reasons)
    return (
        *_columns(place, wanted.table, here),
        *_words(place, wanted.table, here),
        *_parameters(place, wanted, here, folders, now),
    )


def _projected(wanted: WantedTable, stated: str, folders: Sequence[str], now: datetime) -> CatalogTable:
    """With the projection that reaches far enough; `stated` is the range that the table has."""
    if wanted.projection is None:
        return wanted.table
    span = wanted.projection.grown(stated, folders, now)
    return replace(wanted.table, parameters={**wanted.table.parameters, **wanted.projection.parameters(span)})


def _reasons(pipeline: str, wanted: CatalogTable, here: CatalogTable) -> Iterator[str]:
    """Why there can be no change."""
    owner = here.parameters.get(PIPELINE)
    if owner is None:
        yield "Headrace did not make it"
    elif owner != pipeline:
        yield f"it is of the pipeline {owner!r}"
    else:
        yield from _other_place(wanted, here)
        yield from _other_columns(wanted, here)


def _other_place(wanted: CatalogTable, here: CatalogTable) -> Iterator[str]:
    if here.location.rstrip("/") != wanted.location.rstrip("/"):
        yield f"it lies at {here.location}, and files are written to {wanted.location}"
    keys, now = ([(key.name, key.type.lower()) for key in table.partition_keys] for table in (here, wanted))
    if keys != now:
        yield f"it is partitioned by {_list(here.partition_keys)}, and files by {_list(wanted.partition_keys)}"


def _other_columns(wanted: CatalogTable, here: CatalogTable) -> Iterator[str]:
    there = {column.name: column for column in here.columns}
    for column in wanted.columns:
        kind = there[column.name].type if column.name in there else column.type
        if not same_type(kind, column.type):
            yield f"column {column.name!r} is {kind} in the catalog and {column.type} in the contract"
    names = [column.name for column in wanted.columns]
    for name in there:
        if name not in names:
            yield f"column {name!r} is in the catalog and not in the contract"
    first = [column.name for column in here.columns[: _first_columns(here)] if column.name in names]
    if moved := [name for name, other in zip(first, sorted(first, key=names.index), strict=True) if name != other]:
        yield f"columns {', '.join(moved)} stand in another order than in the contract"


def _first_columns(here: CatalogTable) -> int:
    """Later ones are in the order of their coming, which no contract tells."""
    stated = here.parameters.get(FIRST_COLUMNS, "")
    return int(stated) if stated.isdecimal() else 0


def _columns(place: TableName, wanted: CatalogTable, here: CatalogTable) -> Iterator[TableChange]:
    there = {column.name: column for column in here.columns}
    for column in wanted.columns:
        if column.name in there:
            yield from _kept_column(place, column, there[column.name])
    yield from (AddColumn(place, column) for column in wanted.columns if column.name not in there)


def _kept_column(place: TableName, wanted: CatalogColumn, here: CatalogColumn) -> Iterator[TableChange]:
    if wanted.comment != here.comment:
        yield PutComment(place, wanted.name, wanted.comment)
    marks = {name: value for name, value in here.parameters.items() if name in _OWN_MARKS}
    if marks != wanted.parameters:
        yield PutMarks(place, wanted.name, marks, wanted.parameters)


def _words(place: TableName, wanted: CatalogTable, here: CatalogTable) -> Iterator[TableChange]:
    if wanted.description != here.description:
        yield PutDescription(place, wanted.description)
    if wanted.formats != here.formats:
        yield PutFormats(place)


def _parameters(
    place: TableName, wanted: WantedTable, here: CatalogTable, folders: Sequence[str], now: datetime
) -> Iterator[TableChange]:
    range_key = wanted.projection.range_key if wanted.projection else ""
    stated = here.parameters.get(range_key, "")
    parameters = _projected(wanted, stated, folders, now).parameters
    gone = [name for name in _OWN_PARAMETERS if name in here.parameters and name not in parameters]
    yield from (PutParameter(place, name, here.parameters[name], None) for name in gone)
    for name, value in parameters.items():
        before = here.parameters.get(name)
        if before == value:
            continue
        if wanted.projection and name == range_key:
            outside = wanted.projection.outside(stated, folders, now)
            yield WidenProjection(place, name, stated, value, tuple(outside))
        else:
            yield PutParameter(place, name, before, value)


def _list(columns: Sequence[CatalogColumn]) -> str:
    return ", ".join(map(str, columns)) or "nothing"
