"""Hopeless lines: those that the JSON reader is sure to refuse, told one by one, so that it need not be asked of each.

Theory of operation. pyarrow stops at the first line that it refuses, so each bad line would cost a call, and a call
costs as much as reading a hundred lines. What is told here is only ever a refusal: a line that is not hopeless may
still be refused, and a line that pyarrow would read is never hopeless. A test holds both judges against each other.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Any

import msgspec
import pyarrow as pa

from headrace_consumers.pipeline import EventFormat
from headrace_consumers.stages.typed import cast_text
from headrace_producers.contracts import Column, ColumnType, Contract

ATTRIBUTES = ("specversion", "id", "source", "type")
_FIELDS = frozenset({*ATTRIBUTES, "data"})
_Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]
_TYPES: dict[ColumnType, Any] = {
    ColumnType.STRING: str,
    ColumnType.INT64: _Int64,
    ColumnType.FLOAT64: float,
    ColumnType.BOOLEAN: bool,
    ColumnType.DATE: date,
    ColumnType.TIMESTAMP: _Instant,
    ColumnType.DECIMAL: Decimal,
}
_SURE = re.compile(
    r"^Input data was truncated$|^JSON is malformed|^Expected `int` [<>]=|^Expected `datetime` with a timezone"
    r"|^Expected `[a-z0-9]+( \| null)?`, got `(int|float|str|bool|object|array)`"
)
_SPECIALS = re.compile(rb'("(?:[^"\\]|\\.)*"?)|-?(?:NaN|Inf(?:inity)?)', re.DOTALL)
_TINY = b"1e-300"
"""Stands for NaN and its like, which pyarrow takes: a float, but no integer, no text and no decimal of any column."""
_LARGEST_EXPONENT = 308
_LONG = 9
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_MOST_PLACES = 38
_MOST_DIGITS = len("-9223372036854775808")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EVE_OF_YEAR_1 = "0000-12-31"


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """What the lines of one contract look like: made once for many lines, for a contract is slow to look up by."""

    contract: Contract
    event_format: EventFormat
    decoder: msgspec.json.Decoder[Any]
    columns: frozenset[str]
    judged: tuple[Column, ...]
    """Those whose values can be told from a float's."""

    @property
    def names(self) -> frozenset[str]:
        return self.columns | _FIELDS


@lru_cache(maxsize=64)
def form_of(contract: Contract, event_format: EventFormat) -> Form:
    return Form(
        contract,
        event_format,
        decoder=_decoder(contract, event_format),
        columns=frozenset(column.name for column in contract.columns),
        judged=tuple(column for column in contract.columns if column.type is not ColumnType.FLOAT64),
    )


class Number(str):
    """A number as its text."""

    __slots__ = ()


class Doubled(dict[str, Any]):
    """An object that has a field twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs
        names = sorted(name for name, _ in pairs)
        self.twice = {name for name, other in pairwise(names) if name == other}


class _TooBigError(ValueError):
    """An exponent is beyond a double's: pyarrow refuses that even in fields that it ignores."""


def _take_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    known = dict(pairs)
    return known if len(known) == len(pairs) else Doubled(pairs)


def _take_float(text: str) -> Number:
    mantissa, _, exponent = text.lower().partition("e")
    digits = exponent.lstrip("+0")
    if digits and digits[0] != "-":
        places = len(mantissa.partition(".")[2])
        if len(digits) > _LONG or int(digits) > _LARGEST_EXPONENT + places:
            raise _TooBigError
    return Number(text)


_STRICT = json.JSONDecoder(object_pairs_hook=_take_object, parse_float=_take_float, parse_int=Number)
_PLAIN = json.JSONDecoder(object_pairs_hook=_take_object, parse_float=Number, parse_int=Number)


def read_plain_values(line: bytes) -> Any:
    """A line as plain values, with what a typed decoder does not tell: fields that come twice, digits of numbers."""
    return _PLAIN.decode(line.decode())


def repeated(value: object) -> set[str]:
    """The names of all fields that come twice in one object, however deep."""
    found = _twice(value)
    if isinstance(value, Doubled):
        inner = [each for _, each in value.pairs]
    else:
        inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    for each in inner:
        if isinstance(each, dict | list):
            found = found | repeated(each)
    return found


def _twice(value: object) -> set[str]:
    return value.twice if isinstance(value, Doubled) else set()


