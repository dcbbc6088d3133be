"""Values as integers of their column's unit: the scale of each column, and the range that its contract allows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from headrace_producers.contracts import Column, ColumnType

NUMBERS = (ColumnType.INT64, ColumnType.FLOAT64, ColumnType.DECIMAL)
MAX_EVENTS = 10**10
"""Events of one window for which the declaration guarantees that no integer overflows."""
MAX_SUM = 10**38 - 1
"""What decimal128(38, 0) holds."""


@dataclass(frozen=True, slots=True)
class Span:
    """The least and greatest scaled integers of a column; None where nothing bounds them."""

    low: int | None
    high: int | None

    def within(self, limit: int) -> bool:
        """Whether it lies in -limit - 1 .. limit, as a signed integer's range does."""
        return self.low is not None and self.high is not None and -limit - 1 <= self.low and self.high <= limit


MAX_INT64 = 2**63 - 1
"""What partials hold; the sum of ten billion of them always fits 38 digits."""
MAX_SQUARED = math.isqrt(MAX_SUM // MAX_EVENTS) - 1
"""Values whose squares' sum fits too."""
MAX_SUMMED = MAX_INT64 // MAX_EVENTS - 1
"""Values whose sum fits int64."""


def scale_of(column: Column, scale: int | None) -> int:
    """Digits after the point of the column's scaled integers: a decimal's own, a float's as declared."""
    return column.scale if column.type is ColumnType.DECIMAL else scale or 0


def span_of(column: Column, scale: int | None) -> Span:
    """What the contract's bounds, or else the type, leave possible."""
    if column.type is ColumnType.DECIMAL:
        limit = 10**column.precision - 1
        return Span(-limit, limit)
    said, digits = column.constraints, scale_of(column, scale)
    allowed = [value for value in said.allowed or () if isinstance(value, int)]
    lows = _stated(said.ge, said.gt, min(allowed, default=None))
    highs = _stated(said.le, said.lt, max(allowed, default=None))
    widest = Span(-MAX_INT64 - 1, MAX_INT64) if column.type is ColumnType.INT64 else Span(None, None)
    return Span(
        math.floor(max(map(Fraction, lows)) * 10**digits) if lows else widest.low,
        math.ceil(min(map(Fraction, highs)) * 10**digits) if highs else widest.high,
    )


def _stated(*bounds: float | None) -> list[float]:
    return [bound for bound in bounds if bound is not None and math.isfinite(bound)]
