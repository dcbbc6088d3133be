"""Merged partials to the rows that readers get."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace_consumers.windows.declare import Aggregate, AggregateKind, Hopping, Window
from headrace_consumers.windows.grouping import ask, quoted
from headrace_consumers.windows.histogram import quantiles
from headrace_consumers.windows.layout import Measured, Part, finished_schema, measured_columns
from headrace_consumers.windows.merging import regrouped
from headrace_consumers.windows.scaling import as_decimal
from headrace_consumers.windows.sketches import estimates
from headrace_producers.contracts import Contract

_EXTREMES = {AggregateKind.MINIMUM: Part.MIN, AggregateKind.MAXIMUM: Part.MAX}


def finished(
    window: Window, contract: Contract, panes: pa.Table, starts: Sequence[int] | pa.Array | None = None
) -> pa.Table:
    """The windows (`finished_schema`) of merged partials, sorted by keys and start; only those that begin at one of
    `starts` (microseconds) where these are given. A hopping window lacks what its panes lack: give it all of them."""
    chosen = _windows(window, contract, panes, None if starts is None else pa.array(starts, pa.int64()))
    schema = finished_schema(window, contract)
    measured = {one.column.name: one for one in measured_columns(window, contract)}
    columns = {name: chosen.column(name) for name in (*window.by, "events")}
    columns |= {"window_start": chosen.column("start_us"), "window_end": chosen.column("end_us")}
    columns |= _means_and_variances(window, chosen, measured)
    for name, aggregate in window.aggregates.items():
        if name not in columns:
            columns[name] = _column(aggregate, chosen, measured, schema.field(name).type)
    return pa.table([columns[name] for name in schema.names], names=schema.names).cast(schema)


def _windows(window: Window, contract: Contract, panes: pa.Table, starts: pa.Array | None) -> pa.Table:
    if isinstance(window, Hopping) and window.panes > 1:
        return regrouped(window, contract, _starting(_hopped(window, panes), starts))
    return _starting(panes, starts).combine_chunks()


def _starting(pieces: pa.Table, starts: pa.Array | None) -> pa.Table:
    return pieces if starts is None else pieces.filter(pc.is_in(pieces.column("start_us"), value_set=starts))


def _hopped(window: Hopping, panes: pa.Table) -> pa.Table:
    """Each pane once for each window that it is part of."""
    hops = np.tile(np.arange(window.panes) * window.pane_us, len(panes))
    pieces = panes.take(pa.array(np.repeat(np.arange(len(panes)), window.panes)))
    starts = pc.subtract(pieces.column("start_us"), pa.array(hops))
    ends = pc.add(starts, window.panes * window.pane_us)
    for name, values in (("start_us", starts), ("end_us", ends)):
        pieces = pieces.set_column(pieces.schema.get_field_index(name), panes.schema.field(name), values)
    return pieces


def _column(
    aggregate: Aggregate, panes: pa.Table, measured: dict[str, Measured], kind: pa.DataType
) -> pa.Array | pa.ChunkedArray:
    if aggregate.column is None:
        return panes.column("events")
    one = measured[aggregate.column]
    if aggregate.kind is AggregateKind.DISTINCT:
        return estimates(_part(panes, one, Part.CPC))
    if aggregate.q is not None:
        return pc.divide(quantiles(_part(panes, one, Part.HIST), aggregate.q), 10.0**one.scale)
    if aggregate.kind in _EXTREMES:
        return _unscaled(_part(panes, one, _EXTREMES[aggregate.kind]), one.scale, kind)
    is_there = pc.greater(_part(panes, one, Part.COUNT), 0)
    return _unscaled(pc.if_else(is_there, _part(panes, one, Part.SUM), None), one.scale, kind)


def _unscaled(integers: pa.Array, scale: int, kind: pa.DataType) -> pa.Array:
    if pa.types.is_decimal(kind):
        return as_decimal(integers, kind)
    return pc.divide(integers.cast(kind), 10.0**scale) if pa.types.is_floating(kind) else integers.cast(kind)


def _part(panes: pa.Table, measured: Measured, part: Part) -> pa.Array:
    return panes.column(measured.name(part)).combine_chunks()


def _means_and_variances(window: Window, panes: pa.Table, measured: dict[str, Measured]) -> dict[str, pa.ChunkedArray]:
    """128-bit arithmetic, which only the database has."""
    expressions = {
        name: _SQL[one.kind].format_map(_names(measured[one.column]))
        for name, one in window.aggregates.items()
        if one.column is not None and one.kind in _SQL
    }
    if not expressions:
        return {}
    chosen = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in expressions.items())
    found = ask(window, panes, f"SELECT {chosen} FROM pieces")  # noqa: S608 -- our own names
    return {name: found.column(name) for name in expressions}


def _names(measured: Measured) -> dict[str, str]:
    """Sums as 128-bit integers; the whole mean, and what is left over by it, keep the squares' difference exact."""
    count = quoted(measured.name(Part.COUNT))
    total = f"{quoted(measured.name(Part.SUM))}::HUGEINT"
    mean = f"round({total}::DOUBLE / {count})::HUGEINT"
    return {
        "count": count,
        "total": total,
        "squares": f"{quoted(measured.name(Part.SUMSQ))}::HUGEINT",
        "mean": mean,
        "rest": f"({total} - {count} * {mean})",
        "unit": f"1e{measured.scale}",
    }


_SQL = {
    AggregateKind.MEAN: "CASE WHEN {count} > 0 THEN {total}::DOUBLE / {count} / {unit} END",
    AggregateKind.VARIANCE: """
        CASE WHEN {count} > 1 THEN (
            ({squares} - {count} * {mean} * {mean} - 2 * {mean} * {rest})::DOUBLE
            - {rest}::DOUBLE * {rest}::DOUBLE / {count}
        ) / ({count} - 1) / {unit} / {unit} END
    """,
}
