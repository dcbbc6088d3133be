"""The tables and views of staging, as the contracts and windows of a pipeline want them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pyarrow as pa

from headrace_consumers.pipeline import LakeTable, Pipeline
from headrace_consumers.stages.schemas import MAX_BYTES_KEY, table_schema
from headrace_consumers.warehouse.bookkeeping import BOOKKEEPING
from headrace_consumers.warehouse.tables import StagingTable, StagingView, TableColumn, quoted
from headrace_consumers.warehouse.types import redshift_type
from headrace_consumers.windows import Window
from headrace_consumers.windows.latest import latest_rows
from headrace_consumers.windows_service.emitting import curated_schema
from headrace_producers.errors import SettingsError

MAX_BYTES_ADDED = {"event_id": 1024, "shard_id": 128, "sequence_number": 128, "commit_id": 64}
"""How wide the texts can be that Headrace adds to every table."""


def staging_tables(pipeline: Pipeline) -> tuple[StagingTable, ...]:
    """One per lake table and per window. SettingsError where names collide."""
    tables = [_event_table(table) for table in pipeline.lake_tables]
    windows = [_window_table(window, pipeline.table(window.table)) for window in pipeline.windows]
    _check_names(pipeline)
    return (*tables, *windows)


def staging_views(pipeline: Pipeline, schema: str) -> tuple[StagingView, ...]:
    """One per window: the last state of each key and window."""
    return tuple(_last_view(window, schema) for window in pipeline.windows)


def view_name(window: Window) -> str:
    return f"{window.name}_last"


def _event_table(table: LakeTable) -> StagingTable:
    contract = table.contract
    sort_key = contract.sort_key or (contract.event_time,)
    return StagingTable(table.name, tuple(_columns(table_schema(table))), sort_key, contract.dist_key)


def _window_table(window: Window, table: LakeTable) -> StagingTable:
    """Its keys are as wide as in the contract: `curated_schema` states types alone."""
    widths = {column.name: column.type for column in _columns(table_schema(table))}
    curated = curated_schema(window, table.contract)
    columns = tuple(
        TableColumn(column.name, widths[column.name], column.nullable) if column.name in window.by else column
        for column in _columns(curated)
    )
    return StagingTable(window.name, columns, ("window_start",))


def _columns(schema: pa.Schema) -> Iterator[TableColumn]:
    for field in schema:
        width = MAX_BYTES_ADDED.get(field.name)
        said = field.with_metadata({**(field.metadata or {}), MAX_BYTES_KEY: str(width)}) if width else field
        yield TableColumn(field.name, redshift_type(said), field.nullable)


def _last_view(window: Window, schema: str) -> StagingView:
    source = f"{quoted(schema)}.{quoted(window.name)}"
    return StagingView(view_name(window), window.name, latest_rows(window, source))


def _check_names(pipeline: Pipeline) -> None:
    tables = [table.name for table in pipeline.lake_tables] + [table.name for table in BOOKKEEPING]
    windows = [name for window in pipeline.windows for name in (window.name, view_name(window))]
    if twice := [name for name, times in Counter([*tables, *windows]).items() if times > 1]:
        raise SettingsError(f"pipeline {pipeline.name!r}: {twice[0]} would be two things in the warehouse; rename one")
