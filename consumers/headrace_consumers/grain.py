"""The grain of Hive partitions."""

from __future__ import annotations

from enum import StrEnum


class Grain(StrEnum):
    """The grain of a table's Hive partitions, by event time in UTC."""

    MONTH = "month"
    DAY = "day"
    HOUR = "hour"

    @property
    def column(self) -> str:
        """The partition column: `event_month` (2013-01), `event_date` (2013-01-31), `event_hour` (2013-01-31T05)."""
        return "event_date" if self is Grain.DAY else f"event_{self.value}"

    @property
    def time_format(self) -> str:
        return {"month": "%Y-%m", "day": "%Y-%m-%d", "hour": "%Y-%m-%dT%H"}[self.value]
