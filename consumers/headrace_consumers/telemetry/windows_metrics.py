"""What the windows service tells about itself."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

from headrace_consumers.telemetry import catalogue as c
from headrace_consumers.telemetry.health import Health, judge_steps
from headrace_consumers.telemetry.registered import RegisteredMetrics


class WindowsMetrics(RegisteredMetrics):
    """Thread-safe; no method blocks. `clock_s` is monotonic."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__(c.WINDOWS_CATALOGUE)
        self._clock_s = clock_s
        self._last_s = clock_s()
        self._held_back_by: str | None = None
        self._low_s: float | None = None
        self._risen_s = self._last_s
        self._said: dict[str, tuple[object, float]] = {}
        self._gauges[c.LOW_WATERMARK_AGE_SECONDS.name].set_function(lambda: self._clock_s() - self._risen_s)
        self._gauges[c.SHARD_SILENCE_SECONDS.name].set_function(self._longest_silence_s)
        self.watermark(None)

    def stepped(self, *, merged: int, open_panes: int, held_back_by: str, duration_s: float) -> None:
        """A step ended, with or without a commit."""
        self._last_s, self._held_back_by = self._clock_s(), held_back_by
        self._count(c.WINDOW_STEPS, 1)
        self._count(c.WINDOW_COMMITS, merged)
        self._gauges[c.WINDOWS_OPEN.name].set(open_panes)
        self._histograms[c.WINDOW_STEP_SECONDS.name].observe(duration_s)

    def emitted(self, *, new: int, revised: int, deleted: int) -> None:
        """Windows came out."""
        self._count(c.WINDOWS_EMITTED, new)
        self._count(c.WINDOWS_REVISED, revised)
        self._count(c.WINDOWS_DELETED, deleted)

    def watermark(self, low_s: float | None) -> None:
        """Up to where event time is complete; None while a shard has said nothing."""
        self._gauges[c.LOW_WATERMARK_SECONDS.name].set(-math.inf if low_s is None else low_s)
        if low_s != self._low_s:
            self._low_s, self._risen_s = low_s, self._clock_s()

    def shards_said(self, said: Mapping[str, object]) -> None:
        """Of each shard that is to be read, what its newest commit and heartbeat say; the same again is silence."""
        now_s, before = self._clock_s(), self._said
        self._said = {
            shard_id: before[shard_id] if shard_id in before and before[shard_id][0] == word else (word, now_s)
            for shard_id, word in said.items()
        }

    def _longest_silence_s(self) -> float:
        return self._clock_s() - min((since_s for _, since_s in self._said.values()), default=self._clock_s())

    def health(self, limit_s: float) -> Health:
        return judge_steps(self._held_back_by, self._clock_s() - self._last_s, limit_s)
