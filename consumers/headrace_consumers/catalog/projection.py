"""Partition projection: Athena makes partitions up from a span of time and a template, and asks nobody. Pure.

What lies outside of the span is silently invisible, so a span only grows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from headrace_consumers.grain import Grain

_JAVA_FORMATS = {Grain.MONTH: "yyyy-MM", Grain.DAY: "yyyy-MM-dd", Grain.HOUR: "yyyy-MM-dd'T'HH"}
_VALUES = {
    Grain.MONTH: re.compile(r"\d{4}-\d\d"),
    Grain.DAY: re.compile(r"\d{4}-\d\d-\d\d"),
    Grain.HOUR: re.compile(r"\d{4}-\d\d-\d\dT\d\d"),
}
_SECONDS = {Grain.MONTH: 28 * 24 * 3600, Grain.DAY: 24 * 3600, Grain.HOUR: 3600}
"""At least so many."""
_LENGTHS = {Grain.MONTH: len("2013-01"), Grain.DAY: len("2013-01-31"), Grain.HOUR: len("2013-01-31T05")}
_FROM_NOW = re.compile(r"NOW(?:\s*\+\s*(\d+)\s*([A-Z]+?)S?)?")


@dataclass(frozen=True, slots=True)
class Span:
    """From the partition `start` to the one that is `ahead` of now's."""

    start: str
    ahead: int


@dataclass(frozen=True, slots=True)
class Projection:
    """One partition column, of one grain, as table parameters."""

    column: str
    grain: Grain
    location: str
    """`s3://bucket/prefix/`."""
    span: Span
    """At least."""

    @property
    def range_key(self) -> str:
        return f"projection.{self.column}.range"

    def parameters(self, span: Span) -> dict[str, str]:
        of_column, unit = f"projection.{self.column}", f"{self.grain.name}S"
        return {
            "projection.enabled": "true",
            f"{of_column}.type": "date",
            f"{of_column}.format": _JAVA_FORMATS[self.grain],
            f"{of_column}.interval": "1",
            f"{of_column}.interval.unit": unit,
            self.range_key: f"{span.start},NOW+{span.ahead}{unit}",
            "storage.location.template": f"{self.location}{self.column}=${{{self.column}}}/",
        }

    def grown(self, stated: str, folders: Iterable[str], now: datetime) -> Span:
        """The span that is wanted, with what the table's range says already, and with all folders."""
        start, ahead = self._read(stated, now)
        values = self._partitions(folders)
        starts = [self.span.start, *([start] if self._time(start) else []), *values[:1]]
        furthest = max((self._distance(now, value) for value in values[-1:]), default=0)
        return Span(min(starts), max(self.span.ahead, ahead, furthest))

    def outside(self, stated: str, folders: Iterable[str], now: datetime) -> list[str]:
        """The partitions that the range does not reach, in order."""
        start, ahead = self._read(stated, now)
        return [value for value in self._partitions(folders) if value < start or self._distance(now, value) > ahead]

    def _partitions(self, folders: Iterable[str]) -> list[str]:
        """In order, without folders that are none."""
        return sorted(value for value in folders if self._time(value))

    def _read(self, stated: str, now: datetime) -> tuple[str, int]:
        """A range's start as it stands, and how far its end is ahead of now: a date's too, which will be passed one
        day; 0 of what is neither."""
        start, _, end = (part.strip() for part in stated.partition(","))
        found = _FROM_NOW.fullmatch(end.upper())
        if self._time(end):
            return start, max(0, self._distance(now, end))
        if found is None or (found[2] or self.grain.name) != self.grain.name:
            return start, 0
        return start, int(found[1] or 0)

    def _time(self, value: str) -> datetime | None:
        if not _VALUES[self.grain].fullmatch(value):
            return None
        try:
            return datetime.fromisoformat(f"{value}-01" if self.grain is Grain.MONTH else value).replace(tzinfo=UTC)
        except ValueError:
            return None

    def _distance(self, now: datetime, value: str) -> int:
        """In partitions, from now's."""
        here, there = self._time(partition_of(now, self.grain)), self._time(value)
        if here is None or there is None:
            return 0
        if self.grain is Grain.MONTH:
            return (there.year - here.year) * 12 + there.month - here.month
        return int((there - here).total_seconds()) // _SECONDS[self.grain]


def partition_of(time: datetime, grain: Grain) -> str:
    """The name of the partition that has this instant."""
    return time.astimezone(UTC).isoformat()[: _LENGTHS[grain]]


def ahead_for(skew_s: float, grain: Grain) -> int:
    """How many partitions beyond now's may have events already: at a month's end, a second of skew reaches one."""
    return max(1, -int(-skew_s // _SECONDS[grain]))