def is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def is_hopeless(decoder: msgspec.json.Decoder[Any], line: bytes) -> bool:
    """Whether the decoder refuses a line for a reason for which every parser does: it is no JSON, or a value is of
    another JSON type than its column's, or beyond its range."""
    if not is_utf8(line):
        return True
    try:
        decoder.decode(line)
    except msgspec.MsgspecError as refused:
        said = str(refused)
        if said.startswith("JSON is malformed") and (usual := _with_specials(line, _TINY)) != line:
            return is_hopeless(decoder, usual)
        return _SURE.match(said) is not None
    except RecursionError:
        return False
    return False


def is_unfit(form: Form, line: bytes) -> bool:
    """Whether an object breaks what the decoder does not see: a field that comes twice, no data, a number that its
    column cannot hold, a text that is no instant or date."""
    try:
        event = _STRICT.decode(_with_specials(line, b"NaN").decode())
    except RecursionError:
        return False
    except ValueError:
        return True
    data = event
    if form.event_format is EventFormat.CLOUDEVENTS:
        data = event.get("data")
        if _twice(event) & _FIELDS or any(type(event.get(name)) is Number for name in ATTRIBUTES):
            return True
    return not isinstance(data, dict) or bool(_twice(data) & form.columns) or not _fits(form, data)


def _with_specials(line: bytes, stand_in: bytes) -> bytes:
    """The same line with NaN and its like, which pyarrow takes for numbers, as something that other parsers take."""
    if b"NaN" in line or b"Inf" in line:
        return _SPECIALS.sub(lambda found: found[1] or stand_in, line)
    return line


def _fits(form: Form, data: dict[str, Any]) -> bool:
    for column in form.judged:
        if (value := data.get(column.name)) is not None and not _reads(column, value):
            return False
    return True


def _reads(column: Column, value: object) -> bool:
    match column.type:
        case ColumnType.DECIMAL:
            return isinstance(value, str) and _reads_decimal(column, value)
        case ColumnType.INT64:
            return isinstance(value, Number) and len(value) <= _MOST_DIGITS and value.lstrip("-").isdigit()
        case ColumnType.BOOLEAN:
            return isinstance(value, bool)
        case ColumnType.STRING:
            return type(value) is str
        case _:
            return type(value) is str and reads_text(value, column.type)


def _reads_decimal(column: Column, text: str) -> bool:
    """As strict as pyarrow is for sure: it counts digits as they stand, and takes some that are far too fine."""
    if not _DECIMAL.fullmatch(text):
        return False
    try:
        number = Decimal(text).as_tuple()
    except InvalidOperation:
        return True
    digits = "".join(map(str, number.digits))
    excess = -int(number.exponent) - column.scale
    zeros = len(digits) - len(digits.rstrip("0"))
    is_cut = digits != "0" and zeros < excess <= _MOST_PLACES
    return len(digits) <= column.precision and not is_cut


def reads_text(text: str, kind: ColumnType) -> bool:
    """What `cast_text` says of one text: vectors are dear where there is but one value."""
    if kind is ColumnType.TIMESTAMP and text.startswith(_EVE_OF_YEAR_1):
        return _is_cast(text, kind)
    try:
        if kind is ColumnType.DATE:
            return _DATE.fullmatch(text) is not None and date.fromisoformat(text) is not None
        upper = text.upper()
        return _INSTANT.fullmatch(upper) is not None and datetime.fromisoformat(upper).astimezone(UTC) is not None
    except (ValueError, OverflowError):
        return False


def _is_cast(text: str, kind: ColumnType) -> bool:
    try:
        cast_text(pa.array([text], pa.string()), kind)
    except pa.ArrowInvalid:
        return False
    return True


def _decoder(contract: Contract, event_format: EventFormat) -> msgspec.json.Decoder[Any]:
    """Types only: what the contract demands beyond them is judged by the validate stage, for all lines alike."""
    data = msgspec.defstruct("Data", [_optional(column) for column in contract.columns])
    if event_format is EventFormat.BARE:
        return msgspec.json.Decoder(data)
    attributes = [(name, str | None, None) for name in ATTRIBUTES]
    return msgspec.json.Decoder(msgspec.defstruct("Envelope", [*attributes, ("data", data | None, None)]))


def _optional(column: Column) -> tuple[str, Any, None]:
    return column.name, _TYPES[column.type] | None, None
