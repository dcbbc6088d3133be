"""Partials of any batches, in any order, to one partial per key and pane or session."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from headrace_consumers.windows.declare import Window
from headrace_consumers.windows.grouping import grouped, quoted
from headrace_consumers.windows.histogram import summed
from headrace_consumers.windows.layout import Part, measured_columns, partial_schema
from headrace_consumers.windows.sketches import united
from headrace_producers.contracts import Contract

_FROM_PARTIALS = {
    Part.COUNT: "sum({part})::BIGINT",
    Part.SUM: "sum({part})::DECIMAL(38, 0)",
    Part.SUMSQ: "sum({part})::DECIMAL(38, 0)",
    Part.MIN: "min({part})",
    Part.MAX: "max({part})",
    Part.HIST: "list({part})",
    Part.CPC: "list({part}) FILTER ({part} IS NOT NULL)",
}
_LISTED = {Part.HIST: summed, Part.CPC: united}


def merged(window: Window, contract: Contract, tables: Sequence[pa.Table]) -> pa.Table:
    """The partials (`partial_schema`) of all rows that the tables stand for, sorted by keys and start.

    However the rows were cut, and in whatever order the tables come: the same table. Sessions that are at most the gap
    apart become one.
    """
    schema = partial_schema(window, contract)
    held = [table.select(schema.names).cast(schema) for table in tables]
    return regrouped(window, contract, pa.concat_tables([schema.empty_table(), *held]))


def regrouped(window: Window, contract: Contract, pieces: pa.Table) -> pa.Table:
    """Partials of one key and start become one."""
    parts = {one.name(part): part for one in measured_columns(window, contract) for part in one.parts}
    measures = {name: _FROM_PARTIALS[part].format(part=quoted(name)) for name, part in parts.items()}
    lists = {name: _LISTED[part] for name, part in parts.items() if part in _LISTED}
    found = grouped(window, pieces, {"events": "sum(events)::BIGINT"} | measures, lists)
    schema = partial_schema(window, contract)
    return found.select(schema.names).cast(schema)
