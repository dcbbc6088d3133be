"""The declaration of a transform, beside the pipeline that it reads."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import pyarrow as pa

from headrace_consumers.grain import Grain
from headrace_consumers.pipeline import Pipeline
from headrace_consumers.stages.schemas import INSTANT, table_schema
from headrace_consumers.windows_service.files import state_table
from headrace_producers.errors import SettingsError

Function = Callable[[pa.Table], pa.Table]
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_SPARK = {
    pa.string(): "string", pa.int64(): "bigint", pa.int32(): "int", pa.float64(): "double", pa.bool_(): "boolean",
    pa.date32(): "date", INSTANT: "timestamp", pa.binary(): "binary",
}  # fmt: skip
TABLE, EVENT_ID, EVENT_TIME = "table", "event_id", "event_time"
_GIVEN = pa.schema([(TABLE, pa.string()), (EVENT_ID, pa.string()), (EVENT_TIME, INSTANT)])
PARTITION = "headrace_partition"
"""Rows on their way to their file have it; no result may."""


@dataclass(frozen=True)
class Transform:
    """A table of the curated zone, computed by `function` from one group of rows at a time. Wrong declarations raise
    SettingsError."""

    name: str
    """Of the table too."""
    pipeline: Pipeline
    sources: tuple[str, ...]
    """Tables of the processed zone."""
    columns: tuple[str, ...]
    """That the function sees, beside `table`, `event_id` and `event_time`: null where a source has no such column."""
    group_by: tuple[str, ...]
    """Some of them. Rows that have a null there are in no group."""
    function: Function
    """Given one group, sorted by event time, it returns rows of `schema`. It runs where Spark's tasks do, and must give
    the same for the same rows."""
    schema: pa.Schema
    time: str
    """The column of the result, a date or an instant, by which its rows are partitioned."""
    partition_by: Grain = Grain.MONTH
    sort_by: tuple[str, ...] = ()
    """Columns by which rows of a file are sorted before their time."""
    before: timedelta = timedelta()
    """How far back the rows of a group must reach for its results to be right: so much is read before the first
    partition that is computed."""

    def __post_init__(self) -> None:
        _check(self)

    @cached_property
    def given(self) -> pa.Schema:
        """Of the table that the function gets."""
        known = [table_schema(self.pipeline.table(name)) for name in self.sources]
        found = [next(one.field(name).type for one in known if name in one.names) for name in self.columns]
        return pa.schema([*_GIVEN, *map(pa.field, self.columns, found)])

    @property
    def returned(self) -> pa.Schema:
        """Of its result with the partition."""
        return self.schema.append(pa.field(PARTITION, pa.string()))


def spark_schema(schema: pa.Schema) -> str:
    """As Spark writes schemas. Raises SettingsError where it has no such type."""
    return ", ".join(f"`{field.name}` {_spark_type(field)}" for field in schema)


def _spark_type(field: pa.Field) -> str:
    if pa.types.is_decimal128(field.type):
        return f"decimal({field.type.precision},{field.type.scale})"
    if field.type not in _SPARK:
        raise SettingsError(f"column {field.name!r}: Spark brings no {field.type}")
    return _SPARK[field.type]


def _check(transform: Transform) -> None:
    where, pipeline = f"transform {transform.name!r}", transform.pipeline
    if not _NAME.fullmatch(transform.name):
        raise SettingsError(f"{where}: that is no name: lower-case letters, digits and _ please")
    if transform.name in _taken(pipeline):
        raise SettingsError(f"{where}: pipeline {pipeline.name} has a table of this name")
    tables = {table.name for table in pipeline.lake_tables}
    if not transform.sources or (unknown := {*transform.sources} - tables):
        wrong = f"unknown sources {sorted(unknown)}" if transform.sources else "no sources"
        raise SettingsError(f"{where}: {wrong}; pipeline {pipeline.name} has {', '.join(sorted(tables))}")
    if not transform.group_by or {*transform.group_by} - {*transform.columns, TABLE}:
        raise SettingsError(f"{where}: group_by must name some of its columns")
    _check_columns(where, transform)
    _check_result(where, transform)


def _taken(pipeline: Pipeline) -> set[str]:
    tables = (*(table.name for table in pipeline.lake_tables), *(window.name for window in pipeline.windows))
    added = (pipeline.dead_letter_table, pipeline.late_table, pipeline.partials_table)
    return {*tables, *added, pipeline.name, state_table(pipeline.name)}


def _check_columns(where: str, transform: Transform) -> None:
    known = [table_schema(transform.pipeline.table(name)) for name in transform.sources]
    for column in transform.columns:
        types = {schema.field(column).type for schema in known if column in schema.names}
        if len(types) != 1 or column in _GIVEN.names:
            wrong = "is of several types" if types else "is in no source"
            raise SettingsError(f"{where}: column {column!r} {'is given anyway' if column in _GIVEN.names else wrong}")
    spark_schema(transform.given)


def _check_result(where: str, transform: Transform) -> None:
    schema = transform.schema
    if PARTITION in schema.names:
        raise SettingsError(f"{where}: {PARTITION!r} is a column that Headrace adds; rename it")
    kind = schema.field(transform.time).type if transform.time in schema.names else None
    if kind not in (pa.date32(), INSTANT):
        raise SettingsError(f"{where}: {transform.time!r} must be a column of its result, a date or an instant of UTC")
    if missing := {*transform.sort_by} - {*schema.names}:
        raise SettingsError(f"{where}: sort_by names unknown columns {sorted(missing)}")
    if transform.before < timedelta():
        raise SettingsError(f"{where}: `before` must not be negative")
    spark_schema(schema)
