"""Explaining: what is wrong with a line that the parser refused, as a stable reason. Never the value itself."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import msgspec

from headrace_consumers.pipeline import EventFormat
from headrace_consumers.stages.hopeless import (
    Form,
    is_utf8,
    read_plain_values,
    reads_text,
    repeated,
)
from headrace_consumers.stages.letters import Finding
from headrace_consumers.stages.typed import TEXT_TYPES
from headrace_producers.contracts import Column, ColumnType

MAX_DEPTH = 64
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)
_PATH = re.compile(r" - at `\$\.?(?:data\.)?(?P<field>[^`]*)`$")
_REASONS = (
    (re.compile(r"truncated"), "truncated_json"),
    (re.compile(r"malformed|trailing characters"), "malformed_json"),
    (re.compile(r"^Expected `object`, got"), "not_an_object"),
    (re.compile(r"(<=|>=) -?922337203685477580|out of range|[Ii]nteger value"), "out_of_range"),
    (re.compile(r"^Expected|^Invalid"), "wrong_type"),
)


def explain(form: Form, line: bytes) -> Finding:
    """The reason for a line that was refused, without its line feed; `unreadable` where only pyarrow objects."""
    if is_deep(line):
        return _finding(form, "deep_nesting", rule=f"at most {MAX_DEPTH} levels")
    if not is_utf8(line):
        return _finding(form, "bad_utf8")
    try:
        event = form.decoder.decode(line)
    except msgspec.MsgspecError as refused:
        return _explain(form, line, str(refused))
    if form.event_format is EventFormat.CLOUDEVENTS and event.data is None:
        return _finding(form, "missing", "data", "required")
    return _explain_stubborn(form, line)


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


def _explain_stubborn(form: Form, line: bytes) -> Finding:
    """The typed decoder keeps the last of a repeated field, and knows no precision of decimals."""
    event = read_plain_values(line)
    if doubled := sorted(repeated(event) & form.names):
        return _finding(form, "duplicate_key", doubled[0], "each field once")
    data = event["data"] if form.event_format is EventFormat.CLOUDEVENTS else event
    for column in form.contract.columns:
        if column.type is ColumnType.DECIMAL and (value := data.get(column.name)) is not None:
            number = Decimal(value)
            rule = f"decimal({column.precision},{column.scale})"
            if not number.is_finite():
                return _finding(form, "wrong_type", column.name, rule)
            if not _fits(column, number):
                return _finding(form, "out_of_range", column.name, rule)
    return _unreadable_text(form, data) or _finding(form, "unreadable")


def _fits(column: Column, number: Decimal) -> bool:
    digits, exponent = number.normalize().as_tuple()[1:]
    return -int(exponent) <= column.scale and len(digits) + int(exponent) <= column.precision - column.scale


def _unreadable_text(form: Form, data: dict[str, Any]) -> Finding | None:
    """Instants and dates that the decoder reads and the lake does not."""
    for column in form.contract.columns:
        value = data.get(column.name) if column.type in TEXT_TYPES else None
        if value is not None and not reads_text(value, column.type):
            return _finding(form, "wrong_type", column.name, _rule(form, column.name))
    return None


def _explain(form: Form, line: bytes, said: str) -> Finding:
    at = _PATH.search(said)
    field = at["field"] if at and at["field"] else None
    if field is None and not line.lstrip().startswith(b"{"):
        return _finding(form, "not_an_object" if _is_json(line) else "malformed_json")
    reason = next((code for pattern, code in _REASONS if pattern.search(said)), "unreadable")
    if reason == "not_an_object" and field:
        reason = "wrong_type"
    return _finding(form, reason, _known(form, field), _rule(form, field) if field else None)


def _finding(form: Form, reason: str, field: str | None = None, rule: str | None = None) -> Finding:
    return Finding("decode", reason, field, rule, form.contract.type)


def _known(form: Form, field: str | None) -> str | None:
    """Only names that the contract or the envelope knows: anything else would be the sender's text."""
    return field if field in form.names else None


def _rule(form: Form, field: str) -> str | None:
    kind = next((column.type for column in form.contract.columns if column.name == field), None)
    if kind is ColumnType.TIMESTAMP:
        return "timestamp: RFC 3339 with an offset"
    return kind.value if kind else None


def _is_json(line: bytes) -> bool:
    try:
        msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True
