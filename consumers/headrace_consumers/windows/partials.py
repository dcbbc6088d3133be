"""Rows of a batch to partials: what a window knows of them, small, and mergeable in any order."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace_consumers.windows.declare import Session, Window
from headrace_consumers.windows.grouping import grouped, quoted
from headrace_consumers.windows.histogram import buckets_of, counted
from headrace_consumers.windows.layout import Measured, Part, measured_columns, partial_schema
from headrace_consumers.windows.scaling import is_null, scaled
from headrace_consumers.windows.sketches import countable, sketched
from headrace_producers.contracts import Contract

_FROM_ROWS = {
    Part.COUNT: "count({value})",
    Part.SUM: "coalesce(sum({value}), 0)::DECIMAL(38, 0)",
    Part.SUMSQ: "coalesce(sum({value}::HUGEINT * {value}::HUGEINT), 0)::DECIMAL(38, 0)",
    Part.MIN: "min({value})",
    Part.MAX: "max({value})",
    Part.HIST: "list({bucket}) FILTER ({bucket} IS NOT NULL)",
    Part.CPC: "list(DISTINCT {item}) FILTER ({item} IS NOT NULL)",
}
_LISTED = {Part.HIST: counted, Part.CPC: sketched}


def partials_of(window: Window, contract: Contract, rows: pa.Table) -> pa.Table:
    """Partials (`partial_schema`) of accepted rows: the contract's columns and `event_time`; sorted, one per pane or
    session and key. Late rows must have been left out."""
    measured = measured_columns(window, contract)
    rows = rows.select(list(dict.fromkeys(["event_time", *window.by, *(one.column.name for one in measured)])))
    pieces = _pieces(window, rows.combine_chunks(), measured)
    lists = {one.name(part): _LISTED[part] for one in measured for part in one.parts if part in _LISTED}
    found = grouped(window, pieces, {"events": "count(*)"} | dict(_measures(measured)), lists)
    schema = partial_schema(window, contract)
    return found.select(schema.names).cast(schema)


def _pieces(window: Window, rows: pa.Table, measured: tuple[Measured, ...]) -> pa.Table:
    """Keys, times, and per measured column its scaled integers, buckets and sketchable values."""
    times = _whole(rows, "event_time").cast(pa.int64())
    columns = {name: _whole(rows, name) for name in window.by} | {"start_us": times, "end_us": times}
    if not isinstance(window, Session):
        instants = times.to_numpy()
        columns["start_us"] = pa.array(instants - np.mod(instants, window.pane_us))
        columns["end_us"] = pc.add(columns["start_us"], window.pane_us)
    for one in measured:
        columns |= dict(_values(one, _whole(rows, one.column.name)))
    return pa.table(columns)


def _values(measured: Measured, values: pa.Array) -> Iterator[tuple[str, pa.Array]]:
    name = measured.column.name
    if Part.CPC in measured.parts:
        yield f"{name}__item", countable(measured.column.type, values)
    if measured.parts == (Part.CPC,):
        return
    integers = scaled(measured.column, measured.scale, values)
    yield f"{name}__value", integers
    if Part.HIST in measured.parts:
        buckets = buckets_of(pc.fill_null(integers, 0).to_numpy(zero_copy_only=False))
        yield f"{name}__bucket", pa.array(buckets, mask=is_null(integers))


def _measures(measured: tuple[Measured, ...]) -> Iterator[tuple[str, str]]:
    for one in measured:
        names = {kind: quoted(f"{one.column.name}__{kind}") for kind in ("value", "bucket", "item")}
        for part in one.parts:
            yield one.name(part), _FROM_ROWS[part].format_map(names)


def _whole(rows: pa.Table, name: str) -> pa.Array:
    return rows.column(name).combine_chunks()
