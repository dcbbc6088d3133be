"""NDJSON, and JSON arrays, to columns. Arrow's reader judges whole blocks; only what it refuses is looked at again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from headrace_batch.landing.block import Block, Ints, Lost
from headrace_batch.landing.csv_reading import BLOCK_BYTES, original
from headrace_batch.landing.refusing import Reason, RefusedFileError
from headrace_consumers.landing import LandingSource
from headrace_consumers.stages.explain import MAX_DEPTH, is_deep
from headrace_consumers.stages.hopeless import Number, read_plain_values, repeated
from headrace_consumers.stages.lines import split_packs
from headrace_consumers.stages.parse import RefusedError, read_lines, readable_lines
from headrace_consumers.stages.schemas import arrow_type
from headrace_consumers.stages.typed import TEXT_TYPES
from headrace_producers.contracts import Column, ColumnType

_ELEMENTS = 50_000
_NUMBERS = frozenset({ColumnType.INT64, ColumnType.FLOAT64, ColumnType.DECIMAL})
_INTEGER = re.compile(r"-?[0-9]+")


def read_ndjson(text: bytes, source: LandingSource, block_bytes: int = BLOCK_BYTES) -> Iterator[Block]:
    """Raises RefusedFileError where the last line is but a half."""
    rows = begin = 0
    while begin < len(text):
        end = text.rfind(b"\n", begin, begin + block_bytes) + 1
        end = end or text.find(b"\n", begin + block_bytes) + 1 or len(text)
        block, count = read_lines_block(text[begin:end], source, rows, is_last=end == len(text))
        yield block
        rows, begin = rows + count, end


def read_lines_block(text: bytes, source: LandingSource, first: int, *, is_last: bool) -> tuple[Block, int]:
    """Whole lines, and how many rows they are. Raises RefusedFileError where the file's last line is but a half."""
    lines = split_packs([text])[0]
    block, last = _block(lines, source, first), first + len(lines) - 1
    if is_last and not text.endswith(b"\n") and _is_half(block, last):
        raise RefusedFileError(Reason.HALF, f"the file ends in the middle of row {last}")
    return block, len(lines)


def read_json(text: bytes, source: LandingSource) -> Iterator[Block]:
    """Raises RefusedFileError where the text is no array of JSON."""
    try:
        elements = msgspec.json.decode(text, type=list[msgspec.Raw])
    except (msgspec.MsgspecError, RecursionError) as error:
        if "truncated" in str(error):
            raise RefusedFileError(Reason.HALF, "its JSON ends in the middle") from None
        raise RefusedFileError(Reason.WRONG_FORMAT, "it is not one JSON array of objects") from None
    for begin in range(0, len(elements), _ELEMENTS):
        some = [bytes(element) for element in elements[begin : begin + _ELEMENTS]]
        lines = pa.array([_on_one_line(element) for element in some], pa.large_binary())
        yield _block(lines, source, begin, some)


def _on_one_line(element: bytes) -> bytes:
    """An element is JSON, so its line feeds are white space."""
    return element.replace(b"\r", b" ").replace(b"\n", b" ").strip() + b"\n"


def _block(
    lines: pa.LargeBinaryArray, source: LandingSource, first: int, originals: Sequence[bytes] | None = None
) -> Block:
    columns = {names[0]: source.table.contract.column(ours) for ours, names in source.file_names.items()}
    schema = pa.schema([(name, _read_type(column)) for name, column in columns.items()])
    good = np.arange(len(lines))
    read = partial(read_lines, schema=schema)

    def payload(place: int) -> bytes:
        return originals[place] if originals else original(lines[place].as_py()[:-1], source.form)

    def payloads(chosen: Ints) -> list[bytes]:
        return [payload(place) for place in good[chosen].tolist()]

    try:
        fields = read(lines)
    except RefusedError:
        good = readable_lines(lines, good, read)
        fields = read(lines.take(pa.array(good)))
    bad = np.delete(np.arange(len(lines)), good).tolist()
    lost = [_lost(first + place, lines[place].as_py()[:-1], payload(place), columns) for place in bad]
    return Block(fields, first + good, payloads, lost)


def _read_type(column: Column) -> pa.DataType:
    return pa.string() if column.type in TEXT_TYPES else arrow_type(column)


def _is_half(block: Block, last: int) -> bool:
    return any(lost.row == last and lost.reason == "truncated_json" for lost in block.lost)


def _lost(row: int, line: bytes, payload: bytes, columns: dict[str, Column]) -> Lost:
    reason, field, rule = _fault(line, columns)
    return Lost(row, payload, reason, field, rule)


def _fault(line: bytes, columns: dict[str, Column]) -> tuple[str, str | None, str | None]:
    if is_deep(line):
        return "deep_nesting", None, f"at most {MAX_DEPTH} levels"
    try:
        found = msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return "truncated_json" if "truncated" in str(error) else "malformed_json", None, None
    if not isinstance(found, dict):
        return "not_an_object", None, None
    event = read_plain_values(line)
    if doubled := sorted(repeated(event) & columns.keys()):
        return "duplicate_key", columns[doubled[0]].name, "each field once"
    for name, column in columns.items():
        if (reason := _value_fault(column, event.get(name))) is not None:
            return reason, column.name, column.type.value
    return "unreadable", None, None


def _value_fault(column: Column, value: Any) -> str | None:
    if value is None:
        return None
    if column.type not in _NUMBERS:
        kind = bool if column.type is ColumnType.BOOLEAN else str
        return None if isinstance(value, kind) and not isinstance(value, Number) else "wrong_type"
    if not isinstance(value, Number) or (column.type is ColumnType.INT64 and not _INTEGER.fullmatch(value)):
        return "wrong_type"
    fits = column.type is ColumnType.FLOAT64 or _fits(column, Decimal(value))
    return None if fits else "out_of_range"


def _fits(column: Column, number: Decimal) -> bool:
    if column.type is ColumnType.INT64:
        return -(2**63) <= number < 2**63
    digits, exponent = number.normalize().as_tuple()[1:]
    return -int(exponent) <= column.scale and len(digits) + int(exponent) <= column.precision - column.scale
