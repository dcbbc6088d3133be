"""Validation: every rule of a contract as one mask over all rows; the first rule that an event breaks is its reason."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headrace_consumers.pipeline import EventFormat
from headrace_consumers.stages.letters import Finding
from headrace_consumers.stages.parse import Parsed
from headrace_consumers.stages.schemas import arrow_type
from headrace_producers.contracts import Column, ColumnType, Contract
from headrace_producers.contracts.column import MAX_TEXT_BYTES
from headrace_producers.wire.envelope import MAX_ID_BYTES

Mask = npt.NDArray[np.bool_]
SPECVERSION = "1.0"
MOST_DIGITS = 76
"""Of Arrow's widest decimals."""

_RANGES: dict[str, Callable[[Any, Any], Any]] = {
    "ge": pc.less,
    "gt": pc.less_equal,
    "le": pc.greater,
    "lt": pc.greater_equal,
}
_KEEPS: dict[str, Callable[[Any, Any], bool]] = {
    "ge": operator.ge,
    "gt": operator.gt,
    "le": operator.le,
    "lt": operator.lt,
}
"""The same of two plain values."""
_REASONS = {"min_length": "too_short", "max_length": "too_long", "pattern": "pattern", "allowed": "not_allowed"}


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule and the rows that break it."""

    finding: Finding
    rows: Any
    """A boolean Arrow array; null counts as kept."""


def find_invalid(
    contract: Contract, event_format: EventFormat, parsed: Parsed, arrival_us: npt.NDArray[np.int64], max_skew_us: int
) -> tuple[Mask, list[Finding]]:
    """Which rows are invalid, and for each of those, in order, the first rule that it breaks."""
    rows = parsed.data.num_rows
    reason = np.full(rows, -1, np.int64)
    findings: list[Finding] = []
    for broken in _rules(contract, event_format, parsed, arrival_us, max_skew_us):
        if pc.any(broken.rows, min_count=0).as_py():
            mask = pc.fill_null(broken.rows, False).to_numpy(zero_copy_only=False)  # noqa: FBT003 - pyarrow's signature
            reason[mask & (reason < 0)] = len(findings)
            findings.append(broken.finding)
    invalid = reason >= 0
    return invalid, [findings[number] for number in reason[invalid]]


def _rules(
    contract: Contract, event_format: EventFormat, parsed: Parsed, arrival_us: npt.NDArray[np.int64], max_skew_us: int
) -> Iterator[Broken]:
    if event_format is EventFormat.CLOUDEVENTS:
        yield from _envelope_rules(contract, parsed.envelope)
    for column in contract.columns:
        for reason, rule, rows in _column_rules(column, parsed.data[column.name]):
            yield Broken(Finding("validate", reason, column.name, rule, contract.type), rows)
    ahead = pc.subtract(parsed.data[contract.event_time].cast(pa.int64()), pa.array(arrival_us))
    rule = f"at most {max_skew_us // 1_000_000} s ahead of its arrival"
    yield Broken(
        Finding("validate", "future", contract.event_time, rule, contract.type), pc.greater(ahead, max_skew_us)
    )


def _envelope_rules(contract: Contract, envelope: pa.Table) -> Iterator[Broken]:
    for name in ("id", "source"):
        absent = pc.fill_null(pc.equal(envelope[name], ""), True)  # noqa: FBT003 - pyarrow's own signature
        yield Broken(Finding("validate", "missing", name, "required", contract.type), absent)
    if (wide := _wider(envelope["id"], MAX_ID_BYTES)) is not None:
        yield Broken(Finding("validate", "too_long", "id", _at_most(MAX_ID_BYTES), contract.type), wide)
    other = pc.fill_null(pc.not_equal(envelope["specversion"], SPECVERSION), True)  # noqa: FBT003
    yield Broken(Finding("validate", "not_allowed", "specversion", SPECVERSION, contract.type), other)


def _column_rules(column: Column, values: pa.ChunkedArray) -> Iterator[tuple[str, str, Any]]:
    """Only rules that some value breaks: that none does is cheaper to see for a whole column than for each row."""
    if column.required and values.null_count:
        yield "missing", "required", pc.is_null(values)
    if column.type is ColumnType.FLOAT64 and not pc.all(pc.is_finite(values), min_count=0).as_py():
        yield "not_finite", "finite", pc.invert(pc.is_finite(values))
    if column.type is ColumnType.DECIMAL and (beyond := _beyond_precision(column, values)) is not None:
        yield "out_of_range", f"decimal({column.precision},{column.scale})", beyond
    if _is_unbounded(column) and (wide := _wider(values, MAX_TEXT_BYTES)) is not None:
        yield "too_long", _at_most(MAX_TEXT_BYTES), wide
    stated = column.constraints.stated()
    if stated.keys() & _RANGES.keys() and _is_within(column, stated, values):
        stated = {rule: bound for rule, bound in stated.items() if rule not in _RANGES}
    for rule, bound in stated.items():
        text = f"{rule} {list(bound) if rule == 'allowed' else bound}"
        yield _REASONS.get(rule, "out_of_range"), text, _breaks(column, rule, bound, values)


def _is_unbounded(column: Column) -> bool:
    """Whether the contract's own rules let a text be wider than the warehouse holds it."""
    return column.type is ColumnType.STRING and column.max_bytes == MAX_TEXT_BYTES


