"""What the loader tells about itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from headrace_consumers.telemetry import catalogue as c
from headrace_consumers.telemetry.health import Health, State
from headrace_consumers.telemetry.registered import RegisteredMetrics


class LoadMetrics(RegisteredMetrics):
    """Thread-safe; no method blocks. `clock_s` is monotonic."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__(c.LOAD_CATALOGUE)
        self._clock_s = clock_s
        self._last_s = clock_s()
        self._trouble = ""
        self._begun = False

    def stepped(self, *, waiting_files: int, waiting_s: float, held: int) -> None:
        """A step ended, with or without a load."""
        self._last_s, self._trouble, self._begun = self._clock_s(), "", True
        self._gauges[c.WAITING_FILES.name].set(waiting_files)
        self._gauges[c.WAITING_SECONDS.name].set(waiting_s)
        self._gauges[c.HELD_FILES.name].set(held)
        self._gauges[c.WAREHOUSE_UP.name].set(1)

    def loaded(self, rows: Mapping[str, int], files: Mapping[str, int], duration_s: float) -> None:
        """By table."""
        self._count(c.LOADS, 1)
        self._histograms[c.LOAD_SECONDS.name].observe(duration_s)
        for table, number in rows.items():
            self._count(c.LOADED_ROWS, number, table)
            self._count(c.LOADED_FILES, files[table], table)

    def quarantined(self, table: str) -> None:
        self._count(c.QUARANTINED_FILES, 1, table)

    def overtaken(self) -> None:
        self._count(c.LOADERS_OVERTAKEN, 1)

    def away(self, why: str) -> None:
        """The warehouse does not answer, and is asked again: nothing is lost by it, so this alone is no ill health."""
        self.interrupted(f"the warehouse is away: {why}")
        self._gauges[c.WAREHOUSE_UP.name].set(0)

    def interrupted(self, why: str) -> None:
        """A step was given up for now: another transaction was in its way, or AWS was away."""
        self._last_s, self._trouble = self._clock_s(), why

    def health(self, limit_s: float) -> Health:
        age_s = self._clock_s() - self._last_s
        if age_s > limit_s:
            return Health(State.LOOP_STUCK, f"no step has ended for {age_s:.0f} s: does a COPY take so long?")
        if self._trouble:
            return Health(State.HEALTHY, f"trying again: {self._trouble}")
        if not self._begun:
            return Health(State.STARTING, "the first step has not ended yet")
        return Health(State.HEALTHY, "following the log")
