"""Columns that Parquet types by itself, to the contract's types: nothing is rounded, nothing guessed."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from headrace_batch.landing.typing_texts import typed_column, where_it_can_be
from headrace_consumers.landing import FileForm
from headrace_consumers.stages.schemas import INSTANT, arrow_type
from headrace_consumers.stages.typed import within_years
from headrace_producers.contracts import Column, ColumnType

_TAKEN: dict[ColumnType, tuple[Callable[[pa.DataType], bool], ...]] = {
    ColumnType.STRING: (),
    ColumnType.BOOLEAN: (pt.is_boolean,),
    ColumnType.INT64: (pt.is_integer, pt.is_floating),
    ColumnType.FLOAT64: (pt.is_floating, pt.is_integer),
    ColumnType.DECIMAL: (pt.is_decimal, pt.is_integer),
    ColumnType.DATE: (pt.is_date,),
    ColumnType.TIMESTAMP: (pt.is_timestamp,),
}
_TEXTS = (pt.is_string, pt.is_large_string, pt.is_string_view)


def is_taken(column: Column, kind: pa.DataType) -> bool:
    """Whether values of this type may be the column's; whole floats are integers, for so some writers keep nulls."""
    kind = kind.value_type if pt.is_dictionary(kind) else kind
    return pt.is_null(kind) or any(is_one(kind) for is_one in (*_TEXTS, *_TAKEN[column.type]))


def converted(column: Column, values: pa.ChunkedArray, form: FileForm) -> pa.Array:
    """As many values, null where one is none of this type. `values` are of a type that `is_taken`."""
    whole = values.combine_chunks()
    if pt.is_dictionary(whole.type):
        whole = whole.dictionary_decode()
    if any(is_text(whole.type) for is_text in _TEXTS):
        return typed_column(column, pa.chunked_array([whole.cast(pa.string())]), form)
    if pt.is_timestamp(whole.type):
        return where_it_can_be(whole, lambda some: _instants(some, form.time_zone))
    return where_it_can_be(whole, lambda some: _cast(some, column))


def _cast(values: pa.Array, column: Column) -> pa.Array:
    found = values.cast(arrow_type(column))
    return within_years(found, ColumnType.DATE) if column.type is ColumnType.DATE else found


def _instants(values: pa.Array, time_zone: str) -> pa.Array:
    """Fractions finer than microseconds are cut off, as they are in texts."""
    finer = values.type.unit == "ns"
    moments = values.cast(pa.timestamp("us", values.type.tz), safe=not finer)
    if values.type.tz is not None:
        return within_years(moments.cast(INSTANT), ColumnType.TIMESTAMP)
    first, last = (
        pc.assume_timezone(moments, time_zone, ambiguous=side, nonexistent=side) for side in ("earliest", "latest")
    )
    found = pc.if_else(pc.equal(first, last), first, pa.scalar(None, first.type)).cast(INSTANT)
    return within_years(found, ColumnType.TIMESTAMP)