def _wider(values: pa.ChunkedArray, max_bytes: int) -> Any | None:
    """None where no value is."""
    lengths = pc.binary_length(values)
    longest = pc.max(lengths).as_py()
    return pc.greater(lengths, max_bytes) if longest is not None and longest > max_bytes else None


def _at_most(max_bytes: int) -> str:
    return f"at most {max_bytes} bytes"


def _beyond_precision(column: Column, values: pa.ChunkedArray) -> Any | None:
    """Arrow's JSON reader takes a digit too many where 128 bits hold it. None where no value is."""
    limit = Decimal(10) ** (column.precision - column.scale)
    extremes = pc.min_max(values)
    if not extremes["min"].is_valid or -limit < extremes["min"].as_py() <= extremes["max"].as_py() < limit:
        return None
    wide = pa.decimal256(MOST_DIGITS, column.scale)
    return pc.greater_equal(pc.abs(values.cast(wide)), pa.scalar(limit, wide))


def _is_within(column: Column, stated: Mapping[str, Any], values: pa.ChunkedArray) -> bool:
    extremes = pc.min_max(values)
    if not extremes["min"].is_valid:
        return True
    both = extremes["min"].as_py(), extremes["max"].as_py()
    bounds = {rule: _bound(column, bound) for rule, bound in stated.items() if rule in _RANGES}
    return all(_KEEPS[rule](extreme, bound) for rule, bound in bounds.items() for extreme in both)


def _bound(column: Column, bound: float) -> Any:
    return pa.scalar(bound).cast(arrow_type(column)).as_py() if column.type is ColumnType.DECIMAL else bound


def _breaks(column: Column, rule: str, bound: Any, values: Any) -> Any:
    """Which values break the rule; null where that is not to be asked."""
    if rule in _RANGES:
        return _RANGES[rule](values, _bound(column, bound))
    if rule in ("min_length", "max_length"):
        lengths = pc.utf8_length(values)
        return pc.less(lengths, bound) if rule == "min_length" else pc.greater(lengths, bound)
    return _breaks_by_value(values, (lambda value: value in bound) if rule == "allowed" else re.compile(bound).search)


def _breaks_by_value(values: pa.ChunkedArray, keeps: Callable[[Any], Any]) -> Any:
    """Asked of distinct values only, and of Python: patterns are its own, as in the producer's check."""
    bad = [value for value in pc.unique(values).to_pylist() if value is not None and not keeps(value)]
    return pc.is_in(values, pa.array(bad, values.type)) if bad else pa.nulls(len(values), pa.bool_())
