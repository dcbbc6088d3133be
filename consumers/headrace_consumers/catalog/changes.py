"""What can change in the catalog: each change as a line for people, and as what it makes of a table. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from headrace_consumers.catalog.tables import FIRST_COLUMNS, PARQUET, CatalogColumn, CatalogTable, TableName

MAX_NAMED = 3


@dataclass(frozen=True, slots=True)
class CreateDatabase:
    name: str
    description: str

    def line(self) -> str:
        return f"create database {self.name}"


@dataclass(frozen=True, slots=True)
class CreateTable:
    place: TableName
    wanted: CatalogTable

    def line(self) -> str:
        columns = ", ".join(map(str, self.wanted.columns))
        keys = f" by {', '.join(key.name for key in self.wanted.partition_keys)}" if self.wanted.partition_keys else ""
        return f"create table {self.place} ({columns}){keys} at {self.wanted.location}"

    def made(self) -> CatalogTable:
        """It remembers how many columns it began with."""
        parameters = {**self.wanted.parameters, FIRST_COLUMNS: str(len(self.wanted.columns))}
        return replace(self.wanted, parameters=parameters)


@dataclass(frozen=True, slots=True)
class AddColumn:
    """Always last: files that are older have no such column, and readers find null."""

    place: TableName
    column: CatalogColumn

    def line(self) -> str:
        return f"add column {self.place}.{self.column}"

    def on(self, table: CatalogTable) -> CatalogTable:
        return replace(table, columns=(*table.columns, self.column))


@dataclass(frozen=True, slots=True)
class PutComment:
    place: TableName
    column: str
    comment: str

    def line(self) -> str:
        return f"describe column {self.place}.{self.column}: {self.comment or '(nothing)'}"

    def on(self, table: CatalogTable) -> CatalogTable:
        return _with_column(table, self.column, comment=self.comment)


@dataclass(frozen=True, slots=True)
class PutMarks:
    """A column's parameters that Headrace knows; others stay."""

    place: TableName
    column: str
    before: Mapping[str, str]
    now: Mapping[str, str]

    def line(self) -> str:
        return f"mark column {self.place}.{self.column}: {_marks(self.now)}; was: {_marks(self.before)}"

    def on(self, table: CatalogTable) -> CatalogTable:
        here = next(column.parameters for column in table.columns if column.name == self.column)
        kept = {name: value for name, value in here.items() if name not in self.before}
        return _with_column(table, self.column, parameters={**kept, **self.now})


@dataclass(frozen=True, slots=True)
class PutDescription:
    place: TableName
    text: str

    def line(self) -> str:
        return f"describe table {self.place}: {self.text or '(nothing)'}"

    def on(self, table: CatalogTable) -> CatalogTable:
        return replace(table, description=self.text)


@dataclass(frozen=True, slots=True)
class PutParameter:
    """One of a table; None is none."""

    place: TableName
    name: str
    before: str | None
    now: str | None

    def line(self) -> str:
        if self.now is None:
            return f"take {self.name} off {self.place}; was: {self.before}"
        return f"set {self.name} of {self.place}: {self.now}" + (f"; was: {self.before}" if self.before else "")

    def on(self, table: CatalogTable) -> CatalogTable:
        kept = {name: value for name, value in table.parameters.items() if name != self.name}
        return replace(table, parameters=kept if self.now is None else {**kept, self.name: self.now})


@dataclass(frozen=True, slots=True)
class WidenProjection:
    """Athena sees more partitions than before. `outside` are those that it did not see."""

    place: TableName
    name: str
    before: str
    now: str
    outside: tuple[str, ...] = ()

    def line(self) -> str:
        more = f" and {len(self.outside) - MAX_NAMED} more" if len(self.outside) > MAX_NAMED else ""
        unseen = f"; unseen until now: {', '.join(self.outside[:MAX_NAMED])}{more}" if self.outside else ""
        return f"widen projection of {self.place} from {self.before or '(nothing)'} to {self.now}{unseen}"

    def on(self, table: CatalogTable) -> CatalogTable:
        return replace(table, parameters={**table.parameters, self.name: self.now})


@dataclass(frozen=True, slots=True)
class PutFormats:
    place: TableName

    def line(self) -> str:
        return f"read {self.place} as Parquet"

    def on(self, table: CatalogTable) -> CatalogTable:
        return replace(table, formats=PARQUET)


TableChange = AddColumn | PutComment | PutMarks | PutDescription | PutParameter | WidenProjection | PutFormats
Change = CreateDatabase | CreateTable | TableChange


@dataclass(frozen=True, slots=True)
class Refusal:
    """A table that stays as it is, because only people may decide what its readers are to see."""

    place: TableName
    reasons: tuple[str, ...]

    def line(self) -> str:
        return f"refused {self.place}: {'; '.join(self.reasons)}"


def _with_column(
    table: CatalogTable, name: str, *, comment: str | None = None, parameters: Mapping[str, str] | None = None
) -> CatalogTable:
    columns = (
        replace(
            column,
            comment=column.comment if comment is None else comment,
            parameters=column.parameters if parameters is None else parameters,
        )
        if column.name == name
        else column
        for column in table.columns
    )
    return replace(table, columns=tuple(columns))


def _marks(marks: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(marks.items())) or "(nothing)"
