"""How often, and how soon, a worker may start anew."""

from __future__ import annotations

from collections import deque

HOUR_S = 3600.0
FIRST_DELAY_S = 0.25
LONGEST_DELAY_S = 30.0
CALM_S = 300.0
"""A life this long was a good one: the next delay begins from the first again."""


class RestartBudget:
    """Exponential delays, and a bound per hour. No clock of its own: `now_s` is monotonic."""

    def __init__(self, max_per_hour: int) -> None:
        self._max_per_hour = max_per_hour
        self._recent: deque[float] = deque()
        self._streak = 0
        self.total = 0

    def delay_s(self, now_s: float, lived_s: float) -> float | None:
        """How long to wait before the next start; None when this hour's restarts are used up."""
        while self._recent and now_s - self._recent[0] >= HOUR_S:
            self._recent.popleft()
        if len(self._recent) >= self._max_per_hour:
            return None
        self._streak = 0 if lived_s >= CALM_S else self._streak
        delay_s = min(FIRST_DELAY_S * 2.0**self._streak, LONGEST_DELAY_S)
        self._recent.append(now_s)
        self._streak += 1
        self.total += 1
        return delay_s
