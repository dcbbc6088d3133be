"""Which type of the catalog reads which Arrow type. Pure."""

from __future__ import annotations

import pyarrow as pa

from headrace_producers.errors import TerminalError

_BY_ARROW: dict[pa.DataType, str] = {
    pa.string(): "string",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.float64(): "double",
    pa.bool_(): "boolean",
    pa.date32(): "date",
    pa.binary(): "binary",
}


def catalog_type(field: pa.Field) -> str:
    """The type for a column of a file; TerminalError names a column that has none."""
    kind = field.type
    if pa.types.is_decimal128(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(kind):
        return "timestamp"
    if kind not in _BY_ARROW:
        raise TerminalError(f"column {field.name}: {kind} has no type in the catalog")
    return _BY_ARROW[kind]


def same_type(one: str, other: str) -> bool:
    """Hive's names know neither case nor blanks."""
    return "".join(one.lower().split()) == "".join(other.lower().split())
