"""Texts to instants and dates, in one reading for every parser: RFC 3339, nothing more."""

from __future__ import annotations

from contextlib import suppress
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from headrace_consumers.stages.schemas import INSTANT
from headrace_producers.contracts import ColumnType

TEXT_TYPES = (ColumnType.DATE, ColumnType.TIMESTAMP)
"""Columns that are read as text first: Arrow's JSON reader takes instants without an offset, and dates as numbers."""

_PLAIN_UTC = len("2013-01-31T23:59:59Z")
_RFC3339 = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})$"
_FINER_THAN_US = r"(\.[0-9]{6})[0-9]+"
_INSTANTS = tuple(
    pa.scalar(value, pa.int64()).cast(INSTANT) for value in (-62_135_596_800_000_000, 253_402_300_799_999_999)
)
_DATES = (pa.scalar(date.min), pa.scalar(date.max))


def cast_text(values: pa.Array | pa.ChunkedArray, kind: ColumnType) -> pa.Array | pa.ChunkedArray:
    """The column in its own type; pa.ArrowInvalid where one text is no instant or date. Fractions of a second finer
    than microseconds are cut off."""
    if kind is ColumnType.TIMESTAMP:
        return within_years(_instants(values), kind)
    return within_years(values.cast(pa.date32()), kind) if kind is ColumnType.DATE else values


def _instants(texts: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    if _all(pc.and_(pc.equal(pc.binary_length(texts), _PLAIN_UTC), pc.ends_with(texts, "Z"))):
        with suppress(pa.ArrowInvalid):
            return texts.cast(INSTANT)
    texts = pc.replace_substring_regex(pc.ascii_upper(texts), _FINER_THAN_US, r"\1")
    if not _all(pc.match_substring_regex(texts, _RFC3339)):
        raise pa.ArrowInvalid("no instant of RFC 3339 with an offset")
    return texts.cast(INSTANT)


def within_years(values: pa.Array | pa.ChunkedArray, kind: ColumnType) -> pa.Array | pa.ChunkedArray:
    """The same instants or dates; pa.ArrowInvalid where one is of no year: Arrow knows a year 0, datetime does not."""
    first, last = _DATES if kind is ColumnType.DATE else _INSTANTS
    found = pc.min_max(values)
    if found["min"].is_valid and not (found["min"].value >= first.value and found["max"].value <= last.value):
        raise pa.ArrowInvalid("beyond the years 1 to 9999")
    return values


def _all(mask: pa.Array | pa.ChunkedArray) -> bool:
    return pc.all(mask, min_count=0).as_py() is not False
