"""A stretch of event time, in whole partitions. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace_consumers.grain import Grain
from headrace_consumers.stages.schemas import INSTANT

_UNITS = {Grain.MONTH: "datetime64[M]", Grain.DAY: "datetime64[D]", Grain.HOUR: "datetime64[h]"}
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC, microsecond=0)
"""No event is before the one or after the other."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Half open, in microseconds since the epoch."""

    start_us: int
    end_us: int

    @classmethod
    def around(cls, start: datetime, end: datetime, grain: Grain) -> Stretch:
        """The partitions that have any of these times, `end` itself left out."""
        unit = _UNITS[grain]
        first, last = _floor(start, unit), _floor(end - timedelta(microseconds=1), unit)
        return cls(_us(first), _us(last + 1))

    def earlier(self, before: timedelta) -> Stretch:
        return Stretch(self.start_us - before // timedelta(microseconds=1), self.end_us)

    def meets(self, folder: str, grain: Grain) -> bool:
        """Whether a partition may have rows within."""
        first = np.datetime64(folder.partition("=")[2], "us").astype(_UNITS[grain])
        return _us(first) < self.end_us and _us(first + 1) > self.start_us

    def has(self, times: pa.ChunkedArray) -> pa.ChunkedArray:
        """Which of the dates or instants are within, as booleans."""
        moments = times.cast(INSTANT).cast(pa.int64())
        return pc.and_(pc.greater_equal(moments, self.start_us), pc.less(moments, self.end_us))


def _floor(moment: datetime, unit: str) -> Any:
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us").astype(unit)


def _us(moment: Any) -> int:
    return int(moment.astype("datetime64[us]").astype(np.int64))
