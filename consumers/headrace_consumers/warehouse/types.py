"""Which Redshift type holds which Arrow type, and back from what the warehouse's catalogue calls them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa

from headrace_consumers.stages.schemas import MAX_BYTES_KEY
from headrace_producers.contracts.column import MAX_TEXT_BYTES
from headrace_producers.errors import TerminalError


@dataclass(frozen=True, slots=True)
class RedshiftType:
    """A type as it stands in DDL, such as VARCHAR(64)."""

    name: str
    arguments: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.arguments))})" if self.arguments else self.name

    def holds(self, other: RedshiftType) -> bool:
        """Whether every value of the other type goes into this one as COPY takes it, which converts nothing."""
        if self.name == other.name == "VARCHAR":
            return self.arguments >= other.arguments
        return self == other


_BY_ARROW: dict[pa.DataType, RedshiftType] = {
    pa.int32(): RedshiftType("INTEGER"),
    pa.int64(): RedshiftType("BIGINT"),
    pa.float64(): RedshiftType("DOUBLE PRECISION"),
    pa.bool_(): RedshiftType("BOOLEAN"),
    pa.date32(): RedshiftType("DATE"),
}
_CATALOGUE = {
    "character varying": "VARCHAR",
    "character": "CHAR",
    "numeric": "NUMERIC",
    "timestamp without time zone": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMPTZ",
}
_CATALOGUE_TYPE = re.compile(r"([a-z_ ]+?)\s*(?:\(([0-9, ]+)\))?( with(?:out)? time zone)?")


def varchar(max_bytes: int) -> RedshiftType:
    """Its lengths are bytes."""
    return RedshiftType("VARCHAR", (max_bytes,))


def redshift_type(field: pa.Field) -> RedshiftType:
    """The type for a column of a file; TerminalError names a column that has none.

    Instants are TIMESTAMP, in UTC: COPY writes those of Parquet as they are, and converts nothing.
    """
    kind = field.type
    if pa.types.is_string(kind):
        return varchar(_stated_bytes(field) or MAX_TEXT_BYTES)
    if pa.types.is_decimal128(kind):
        return RedshiftType("NUMERIC", (kind.precision, kind.scale))
    if pa.types.is_timestamp(kind):
        return RedshiftType("TIMESTAMP")
    if kind not in _BY_ARROW:
        raise TerminalError(f"column {field.name}: {kind} has no type in the warehouse")
    return _BY_ARROW[kind]


def takes(column: RedshiftType, field: pa.Field) -> bool:
    """Whether a column takes what a file has in this one. A text whose file states no limit may fit."""
    if pa.types.is_string(field.type) and not _stated_bytes(field):
        return column.name == "VARCHAR"
    return column.holds(redshift_type(field))


def parse_type(text: str) -> RedshiftType:
    """From what format_type says, such as `character varying(64)`; unknown names are kept as they are."""
    found = _CATALOGUE_TYPE.fullmatch(text.strip().lower())
    if found is None:
        return RedshiftType(text.strip().upper())
    name, arguments, zone = found.groups()
    name = f"{name}{zone or ''}"
    numbers = tuple(int(number) for number in (arguments or "").split(",") if number.strip())
    if name.startswith("timestamp"):
        numbers = ()
    return RedshiftType(_CATALOGUE.get(name, name.upper()), numbers)


def _stated_bytes(field: pa.Field) -> int:
    return int((field.metadata or {}).get(MAX_BYTES_KEY.encode(), 0))
