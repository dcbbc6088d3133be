"""The tables of the lake as a pipeline's contracts and windows want them in the catalog. Pure.

Partials and the windows' state are nobody's but Headrace's: no table shows them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa

from headrace_consumers.catalog import describe
from headrace_consumers.catalog.projection import Projection, Span, ahead_for, partition_of
from headrace_consumers.catalog.tables import (
    CONTRACT,
    PERSONAL,
    PERSONAL_COLUMNS,
    PIPELINE,
    CatalogColumn,
    CatalogTable,
    TableName,
    Wanted,
    WantedTable,
)
from headrace_consumers.catalog.types import catalog_type
from headrace_consumers.grain import Grain
from headrace_consumers.pipeline import LakeTable, Pipeline
from headrace_consumers.settings import CatalogSettings, LakeSettings
from headrace_consumers.stages.schemas import DEAD_LETTER_SCHEMA, LATE_SCHEMA, RAW_SCHEMA, table_schema
from headrace_consumers.windows import Hopping, Session, Window
from headrace_consumers.windows_service.emitting import curated_schema
from headrace_producers.errors import SettingsError

ARRIVAL_DATE = "arrival_date"
SINCE = date(2000, 1, 1)
HOURS_SINCE = timedelta(days=365)
"""Athena asks S3 for each partition that a query does not exclude, so that long spans of hours are slow."""


def wanted_of(pipeline: Pipeline, lake: LakeSettings, catalog: CatalogSettings, now: datetime) -> Wanted:
    """All tables of all zones. SettingsError says what cannot be."""
    databases = {catalog.database(zone): f"{_ZONES[zone]}, as Headrace's pipelines write them" for zone in lake.buckets}
    tables = {
        TableName(catalog.database(made.zone), made.name): _wanted(pipeline.name, made, lake, catalog, now)
        for made in _tables(pipeline)
    }
    return Wanted(pipeline.name, databases, tables)


_ZONES = {
    "raw": "Records of streams",
    "processed": "Rows of events, dead letters and late events",
    "curated": "Windows and other results",
}


@dataclass(frozen=True, slots=True)
class _LakeFolder:
    """A table as the lake has it: `<name>/<column>=<value>/` in its zone's bucket."""

    zone: str
    name: str
    column: str
    grain: Grain
    columns: tuple[CatalogColumn, ...]
    description: str
    ahead: int = 1
    contract: str = ""


def _tables(pipeline: Pipeline) -> Iterator[_LakeFolder]:
    yield _raw(pipeline)
    yield from (_events(pipeline, table) for table in pipeline.lake_tables)
    yield _dead_letters(pipeline)
    yield _late(pipeline)
    yield from (_window(pipeline, window) for window in pipeline.windows)


def _raw(pipeline: Pipeline) -> _LakeFolder:
    contracts = [table.contract for table in pipeline.tables]
    keyed_by_person = any(contract.column(contract.partition_key).personal for contract in contracts)
    personal = {"data": _has_personal(pipeline), "partition_key": keyed_by_person}
    columns = _added_columns(RAW_SCHEMA, describe.RAW_COLUMNS, personal)
    text = f"Records of the stream {pipeline.stream} as received, those of a day's commits"
    return _LakeFolder("raw", pipeline.name, ARRIVAL_DATE, Grain.DAY, columns, text)


def _dead_letters(pipeline: Pipeline) -> _LakeFolder:
    personal = {"payload": _has_personal(pipeline)}
    columns = _added_columns(DEAD_LETTER_SCHEMA, describe.LETTER_COLUMNS, personal)
    text = f"Events of the pipeline {pipeline.name} that became no row, and why"
    return _LakeFolder("processed", pipeline.dead_letter_table, ARRIVAL_DATE, Grain.DAY, columns, text)


def _late(pipeline: Pipeline) -> _LakeFolder:
    columns = _added_columns(LATE_SCHEMA, describe.LETTER_COLUMNS, {})
    text = f"Events of the pipeline {pipeline.name} that came too late for windows; their rows are in their tables"
    return _LakeFolder("processed", pipeline.late_table, ARRIVAL_DATE, Grain.DAY, columns, text)


