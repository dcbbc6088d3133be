"""Columns of texts to the contract's types, in the form that the sender states. A value that is none loses its row,
never its neighbours: what a whole column's cast refuses is judged value by value, each distinct one once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace_batch.landing.moments import has_offset, iso_date, iso_time
from headrace_consumers.landing import FileForm
from headrace_consumers.stages.schemas import INSTANT, arrow_type
from headrace_consumers.stages.typed import cast_text
from headrace_producers.contracts import Column, ColumnType

ISO_DATE = "%Y-%m-%d"
_INTEGER = r"^-?[0-9]+$"
_FLOAT = r"^(?i:[-+]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?|nan|inf|infinity))$"
_DECIMAL = r"^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)$"
_RFC3339 = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})$"
_PATTERNS = {ColumnType.INT64: _INTEGER, ColumnType.FLOAT64: _FLOAT, ColumnType.DECIMAL: _DECIMAL}
_NUMBERS = frozenset(_PATTERNS)

Cast = Callable[[pa.Array], pa.Array]


def typed_column(column: Column, texts: pa.ChunkedArray, form: FileForm) -> pa.Array:
    """As many values, null where a text is none of this type."""
    whole = texts.combine_chunks()
    if column.type is ColumnType.STRING:
        return whole
    cast = _cast(column, form)
    if column.type in _NUMBERS and _has_plain_marks(form) and _is_decimal_digits(column, whole):
        try:
            return cast(whole)
        except pa.ArrowInvalid:
            pass
    if column.type in (ColumnType.TIMESTAMP, ColumnType.DATE) and not _own_form(column, form):
        try:
            return cast_text(whole, column.type)
        except pa.ArrowInvalid:
            pass
    coded = whole.dictionary_encode()
    return where_it_can_be(_prepared(column, coded.dictionary, form), cast).take(coded.indices)


def rule_of(column: Column, form: FileForm) -> str:
    """What the value should have been, in words for whoever reads the letter."""
    if column.type is ColumnType.TIMESTAMP:
        return f"timestamp: {form.timestamp_form or 'RFC 3339 with an offset'}"
    if column.type is ColumnType.DATE:
        return f"date: {form.date_form}"
    if column.type is ColumnType.DECIMAL:
        return f"decimal({column.precision},{column.scale})"
    return column.type.value


def _own_form(column: Column, form: FileForm) -> bool:
    return form.date_form != ISO_DATE if column.type is ColumnType.DATE else bool(form.timestamp_form)


def _has_plain_marks(form: FileForm) -> bool:
    return form.decimal_mark == "." and not form.thousands_mark


def _is_decimal_digits(column: Column, texts: pa.Array) -> bool:
    """Arrow reads hexadecimal integers and exponents of decimals: no sender's form has either."""
    body = np.frombuffer(texts.buffers()[2] or b"", np.uint8) | ord(" ")
    letter = {ColumnType.INT64: ord("x"), ColumnType.DECIMAL: ord("e")}.get(column.type)
    return letter is None or not (body == letter).any()


def _prepared(column: Column, texts: pa.Array, form: FileForm) -> pa.Array:
    """What `_cast` takes: null where a text has not the form at sight."""
    if column.type is ColumnType.BOOLEAN:
        return _booleans(texts, form)
    if column.type is ColumnType.DATE:
        return iso_date(texts, form.date_form)
    if column.type is ColumnType.TIMESTAMP:
        return iso_time(texts, form.timestamp_form) if form.timestamp_form else _only(texts, _RFC3339)
    return _only(_plain_number(texts, form), _PATTERNS[column.type])


def _cast(column: Column, form: FileForm) -> Cast:
    if column.type is ColumnType.TIMESTAMP and form.timestamp_form and not has_offset(form.timestamp_form):
        return lambda texts: _in_zone(texts, form.time_zone)
    if column.type in (ColumnType.TIMESTAMP, ColumnType.DATE):
        return lambda texts: cast_text(texts, column.type)
    return lambda texts: texts.cast(arrow_type(column))


def _in_zone(texts: pa.Array, time_zone: str) -> pa.Array:
    """Local times to instants; null where the zone's clocks showed the time twice, or never."""
    local = cast_text(pc.binary_join_element_wise(texts, "Z", ""), ColumnType.TIMESTAMP).cast(pa.timestamp("us"))
    first, last = (
        pc.assume_timezone(local, time_zone, ambiguous=side, nonexistent=side) for side in ("earliest", "latest")
    )
    return pc.if_else(pc.equal(first, last), first, pa.scalar(None, first.type)).cast(INSTANT)


def _only(texts: pa.Array, pattern: str) -> pa.Array:
    return pc.if_else(pc.match_substring_regex(texts, pattern), texts, pa.scalar(None, pa.string()))


def _plain_number(texts: pa.Array, form: FileForm) -> pa.Array:
    """With a point and no thousands; null where the marks stand as they must not."""
    if _has_plain_marks(form):
        return texts
    decimal, thousands = ("\\" + mark if mark else "" for mark in (form.decimal_mark, form.thousands_mark))
    grouped = rf"[0-9]{{1,3}}(?:{thousands}[0-9]{{3}})+|" if thousands else ""
    shaped = _only(texts, rf"^[-+]?(?:{grouped}[0-9]*)(?:{decimal}[0-9]*)?(?:[eE][-+]?[0-9]+)?$")
    if thousands:
        shaped = pc.replace_substring(shaped, form.thousands_mark, "")
    return pc.replace_substring(shaped, form.decimal_mark, ".")


def _booleans(texts: pa.Array, form: FileForm) -> pa.Array:
    said = pc.utf8_lower(texts)
    true, false = (pa.array([one.lower() for one in texts]) for texts in (form.true_texts, form.false_texts))
    unknown = pa.scalar(None, pa.bool_())
    return pc.if_else(pc.is_in(said, true), True, pc.if_else(pc.is_in(said, false), False, unknown))  # noqa: FBT003


def where_it_can_be(texts: pa.Array, cast: Cast) -> pa.Array:
    """Halves what the cast refuses, down to the single text that is at fault: null."""
    try:
        return cast(texts)
    except (pa.ArrowInvalid, OverflowError):
        if len(texts) == 1:
            return pa.nulls(1, cast(pa.nulls(0, texts.type)).type)
    middle = len(texts) // 2
    halves = (where_it_can_be(half, cast) for half in (texts[:middle], texts[middle:]))
    return pa.concat_arrays(list(halves))
