"""Fields of text files, a column at once: null or not, of the column's type or not. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headrace_local.redshift.copying.columns import RedshiftType, TableColumn
from headrace_local.redshift.copying.lines import replaced, unstorable_rows
from headrace_local.redshift.copying.moments import DateReader, InstantReader
from headrace_local.redshift.copying.options import FieldRules
from headrace_local.redshift.copying.values import writable

NULL_CODE, TOO_LONG_CODE, RANGE_CODE = 1213, 1204, 1204
DATE_CODE, INSTANT_CODE, DIGIT_CODE, FLOAT_CODE, DECIMAL_CODE, BOOLEAN_CODE = 1205, 1206, 1207, 1208, 1209, 1210
UTF8_CODE, TYPE_CODE, JSON_CODE = 1220, 1223, 1224


@dataclass(frozen=True, slots=True)
class Unfit:
    code: int
    reason: str


@dataclass(slots=True)
class ReadColumn:
    """The values as the CSV writer takes them, null at the rows that are unfit."""

    values: Any
    unfit: dict[int, Unfit] = field(default_factory=dict)


def read_column(texts: Any, column: TableColumn, rules: FieldRules) -> ReadColumn:
    """`texts` holds null where the file says so outright (JSON)."""
    wanted = column.type
    if rules.replacement is not None and unstorable_rows(texts):
        texts = replaced(texts, rules.replacement)
    unfit = dict.fromkeys(unstorable_rows(texts) if wanted.is_text else (), _NOT_UTF8)
    texts = _without_nulls(texts, rules) if wanted.is_text else _without_blanks(texts, rules)
    texts = _cleared(texts, unfit)
    read = _read_text(texts, wanted, rules) if wanted.is_text else _read(texts, wanted, rules)
    read.unfit.update(unfit)
    if column.not_null:
        for row in pc.indices_nonzero(read.values.is_null()).to_pylist():
            read.unfit.setdefault(row, _NULL)
    return read


def _without_nulls(texts: Any, rules: FieldRules) -> Any:
    absent = pc.equal(texts, rules.null_as)
    if rules.empty_as_null:
        absent = pc.or_(absent, pc.equal(texts, ""))
    if rules.blanks_as_null:
        absent = pc.or_(absent, pc.match_substring_regex(texts, r"^\s+$"))
    return pc.if_else(absent, None, texts)


def _without_blanks(texts: Any, rules: FieldRules) -> Any:
    """Of other types an empty field is null in any case, and blanks around a value mean nothing."""
    trimmed = pc.utf8_trim_whitespace(texts)
    return pc.if_else(pc.or_(pc.equal(trimmed, rules.null_as), pc.equal(trimmed, "")), None, trimmed)


def _read_text(texts: Any, wanted: RedshiftType, rules: FieldRules) -> ReadColumn:
    limit = wanted.size or 1
    if rules.trim_blanks and wanted.name == "character varying":
        texts = pc.utf8_rtrim_whitespace(texts)
    long = pc.indices_nonzero(pc.fill_null(pc.greater(pc.binary_length(texts), limit), False)).to_pylist()  # noqa: FBT003 -- the value
    if long and rules.truncate_columns:
        return ReadColumn(pa.array([_truncated(text, limit) for text in texts.to_pylist()], pa.large_string()))
    unfit = dict.fromkeys(long, Unfit(TOO_LONG_CODE, "String length exceeds DDL length"))
    return ReadColumn(_cleared(texts, unfit), unfit)


def _truncated(text: str | None, limit: int) -> str | None:
    return None if text is None else text.encode()[:limit].decode(errors="ignore")


def _read(texts: Any, wanted: RedshiftType, rules: FieldRules) -> ReadColumn:
    """All at once; only where that fails, row by row."""
    reader = _READERS[wanted.name](wanted, rules)
    try:
        return ReadColumn(reader.read(texts))
    except ValueError:
        unfit = {row: reader.unfit for row in range(len(texts)) if not _is_read(reader.read, texts.slice(row, 1))}
        return ReadColumn(reader.read(_cleared(texts, unfit)), unfit)


def _is_read(read: Callable[[Any], Any], text: Any) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True


def _cleared(texts: Any, unfit: Mapping[int, Unfit]) -> Any:
    if not unfit:
        return texts
    return pc.if_else(pa.array([row in unfit for row in range(len(texts))]), None, texts)


@dataclass(frozen=True, slots=True)
class Reader:
    """`read` turns texts into what the CSV writer takes, or raises ValueError, which ArrowInvalid is; `unfit` says what
    that means."""

    read: Callable[[Any], Any]
    unfit: Unfit


def _cast(arrow_type: Any, unfit: Unfit) -> Callable[[RedshiftType, FieldRules], Reader]:
    def read(texts: Any) -> Any:
        return pc.replace_substring_regex(texts, r"^\+", "").cast(arrow_type)

    return lambda _wanted, _rules: Reader(read, unfit)


def _decimals(wanted: RedshiftType, _: FieldRules) -> Reader:
    """What has more digits than the scale is cut, as COPY does without ROUNDEC."""

    def read(texts: Any) -> Any:
        cut = pc.replace_substring_regex(texts, rf"^([+-]?\d*\.\d{{{wanted.scale}}})\d+$", r"\1")
        return cut.cast(pa.decimal128(wanted.size, wanted.scale))

    return Reader(read, Unfit(DECIMAL_CODE, "Invalid digit, or overflow, Type: Decimal"))


def _booleans(_: RedshiftType, __: FieldRules) -> Reader:
    def read(texts: Any) -> Any:
        lower = pc.utf8_lower(texts)
        if not pc.all(pc.is_in(lower, _TRUE_OR_FALSE), min_count=0).as_py():
            raise ValueError(lower)
        return pc.if_else(pc.is_null(lower), None, pc.is_in(lower, _TRUE))

    return Reader(read, Unfit(BOOLEAN_CODE, "Unknown boolean format"))


def _bytes(wanted: RedshiftType, _: FieldRules) -> Reader:
    def read(texts: Any) -> Any:
        raw = [None if text is None else bytes.fromhex(text) for text in texts.to_pylist()]
        return writable(pa.array(raw, pa.large_binary()), wanted)

    return Reader(read, Unfit(TYPE_CODE, "Invalid hexadecimal, or too long, Type: VARBYTE"))


def _documents(_: RedshiftType, __: FieldRules) -> Reader:
    def read(texts: Any) -> Any:
        for text in texts.to_pylist():
            if text is not None:
                require_document(text)
        return texts

    return Reader(read, Unfit(JSON_CODE, "Invalid JSON format for SUPER"))


def require_document(text: str) -> None:
    """Raises ValueError unless the text is JSON that PostgreSQL takes too: it has no NUL and no NaN."""
    json.loads(text, parse_constant=_refuse)
    if "\\u0000" in text:
        raise ValueError(text)


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _dates(wanted: RedshiftType, rules: FieldRules) -> Reader:
    dates = DateReader(rules.date_format)
    unfit = Unfit(DATE_CODE, f"Invalid date format or value [{rules.date_format}]")
    return Reader(lambda texts: writable(dates(texts), wanted), unfit)


def _instants(wanted: RedshiftType, rules: FieldRules) -> Reader:
    instants = InstantReader(rules.time_format)
    unfit = Unfit(INSTANT_CODE, f"Invalid timestamp format or value [{rules.time_format}]")
    return Reader(lambda texts: writable(instants(texts), wanted), unfit)


_NULL = Unfit(NULL_CODE, "Missing data for not-null field")
_NOT_UTF8 = Unfit(UTF8_CODE, "String contains invalid or unsupported UTF8 codepoints")
_TRUE = pa.array(["t", "true", "y", "yes", "1"])
_TRUE_OR_FALSE = pa.array([None, "t", "true", "y", "yes", "1", "f", "false", "n", "no", "0"])
_READERS: Mapping[str, Callable[[RedshiftType, FieldRules], Reader]] = {
    "smallint": _cast(pa.int16(), Unfit(DIGIT_CODE, "Invalid digit, or overflow, Type: Short")),
    "integer": _cast(pa.int32(), Unfit(DIGIT_CODE, "Invalid digit, or overflow, Type: Integer")),
    "bigint": _cast(pa.int64(), Unfit(DIGIT_CODE, "Invalid digit, or overflow, Type: Long")),
    "real": _cast(pa.float32(), Unfit(FLOAT_CODE, "Invalid digit, Type: Float")),
    "double precision": _cast(pa.float64(), Unfit(FLOAT_CODE, "Invalid digit, Type: Double")),
    "numeric": _decimals,
    "boolean": _booleans,
    "date": _dates,
    "timestamp without time zone": _instants,
    "timestamp with time zone": _instants,
    "varbyte": _bytes,
    "super": _documents,
}
