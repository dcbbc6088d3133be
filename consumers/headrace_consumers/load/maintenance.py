"""Maintenance windows: weekly spans of UTC in which nothing is loaded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from headrace_producers.errors import SettingsError

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"(?:(mon|tue|wed|thu|fri|sat|sun) )?([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
_DAY_MIN = 24 * 60
_WEEK_MIN = 7 * _DAY_MIN


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Minutes of the week, from Monday 00:00; a span that ends before it begins goes on over midnight."""

    spans: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, text: str) -> Maintenance:
        """From `sun 03:00-04:00, 23:50-00:10`: every day where none is named. Raises SettingsError."""
        spans = [span for part in text.lower().split(",") if part.strip() for span in _spans(part.strip())]
        return cls(tuple(spans))

    def is_on(self, now_ms: int) -> bool:
        now = datetime.fromtimestamp(now_ms / 1000, UTC)
        minute = now.weekday() * _DAY_MIN + now.hour * 60 + now.minute
        return any((minute - begin) % _WEEK_MIN < length for begin, length in self.spans)


def _spans(part: str) -> list[tuple[int, int]]:
    found = _SPAN.fullmatch(part)
    if found is None:
        raise SettingsError(f"maintenance {part!r}: say `sun 03:00-04:00`, or `03:00-04:00` for every day, in UTC")
    day, hour, minute, end_hour, end_minute = found.groups()
    begin, end = int(hour) * 60 + int(minute), int(end_hour) * 60 + int(end_minute)
    days = range(7) if day is None else [_DAYS.index(day)]
    return [(number * _DAY_MIN + begin, (end - begin) % _DAY_MIN) for number in days]
