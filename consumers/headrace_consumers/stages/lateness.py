"""Lateness: which events came too late for windows, by their own shard's order alone.

An event is late when its time lies before the highest event time that came before it in its shard, less the allowed
lateness. No clock, no other shard and no batch boundary has a say, so a replay gives the same answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headrace_consumers.stages.lines import Ints, Lines

_NEVER = -(2**62)


@dataclass(frozen=True, slots=True)
class Timed:
    """Valid events of one table: the numbers of their lines, and their times in microseconds."""

    table: str
    lines: Ints
    times_us: Ints


@dataclass(frozen=True, slots=True)
class Judged:
    """Of each event in `Timed`'s order: the earliest time that was not late when it came, and whether it was late."""

    limits_us: Ints
    late: npt.NDArray[np.bool_]


def judge_lateness(
    lines: Lines, events: Sequence[Timed], highest: Mapping[str, int | None], lateness_us: int
) -> tuple[dict[str, Judged], dict[str, int]]:
    """By table; and the highest event time of each shard that had an event, these included."""
    numbers = np.concatenate([timed.lines for timed in events])
    times = np.concatenate([timed.times_us for timed in events])
    order = np.argsort(numbers, kind="stable")
    limits, reached = _limits(lines, numbers[order], times[order], highest)
    unsorted = np.empty_like(limits)
    unsorted[order] = limits - lateness_us
    judged = Judged(unsorted, times < unsorted)
    ends = np.cumsum([len(timed.lines) for timed in events])
    return {
        timed.table: Judged(judged.limits_us[begin:end], judged.late[begin:end])
        for timed, begin, end in zip(events, [0, *ends[:-1]], ends, strict=True)
    }, reached


def _limits(lines: Lines, numbers: Ints, times: Ints, highest: Mapping[str, int | None]) -> tuple[Ints, dict[str, int]]:
    """Per event, in the order of delivery, the highest time before it in its shard."""
    names = sorted(set(lines.shard_ids))
    codes = np.array([names.index(shard_id) for shard_id in lines.shard_ids], np.int64)[lines.record[numbers]]
    limits = np.empty_like(times)
    reached: dict[str, int] = {}
    for code, name in enumerate(names):
        mine = np.flatnonzero(codes == code)
        if len(mine):
            known = highest[name]
            run = np.maximum.accumulate(np.concatenate([[_NEVER if known is None else known], times[mine]]))
            limits[mine] = run[:-1]
            reached[name] = int(run[-1])
    return limits, reached
