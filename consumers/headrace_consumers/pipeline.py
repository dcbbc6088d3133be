"""The declaration of a pipeline: which stream, which contracts, which tables of the lake, which files land."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from headrace_consumers.grain import Grain
from headrace_consumers.lake_table import LakeTable
from headrace_consumers.landing import LandingSource
from headrace_consumers.windows import Window, check_windows
from headrace_consumers.windows.declare import partials_table
from headrace_producers.errors import SettingsError

__all__ = ["META_COLUMNS", "EventFormat", "Grain", "LakeTable", "Pipeline"]

META_COLUMNS = (
    "event_id", "event_time", "shard_id", "sequence_number", "record_index", "arrival_time", "commit_id",
)  # fmt: skip
"""Columns that Headrace adds to every table; no contract may declare one of them, but for `event_time`
where it is the contract's own event time."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


class EventFormat(StrEnum):
    """How one line of a record is to be read."""

    CLOUDEVENTS = "cloudevents"
    """CloudEvents 1.0 objects; `type` names the contract as `<name>.v<version>`."""
    BARE = "bare"
    """Plain JSON objects of the pipeline's only contract; event ids are derived from the position."""


@dataclass(frozen=True)
class Pipeline:
    """A stream, the contracts of its events and the tables that they fill. Wrong declarations raise SettingsError."""

    name: str
    stream: str
    tables: tuple[LakeTable, ...]
    event_format: EventFormat = EventFormat.CLOUDEVENTS
    max_skew_s: float = 300.0
    """An event further ahead of its arrival than this is a dead letter (`future`)."""
    lane_horizon_s: float = 3600.0
    """How long a silent lane is remembered (H of the idempotent producer)."""
    windows: tuple[Window, ...] = ()
    """Aggregates over event time; the windows service brings them to the curated zone."""
    allowed_lateness_s: float = 3600.0
    """An event further behind the highest event time before it in its shard is late: its row is in the lake, and in no
    window."""
    max_disorder_s: float = 0.0
    """How far a shard's watermark stays behind its highest event time. What comes later than this, and is not late,
    revises windows that are out."""
    landings: tuple[LandingSource, ...] = ()
    """Files that land; one may fill a table of the stream's, too."""

    def __post_init__(self) -> None:
        _check(self)

    @cached_property
    def dead_letter_table(self) -> str:
        return f"{self.name}_dead_letters"

    @cached_property
    def late_table(self) -> str:
        return f"{self.name}_late"

    @cached_property
    def partials_table(self) -> str:
        return partials_table(self.name)

    @cached_property
    def windowed_tables(self) -> frozenset[str]:
        return frozenset(window.table for window in self.windows)

    @cached_property
    def lake_tables(self) -> tuple[LakeTable, ...]:
        """All of the processed zone but the letters: what the stream fills, then what only files fill."""
        landed = {source.table.name: source.table for source in self.landings}
        return (*self.tables, *(table for name, table in landed.items() if name not in _names(self.tables)))

    def table(self, name: str) -> LakeTable:
        return next(table for table in self.lake_tables if table.name == name)

    def landing(self, name: str) -> LandingSource | None:
        return next((source for source in self.landings if source.name == name), None)

    @cached_property
    def tables_by_type(self) -> dict[str, LakeTable]:
        """CloudEvents type (`<name>.v<version>`) to the table that the stream fills."""
        return {table.contract.type: table for table in self.tables}


def _names(tables: Iterable[LakeTable]) -> list[str]:
    return [table.name for table in tables]


def _check(pipeline: Pipeline) -> None:
    where = f"pipeline {pipeline.name!r}"
    for name in (pipeline.name, *_names(pipeline.lake_tables)):
        if not _NAME.fullmatch(name):
            raise SettingsError(f"{where}: {name!r} is no name: lower-case letters, digits and _ please")
    names = _names(pipeline.tables)
    if not names:
        raise SettingsError(f"{where}: declare at least one table")
    added = (pipeline.dead_letter_table, pipeline.late_table, pipeline.partials_table)
    every = _names(pipeline.lake_tables)
    if len({*every, *added}) < len(every) + len(added):
        raise SettingsError(f"{where}: two tables share a name, or one is called as one of {', '.join(added)}")
    if not 0 <= pipeline.max_disorder_s <= pipeline.allowed_lateness_s:
        raise SettingsError(f"{where}: max_disorder_s must lie between 0 and allowed_lateness_s")
    if len(pipeline.tables_by_type) < len(names):
        raise SettingsError(f"{where}: two tables take the same contract; one event fills one table")
    if pipeline.event_format is EventFormat.BARE and len(names) != 1:
        raise SettingsError(f"{where}: bare JSON names no contract, so it takes exactly one table")
    for table in pipeline.lake_tables:
        _check_table(where, table)
    _check_landings(where, pipeline)
    check_windows(pipeline.windows, {table.name: table.contract for table in pipeline.tables})


def _check_landings(where: str, pipeline: Pipeline) -> None:
    names = [source.name for source in pipeline.landings]
    if len({*names}) < len(names):
        raise SettingsError(f"{where}: two landing sources share a name")
    for source in pipeline.landings:
        if pipeline.table(source.table.name) != source.table:
            raise SettingsError(f"{where}: table {source.table.name} is declared twice, and not the same")


def _check_table(where: str, table: LakeTable) -> None:
    contract = table.contract
    columns = {column.name for column in contract.columns}
    taken = columns & {*META_COLUMNS, table.partition_by.column} - {contract.event_time}
    if taken:
        raise SettingsError(f"{where}: table {table.name}: {sorted(taken)} are columns that Headrace adds; rename them")
    if unknown := set(table.sort_by) - columns:
        raise SettingsError(f"{where}: table {table.name}: sort_by names unknown columns {sorted(unknown)}")
