"""Time as the producer needs it: the wall clock, and a clock that goes on while the machine sleeps."""

from __future__ import annotations

import time
from typing import NamedTuple, Protocol


class Instant(NamedTuple):
    """One moment on both clocks."""

    wall_s: float
    boot_s: float
    """Seconds since the machine started, sleep included; comparable within one start of the machine only."""

    def age_at(self, now: Instant) -> float:
        """Seconds since this moment, by the clock that says more: one may have been set back, the other stood still."""
        return max(now.wall_s - self.wall_s, now.boot_s - self.boot_s)


class Clock(Protocol):
    """Where the time comes from; tests bring their own."""

    def now(self) -> Instant: ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> Instant:
        return Instant(time.time(), _boot_s())


def _boot_s() -> float:
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()  # not Linux: macOS's monotonic clock stands still in sleep, the wall clock then decides
