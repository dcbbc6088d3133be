"""Which time the rows of a commit may be of, by the folders that its files are in. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from headrace_consumers.commitlog.model import Commit
from headrace_consumers.grain import Grain
from headrace_consumers.lake.objects import PendingFile
from headrace_consumers.windows import Window
from headrace_consumers.windows.declare import partials_table
from headrace_consumers.windows_service.spans import Mask, Times

_Unit = Literal["M", "D", "h"]
_UNITS: Mapping[str, _Unit] = {Grain.MONTH.column: "M", Grain.DAY.column: "D", Grain.HOUR.column: "h"}
_EARLIEST_US, _LATEST_US = -(1 << 62), 1 << 62


@dataclass(frozen=True, slots=True)
class Stretches:
    """Stretches of time, in microseconds, in order and apart from each other; both ends belong to them."""

    lows: Times
    highs: Times

    @classmethod
    def of(cls, lows: Iterable[int] | Times, highs: Iterable[int] | Times) -> Stretches:
        """Those that meet become one."""
        low, high = (np.fromiter(values, np.int64) for values in (lows, highs))
        order = np.argsort(low, kind="stable")
        low, reached = low[order], np.maximum.accumulate(high[order])
        opens = np.ones(len(low), np.bool_)
        opens[1:] = low[1:] > reached[:-1]
        return cls(low[opens], reached[np.roll(opens, -1)])

    def meet(self, lows: Times, highs: Times) -> Mask:
        """Which of these spans share a moment with a stretch."""
        if not len(self.lows):
            return np.zeros(len(lows), np.bool_)
        following = np.minimum(np.searchsorted(self.highs, lows), len(self.highs) - 1)
        found: Mask = (self.highs[following] >= lows) & (self.lows[following] <= highs)
        return found


def partial_files(window: Window, pipeline: str, files: Iterable[PendingFile]) -> list[PendingFile]:
    """What the window merges of these."""
    table = partials_table(pipeline)
    return [file for file in files if file.table == table and file.partition == window.folder]


def stretches_of(window: Window, commit: Commit) -> Stretches:
    """When the commit's partials for this window may be, whether its files are still there or not. Empty where it
    brought none; all time where no folder says it."""
    if not partial_files(window, commit.pipeline, commit.files):
        return Stretches.of((), ())
    folders = {file.partition for file in commit.files if file.table == window.table}
    spans = [_span_us(folder) for folder in folders] or [(_EARLIEST_US, _LATEST_US)]
    return Stretches.of(*zip(*spans, strict=True))


def _span_us(folder: str) -> tuple[int, int]:
    """First and last microsecond of a partition of event time."""
    column, _, value = folder.partition("=")
    if column not in _UNITS:
        return _EARLIEST_US, _LATEST_US
    begin = np.datetime64(value, (_UNITS[column], 1))
    first, following = np.array([begin, begin + 1]).astype("datetime64[us]").astype(np.int64).tolist()
    return first, following - 1
