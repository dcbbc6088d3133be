"""The declaration of windows: which rows, cut how, grouped by what, aggregated to which columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum

from headrace_consumers.grain import Grain

_US_PER_S = 1_000_000


def partials_table(pipeline: str) -> str:
    """The table, in the curated zone, of what engines commit and the windows service merges."""
    return f"{pipeline}_partials"


class AggregateKind(StrEnum):
    """What becomes of a window's values; nulls are skipped."""

    COUNT = "count"
    TOTAL = "total"
    MINIMUM = "minimum"
    MAXIMUM = "maximum"
    MEAN = "mean"
    VARIANCE = "variance"
    QUANTILE = "quantile"
    DISTINCT = "distinct"


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One column of a window; made by the functions below."""

    kind: AggregateKind
    column: str | None = None
    scale: int | None = None
    """Digits kept after the point, half-even; for float64 columns only, whose sums would depend on their order."""
    q: float | None = None


def count() -> Aggregate:
    """The window's events."""
    return Aggregate(AggregateKind.COUNT)


def total(column: str, *, scale: int | None = None) -> Aggregate:
    """The sum: int64 where ten billion events cannot exceed it, else decimal(38); null where there was no value."""
    return Aggregate(AggregateKind.TOTAL, column, scale)


def minimum(column: str, *, scale: int | None = None) -> Aggregate:
    return Aggregate(AggregateKind.MINIMUM, column, scale)


def maximum(column: str, *, scale: int | None = None) -> Aggregate:
    return Aggregate(AggregateKind.MAXIMUM, column, scale)


def mean(column: str, *, scale: int | None = None) -> Aggregate:
    return Aggregate(AggregateKind.MEAN, column, scale)


def variance(column: str, *, scale: int | None = None) -> Aggregate:
    """The sample variance; null below two values."""
    return Aggregate(AggregateKind.VARIANCE, column, scale)


def quantile(column: str, q: float, *, scale: int | None = None) -> Aggregate:
    """The value of rank q * (n - 1), the lower of the two nearest, within 1% of it."""
    return Aggregate(AggregateKind.QUANTILE, column, scale, q)


def distinct(column: str) -> Aggregate:
    """About how many different values, as float64; the standard error is 1.2%, and less where they are few."""
    return Aggregate(AggregateKind.DISTINCT, column)


@dataclass(frozen=True, slots=True)
class _Window:
    name: str
    """Its table in the curated zone."""
    _: KW_ONLY
    table: str
    by: tuple[str, ...] = ()
    """Columns that are grouped by; a row that lacks one of them belongs to no window."""
    aggregates: Mapping[str, Aggregate] = field(default_factory=dict)
    partition_by: Grain = Grain.DAY

    @property
    def folder(self) -> str:
        """Where its partials and its state lie, within their tables."""
        return f"window={self.name}"


@dataclass(frozen=True, slots=True)
class Tumbling(_Window):
    """Windows of one size, side by side, aligned to Unix time."""

    size_s: int = field(kw_only=True)

    @property
    def pane_us(self) -> int:
        return self.size_s * _US_PER_S

    @property
    def panes(self) -> int:
        return 1


@dataclass(frozen=True, slots=True)
class Hopping(_Window):
    """Windows of one size that begin every `hop_s`; each is the sum of its panes."""

    size_s: int = field(kw_only=True)
    hop_s: int = field(kw_only=True)

    @property
    def pane_us(self) -> int:
        return self.hop_s * _US_PER_S

    @property
    def panes(self) -> int:
        """How many panes are a window, and how many windows a pane is part of."""
        return self.size_s // self.hop_s


@dataclass(frozen=True, slots=True)
class Session(_Window):
    """Events of one key that are at most `gap_s` apart."""

    gap_s: int = field(kw_only=True)

    @property
    def gap_us(self) -> int:
        return self.gap_s * _US_PER_S


Window = Tumbling | Hopping | Session
