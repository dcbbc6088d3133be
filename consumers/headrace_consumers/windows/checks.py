"""Wrong declarations of windows, each refused with a sentence."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal

from headrace_consumers.windows.declare import Aggregate, AggregateKind, Session, Window
from headrace_consumers.windows.units import MAX_INT64, MAX_SQUARED, NUMBERS, scale_of, span_of
from headrace_producers.contracts import Column, ColumnType, Contract
from headrace_producers.errors import SettingsError

ADDED_COLUMNS = ("window_start", "window_end", "events", "revision", "early", "deleted", "commit_id")
"""Columns that Headrace gives every window."""
PARTIAL_COLUMNS = ("start_us", "end_us")
MAX_SCALE = 18

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


def check_windows(windows: Sequence[Window], contracts: Mapping[str, Contract]) -> None:
    """SettingsError says what is wrong with the first wrong window; `contracts` are those of the lake's tables."""
    names = [window.name for window in windows]
    for name, times in Counter((*names, *contracts)).items():
        if times > 1:
            raise SettingsError(f"window {name!r}: a table, or another window, is called so")
    for window in windows:
        _check(window, contracts)


def _check(window: Window, contracts: Mapping[str, Contract]) -> None:
    where = f"window {window.name!r}"
    if not _NAME.fullmatch(window.name):
        raise SettingsError(f"{where}: this is no name: lower-case letters, digits and _ please")
    if window.table not in contracts:
        raise SettingsError(f"{where}: there is no table {window.table!r}; there are {', '.join(sorted(contracts))}")
    _check_sizes(where, window)
    columns = {column.name: column for column in contracts[window.table].columns}
    _check_keys(where, window, columns)
    for name, aggregate in window.aggregates.items():
        _check_aggregate(f"{where}: {name}", aggregate, columns)
    _check_scales(where, window)
    _check_names(where, window)


def _check_sizes(where: str, window: Window) -> None:
    if isinstance(window, Session):
        if window.gap_s <= 0:
            raise SettingsError(f"{where}: gap_s must be 1 or more")
    elif window.size_s <= 0 or window.pane_us <= 0:
        raise SettingsError(f"{where}: size_s and hop_s must be 1 or more")
    elif window.size_s * 1_000_000 % window.pane_us:
        raise SettingsError(f"{where}: size_s must be a multiple of hop_s")


def _check_keys(where: str, window: Window, columns: Mapping[str, Column]) -> None:
    for name in window.by:
        column = _column(f"{where}: by", name, columns)
        if column.type is ColumnType.FLOAT64:
            raise SettingsError(f"{where}: by: {name} is float64, whose values are no keys; use another type")
        if name in (*ADDED_COLUMNS, *PARTIAL_COLUMNS, window.partition_by.column):
            raise SettingsError(f"{where}: by: {name} is a column that Headrace adds; rename it in the contract")
    if len(set(window.by)) < len(window.by):
        raise SettingsError(f"{where}: by names a column twice")


def _check_names(where: str, window: Window) -> None:
    for name in window.aggregates:
        if not _NAME.fullmatch(name):
            raise SettingsError(f"{where}: {name!r} is no name: lower-case letters, digits and _ please")
        if name in (*ADDED_COLUMNS, window.partition_by.column):
            raise SettingsError(f"{where}: {name} is a column that Headrace adds; call the aggregate something else")
        if name in window.by:
            raise SettingsError(f"{where}: {name} is grouped by; call the aggregate something else")
    aggregated = {aggregate.column for aggregate in window.aggregates.values()}
    for name in window.by:
        head, _, tail = name.rpartition("__")
        if head in aggregated and tail:
            raise SettingsError(f"{where}: by: {name} would clash with a partial of {head}; rename it in the contract")


def _check_aggregate(where: str, aggregate: Aggregate, columns: Mapping[str, Column]) -> None:
    if aggregate.column is None:
        return
    column = _column(where, aggregate.column, columns)
    if aggregate.q is not None and not 0 < aggregate.q < 1:
        raise SettingsError(f"{where}: q must lie between 0 and 1, both excluded")
    if aggregate.kind is AggregateKind.DISTINCT:
        return
    if column.type not in NUMBERS:
        raise SettingsError(f"{where}: {column.name} is {column.type}; {aggregate.kind} needs a number")
    _check_scale(where, aggregate, column)
    _check_range(where, aggregate, column)


def _check_scale(where: str, aggregate: Aggregate, column: Column) -> None:
    if column.type is not ColumnType.FLOAT64:
        if aggregate.scale is not None:
            raise SettingsError(f"{where}: {column.name} is {column.type}; scale is for float64 only, leave it out")
    elif aggregate.scale is None:
        raise SettingsError(f"{where}: {column.name} is float64; state scale=, the digits to keep after the point")
    elif not 0 <= aggregate.scale <= MAX_SCALE:
        raise SettingsError(f"{where}: scale must lie between 0 and {MAX_SCALE}")


def _check_range(where: str, aggregate: Aggregate, column: Column) -> None:
    limit = MAX_SQUARED if aggregate.kind is AggregateKind.VARIANCE else MAX_INT64
    span = span_of(column, aggregate.scale)
    if span.within(limit):
        return
    reach = Decimal(limit).scaleb(-scale_of(column, aggregate.scale))
    raise SettingsError(f"{where}: {_advice(column)}: it may reach from -{reach:,f} to {reach:,f} here")


def _advice(column: Column) -> str:
    if column.type is ColumnType.DECIMAL:
        return f"decimal({column.precision}, {column.scale}) is too wide; state a smaller precision in the contract"
    said = column.constraints
    bounds = {"ge": (said.ge, said.gt, said.allowed), "le": (said.le, said.lt, said.allowed)}
    if lacks := [name for name, stated in bounds.items() if not any(bound is not None for bound in stated)]:
        return f"state {' and '.join(lacks)} of {column.name} in the contract"
    return f"the contract's bounds of {column.name} are too wide; state narrower ones, or a smaller scale"


def _check_scales(where: str, window: Window) -> None:
    """A column has one scaled integer, so that its aggregates share their partials."""
    scales: dict[str, int] = {}
    for aggregate in window.aggregates.values():
        if aggregate.column is None or aggregate.scale is None:
            continue
        if scales.setdefault(aggregate.column, aggregate.scale) != aggregate.scale:
            raise SettingsError(f"{where}: {aggregate.column} has two scales; give all its aggregates the same")


def _column(where: str, name: str, columns: Mapping[str, Column]) -> Column:
    if name not in columns:
        raise SettingsError(f"{where}: there is no column {name!r}; there are {', '.join(columns)}")
    return columns[name]
