"""Columns as they must stand for Arrow's CSV writer, and the rows that may not be loaded. Pure, whole columns at once.

Arrow quotes every text and no null, and PostgreSQL reads an empty field without quotes as null: so neither the empty
text nor any other can be taken for null.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from headrace_local.redshift.copying.columns import MAX_TEXT_BYTES, RedshiftType
from headrace_local.redshift.copying.lines import as_text

_EPOCH = date(1970, 1, 1)
_FIRST_DAY, _LAST_DAY = (date.min - _EPOCH).days, (date.max - _EPOCH).days
_DAY_S = 86_400
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000}
CSV_OPTIONS = "FORMAT csv, ENCODING 'UTF8'"


class UnfitValueError(ValueError):
    """The value at `row` may not go into the column."""

    def __init__(self, row: int, sentence: str) -> None:
        super().__init__(sentence)
        self.row = row
        self.sentence = sentence


def writable(values: Any, wanted: RedshiftType) -> Any:
    """The values as an array that the CSV writer writes as PostgreSQL reads them. Raises UnfitValueError."""
    plain = values.dictionary_decode() if types.is_dictionary(values.type) else values
    return _WRITABLE.get(wanted.name, _as_it_is)(plain, wanted)


def first_true(mask: Any) -> int:
    """The first row that the mask holds for, or -1."""
    return int(pc.index(mask, True).as_py())


def _as_it_is(values: Any, _: RedshiftType) -> Any:
    return values


def _text(values: Any, wanted: RedshiftType) -> Any:
    texts = as_text(values)
    if wanted.name == "character" and wanted.size is None:
        wanted = RedshiftType(wanted.name, 1)
    _require_short(texts, wanted)
    return texts


def _require_short(values: Any, wanted: RedshiftType) -> None:
    """Bytes are what Redshift counts."""
    lengths = pc.binary_length(values)
    longest = pc.max(lengths).as_py()
    if wanted.size is None or longest is None or longest <= wanted.size:
        return
    row = first_true(pc.greater(lengths, wanted.size))
    raise UnfitValueError(
        row,
        "The length of the data column {column} is longer than the length defined in the table. "
        f"Table: {wanted.size}, Data: {lengths[row]}",
    )


def _date(values: Any, _: RedshiftType) -> Any:
    _require_between(values, values.cast(pa.int32()).cast(pa.int64()), _FIRST_DAY, _LAST_DAY)
    return values


def _instant(values: Any, _: RedshiftType) -> Any:
    """To whole microseconds, without zone: an instant that is adjusted to UTC stands as UTC's wall clock."""
    unit = "us" if values.type.unit == "ns" else values.type.unit
    naive = values.cast(pa.timestamp(unit), safe=False)
    per_s = _PER_SECOND[unit]
    _require_between(values, naive.cast(pa.int64()), _FIRST_DAY * _DAY_S * per_s, (_LAST_DAY + 1) * _DAY_S * per_s - 1)
    return naive


def _zoned_instant(values: Any, wanted: RedshiftType) -> Any:
    return pc.binary_join_element_wise(_instant(values, wanted).cast(pa.string()), "+00", "")


def _require_between(values: Any, numbers: Any, first: int, last: int) -> None:
    found = pc.min_max(numbers).as_py()
    if len(values) == values.null_count or (first <= found["min"] and found["max"] <= last):
        return
    row = first_true(pc.or_(pc.less(numbers, first), pc.greater(numbers, last)))
    raise UnfitValueError(row, "Column {column}: the local Redshift loads the years 1 to 9999 only")


def _bytes(values: Any, wanted: RedshiftType) -> Any:
    """As PostgreSQL's hexadecimal form, all values at once: the digits of one buffer, at twice the offsets."""
    whole = values.cast(pa.large_binary())
    _require_short(whole, wanted)
    _, _, data = whole.buffers()
    offsets = np.frombuffer(whole.buffers()[1], np.int64)[whole.offset : whole.offset + len(whole) + 1]
    digits = pa.py_buffer(memoryview(data or b"").hex().encode())
    doubled = pa.py_buffer((offsets * 2).tobytes())
    valid = pc.is_valid(whole).buffers()[1] if whole.null_count else None
    texts = pa.LargeStringArray.from_buffers(len(whole), doubled, digits, valid)
    return pc.binary_join_element_wise(pa.scalar("\\x", pa.large_string()), texts, pa.scalar("", pa.large_string()))


def _json(values: Any, _: RedshiftType) -> Any:
    """What SERIALIZETOJSON makes of any value."""
    return pa.array([_document(row, value) for row, value in enumerate(values.to_pylist())], pa.large_string())


def _document(row: int, value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str) and len(value.encode()) > MAX_TEXT_BYTES:
        raise UnfitValueError(row, f"Column {{column}}: String value exceeds the max size of {MAX_TEXT_BYTES} bytes")
    text = _dumped(value)
    if "\\u0000" in text:
        raise UnfitValueError(row, "Column {column}: String contains invalid or unsupported UTF8 codepoints")
    return text


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


_WRITABLE: Mapping[str, Callable[[Any, RedshiftType], Any]] = {
    "character varying": _text,
    "character": _text,
    "date": _date,
    "timestamp without time zone": _instant,
    "timestamp with time zone": _zoned_instant,
    "varbyte": _bytes,
    "super": _json,
}
