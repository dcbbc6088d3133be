"""Columns as lines of CSV, and whether they are texts that a database takes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
from pyarrow import types

_WRITE = pacsv.WriteOptions(include_header=False, quoting_style="needed")
_INVALID_BYTE = re.compile("[\udc80-\udcff]")


def csv_lines(columns: Sequence[Any]) -> bytes:
    """One line a row. Every text is quoted and no null is."""
    sink = pa.BufferOutputStream()
    names = [str(index) for index in range(len(columns))]
    pacsv.write_csv(pa.RecordBatch.from_arrays(columns, names), sink, _WRITE)
    lines: bytes = sink.getvalue().to_pybytes()
    return lines


def is_storable(text: bytes) -> bool:
    """UTF-8 without NUL."""
    if b"\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def as_text(values: Any) -> Any:
    """Texts, or bytes that are said to be texts, as a type that has a CSV form. Nothing is checked."""
    if types.is_string_view(values.type):
        return values.cast(pa.large_string())
    if types.is_binary_view(values.type):
        values = values.cast(pa.large_binary())
    if types.is_large_binary(values.type):
        return values.view(pa.large_string())
    return values.view(pa.string()) if types.is_binary(values.type) else values


def unstorable_rows(texts: Any) -> list[int]:
    return [row for row, text in enumerate(texts) if text.is_valid and not is_storable(_raw(text))]


def replaced(texts: Any, replacement: str) -> Any:
    """Each invalid byte gives way to the replacement, as ACCEPTINVCHARS has it."""
    return pa.array(
        [_replaced(_raw(text), replacement) if text.is_valid else None for text in texts], pa.large_string()
    )


def shown(value: Any) -> str:
    """A value as the system tables keep it."""
    if value.is_valid and hasattr(value, "as_buffer"):
        return _raw(value)[:1024].decode(errors="replace").replace("\0", ".")
    try:
        return str(value)
    except OverflowError:
        # A date or an instant that Python has none for.
        return str(value.value)


def _raw(text: Any) -> bytes:
    raw: bytes = text.as_buffer().to_pybytes()
    return raw


def _replaced(raw: bytes, replacement: str) -> str:
    return _INVALID_BYTE.sub(replacement, raw.decode(errors="surrogateescape"))
