"""The tables of windows: partials, which are committed and merged, and what they are finished to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from headrace_consumers.windows.declare import Aggregate, AggregateKind, Window
from headrace_consumers.windows.units import MAX_SUMMED, scale_of, span_of
from headrace_producers.contracts import Column, ColumnType, Contract
from headrace_producers.contracts.arrow import arrow_type

INSTANT = pa.timestamp("us", "UTC")
HISTOGRAM = pa.map_(pa.int32(), pa.int64())
WHOLE = pa.decimal128(38, 0)


class Part(StrEnum):
    """What partials hold of a column, so that its aggregates merge."""

    COUNT = "count"
    SUM = "sum"
    SUMSQ = "sumsq"
    MIN = "min"
    MAX = "max"
    HIST = "hist"
    CPC = "cpc"


_PARTS = {
    AggregateKind.COUNT: (),
    AggregateKind.TOTAL: (Part.COUNT, Part.SUM),
    AggregateKind.MEAN: (Part.COUNT, Part.SUM),
    AggregateKind.VARIANCE: (Part.COUNT, Part.SUM, Part.SUMSQ),
    AggregateKind.MINIMUM: (Part.MIN,),
    AggregateKind.MAXIMUM: (Part.MAX,),
    AggregateKind.QUANTILE: (Part.HIST,),
    AggregateKind.DISTINCT: (Part.CPC,),
}
_PART_TYPES = {
    Part.COUNT: pa.int64(),
    Part.SUM: WHOLE,
    Part.SUMSQ: WHOLE,
    Part.MIN: pa.int64(),
    Part.MAX: pa.int64(),
    Part.HIST: HISTOGRAM,
    Part.CPC: pa.binary(),
}


@dataclass(frozen=True, slots=True)
class Measured:
    """A column that a window aggregates, and the parts that its aggregates need."""

    column: Column
    scale: int
    parts: tuple[Part, ...]

    def name(self, part: Part) -> str:
        """The column of a partial table."""
        return f"{self.column.name}__{part}"


def measured_columns(window: Window, contract: Contract) -> tuple[Measured, ...]:
    """In the order of the contract, so that the order of aggregates changes no partial."""
    return tuple(_measured(window, contract))


def partial_schema(window: Window, contract: Contract) -> pa.Schema:
    """Keys, the pane (or the session's first and last event time), events, parts.

    Sums of nothing are 0, its extremes and sketches null, its histograms empty.
    """
    parts = [
        pa.field(measured.name(part), _PART_TYPES[part])
        for measured in measured_columns(window, contract)
        for part in measured.parts
    ]
    times = [pa.field(name, pa.int64(), nullable=False) for name in ("start_us", "end_us", "events")]
    return pa.schema([*_keys(window, contract), *times, *parts])


def finished_schema(window: Window, contract: Contract) -> pa.Schema:
    """Keys, the window, events, one column per aggregate."""
    times = [pa.field(name, INSTANT, nullable=False) for name in ("window_start", "window_end")]
    values = [pa.field(name, _finished_type(one, contract)) for name, one in window.aggregates.items()]
    return pa.schema([*_keys(window, contract), *times, pa.field("events", pa.int64(), nullable=False), *values])


def _keys(window: Window, contract: Contract) -> list[pa.Field]:
    return [pa.field(name, arrow_type(contract.column(name)), nullable=False) for name in window.by]


def _measured(window: Window, contract: Contract) -> Iterator[Measured]:
    for column in contract.columns:
        aggregates = [one for one in window.aggregates.values() if one.column == column.name]
        needed = {part for one in aggregates for part in _PARTS[one.kind]}
        if needed:
            scale = next((one.scale for one in aggregates if one.scale is not None), None)
            yield Measured(column, scale_of(column, scale), tuple(part for part in Part if part in needed))


def _finished_type(aggregate: Aggregate, contract: Contract) -> pa.DataType:
    if aggregate.column is None:
        return pa.int64()
    column = contract.column(aggregate.column)
    if aggregate.kind in (AggregateKind.MINIMUM, AggregateKind.MAXIMUM):
        return arrow_type(column)
    if aggregate.kind is AggregateKind.TOTAL and column.type is not ColumnType.FLOAT64:
        fits = column.type is ColumnType.INT64 and span_of(column, None).within(MAX_SUMMED)
        return pa.int64() if fits else pa.decimal128(38, column.scale)
    return pa.float64()