def _events(pipeline: Pipeline, table: LakeTable) -> _LakeFolder:
    contract = table.contract
    own = {column.name: column for column in contract.columns}
    columns = tuple(
        describe.of_contract(own[field.name], catalog_type(field))
        if field.name in own
        else describe.described(field.name, catalog_type(field), describe.EVENT_COLUMNS[field.name])
        for field in table_schema(table)
    )
    ahead = ahead_for(pipeline.max_skew_s, table.partition_by)
    return _LakeFolder("processed", table.name, table.partition_by.column, table.partition_by, columns,
                       contract.description, ahead, contract.type)  # fmt: skip


def _window(pipeline: Pipeline, window: Window) -> _LakeFolder:
    contract = pipeline.table(window.table).contract
    columns = tuple(_window_column(pipeline, window, field) for field in curated_schema(window, contract))
    ahead = ahead_for(pipeline.max_skew_s, window.partition_by)
    return _LakeFolder("curated", window.name, window.partition_by.column, window.partition_by, columns,
                       _window_text(window), ahead, contract.type)  # fmt: skip


def _window_column(pipeline: Pipeline, window: Window, field: pa.Field) -> CatalogColumn:
    contract = pipeline.table(window.table).contract
    if field.name in window.by:
        return describe.of_contract(contract.column(field.name), catalog_type(field))
    if field.name in window.aggregates:
        return describe.of_aggregate(field.name, catalog_type(field), window.aggregates[field.name], contract)
    return describe.described(field.name, catalog_type(field), describe.added_to(window)[field.name])


def _window_text(window: Window) -> str:
    by = f" by {', '.join(window.by)}" if window.by else ""
    if isinstance(window, Session):
        return f"Sessions of {window.table}{by}, events at most {window.gap_s} s apart; rows are revisions"
    every = f" every {window.hop_s} s" if isinstance(window, Hopping) else ""
    return f"Windows of {window.size_s} s{every} over {window.table}{by}; rows are revisions"


def _added_columns(
    schema: pa.Schema, texts: Mapping[str, str], personal: Mapping[str, bool]
) -> tuple[CatalogColumn, ...]:
    return tuple(
        describe.described(field.name, catalog_type(field), texts[field.name], personal=personal.get(field.name, False))
        for field in schema
    )


def _has_personal(pipeline: Pipeline) -> bool:
    return any(column.personal for table in pipeline.lake_tables for column in table.contract.columns)


def _wanted(
    pipeline: str, made: _LakeFolder, lake: LakeSettings, catalog: CatalogSettings, now: datetime
) -> WantedTable:
    if any(column.name == made.column for column in made.columns):
        raise SettingsError(f"table {made.name}: its column {made.column!r} is called as its partitions are; "
                            "partition it by another grain")  # fmt: skip
    location = f"s3://{lake.buckets[made.zone]}/{made.name}/"
    personal = ",".join(column.name for column in made.columns if PERSONAL in column.parameters)
    parameters = {"classification": "parquet", PIPELINE: pipeline, CONTRACT: made.contract,
                  PERSONAL_COLUMNS: personal}  # fmt: skip
    key = CatalogColumn(made.column, "string", f"The {made.grain} in UTC: the folder that its file is in")
    table = CatalogTable(
        location,
        made.columns,
        (key,),
        describe.cut(made.description, describe.MAX_DESCRIPTION_BYTES),
        {name: value for name, value in parameters.items() if value},
    )
    span = Span(partition_of(_since(catalog, made.grain, now), made.grain), made.ahead)
    return WantedTable(table, Projection(made.column, made.grain, location, span))


def _since(catalog: CatalogSettings, grain: Grain, now: datetime) -> datetime:
    if catalog.since is None:
        day = (now - HOURS_SINCE).date().replace(day=1) if grain is Grain.HOUR else SINCE
    else:
        day = catalog.since
    if day > now.date():
        raise SettingsError(f"catalog_since {day} lies in the future: nothing would be seen")
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
