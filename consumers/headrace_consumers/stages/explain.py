"""Explaining: what is wrong with a line that the parser refused, as a stable reason. Never the value itself."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any

import msgspec
import pyarrow as pa

from headrace_consumers.pipeline import EventFormat
from headrace_consumers.stages.letters import Finding
from headrace_consumers.stages.typed import TEXT_TYPES, cast_text
from headrace_producers.contracts import Column, ColumnType, Contract

MAX_DEPTH = 64
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)
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
_PATH = re.compile(r" - at `\$\.?(?:data\.)?(?P<field>[^`]*)`$")
_HOPELESS = re.compile(
    r"^Input data was truncated$|^Expected `[a-z0-9]+( \| null)?`, got `(int|str|bool|object|array)`"
)
_REASONS = (
    (re.compile(r"truncated"), "truncated_json"),
    (re.compile(r"malformed|trailing characters"), "malformed_json"),
    (re.compile(r"^Expected `object`, got"), "not_an_object"),
    (re.compile(r"(<=|>=) -?922337203685477580|out of range|[Ii]nteger value"), "out_of_range"),
    (re.compile(r"^Expected|^Invalid"), "wrong_type"),
)


def hopeless(contract: Contract, event_format: EventFormat, lines: Sequence[bytes]) -> list[int]:
    """The numbers of lines that a typed decoder refuses for reasons for which every parser does: the line ends within
    a value, or a value is of another JSON type than its column's. Other refusals are for the judge to decide."""
    decode = _decoder(contract, event_format).decode
    found = []
    for number, line in enumerate(lines):
        try:
            decode(line[:-1])  # a line feed within a text would be malformed, not the end
        except msgspec.MsgspecError as refused:
            if _HOPELESS.match(str(refused)):
                found.append(number)
        except (UnicodeDecodeError, RecursionError):
            continue
    return found


def explain(contract: Contract, event_format: EventFormat, line: bytes) -> Finding:
    """The reason for a line that was refused; `unreadable` where only pyarrow objects."""
    line = line.rstrip(b"\n")
    if is_deep(line):
        return _finding(contract, "deep_nesting", rule=f"at most {MAX_DEPTH} levels")
    if not is_utf8(line):
        return _finding(contract, "bad_utf8")
    try:
        event = _decoder(contract, event_format).decode(line)
    except msgspec.MsgspecError as refused:
        return _explain(contract, line, str(refused))
    if event_format is EventFormat.CLOUDEVENTS and event.data is None:
        return _finding(contract, "missing", "data", "required")
    return _explain_stubborn(contract, event_format, line)


def is_deep(line: bytes) -> bool:
    """Whether objects and arrays nest beyond what decoders follow; brackets inside strings do not count."""
    if line.count(b"{") + line.count(b"[") <= MAX_DEPTH:
        return False
    depth = 0
    for bracket in _BRACKETS.finditer(line):
        depth += {b"{": 1, b"[": 1, b"}": -1, b"]": -1}.get(bracket[0], 0)
        if depth > MAX_DEPTH:
            return True
    return False


def is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _explain_stubborn(contract: Contract, event_format: EventFormat, line: bytes) -> Finding:
    """The typed decoder keeps the last of a repeated field, and knows no precision of decimals."""
    repeated: set[str] = set()

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        repeated.update(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        return dict(pairs)

    said = json.loads(line, object_pairs_hook=unique, parse_float=str, parse_int=str)
    if doubled := sorted(repeated & _names(contract)):
        return _finding(contract, "duplicate_key", doubled[0], "each field once")
    data = said["data"] if event_format is EventFormat.CLOUDEVENTS else said
    for column in contract.columns:
        if column.type is ColumnType.DECIMAL and (value := data.get(column.name)) is not None:
            number = Decimal(value)
            rule = f"decimal({column.precision},{column.scale})"
            if not number.is_finite():
                return _finding(contract, "wrong_type", column.name, rule)
            if not _fits(column, number):
                return _finding(contract, "out_of_range", column.name, rule)
    return _unreadable_text(contract, data) or _finding(contract, "unreadable")


def _fits(column: Column, number: Decimal) -> bool:
    digits, exponent = number.normalize().as_tuple()[1:]
    return -int(exponent) <= column.scale and len(digits) + int(exponent) <= column.precision - column.scale


def _unreadable_text(contract: Contract, data: dict[str, Any]) -> Finding | None:
    """Instants and dates that the decoder reads and the lake does not: `cast_text` is the judge."""
    for column in contract.columns:
        if column.type in TEXT_TYPES and data.get(column.name) is not None:
            try:
                cast_text(pa.array([data[column.name]], pa.string()), column.type)
            except pa.ArrowInvalid:
                return _finding(contract, "wrong_type", column.name, _rule(contract, column.name))
    return None


def _explain(contract: Contract, line: bytes, said: str) -> Finding:
    at = _PATH.search(said)
    field = at["field"] if at and at["field"] else None
    if field is None and not line.lstrip().startswith(b"{"):
        return _finding(contract, "not_an_object" if _is_json(line) else "malformed_json")
    reason = next((code for pattern, code in _REASONS if pattern.search(said)), "unreadable")
    if reason == "not_an_object" and field:
        reason = "wrong_type"
    return _finding(contract, reason, _known(contract, field), _rule(contract, field) if field else None)


def _finding(contract: Contract, reason: str, field: str | None = None, rule: str | None = None) -> Finding:
    return Finding("decode", reason, field, rule, contract.type)


def _known(contract: Contract, field: str | None) -> str | None:
    """Only names that the contract or the envelope knows: anything else would be the sender's text."""
    return field if field in _names(contract) else None


def _names(contract: Contract) -> set[str]:
    return {column.name for column in contract.columns} | {"data", "id", "source", "specversion", "type"}


def _rule(contract: Contract, field: str) -> str | None:
    kind = next((column.type for column in contract.columns if column.name == field), None)
    if kind is ColumnType.TIMESTAMP:
        return "timestamp: RFC 3339 with an offset"
    return kind.value if kind else None


def _is_json(line: bytes) -> bool:
    try:
        msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True


@lru_cache(maxsize=64)
def _decoder(contract: Contract, event_format: EventFormat) -> msgspec.json.Decoder[Any]:
    """Types only: what the contract demands beyond them is judged by the validate stage, for all lines alike."""
    data = msgspec.defstruct("Data", [_optional(column) for column in contract.columns])
    if event_format is EventFormat.BARE:
        return msgspec.json.Decoder(data)
    attributes = [(name, str | None, None) for name in ("specversion", "id", "source", "type")]
    return msgspec.json.Decoder(msgspec.defstruct("Envelope", [*attributes, ("data", data | None, None)]))


def _optional(column: Column) -> tuple[str, Any, None]:
    return column.name, _TYPES[column.type] | None, None
