"""Ends a process that stands still: consumption can stop without an error."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from threading import Event, Thread

from headrace_consumers.runtime.exits import EngineExit
from headrace_consumers.telemetry.health import Health

_log = logging.getLogger(__name__)


def _exit(code: int) -> None:
    os._exit(code)


class Watchdog:
    """Looks at the process's health from a thread of its own, so that a stuck loop is seen too."""

    def __init__(self, health: Callable[[], Health], interval_s: float, leave: Callable[[int], None] = _exit) -> None:
        self._health = health
        self._interval_s = interval_s
        self._leave = leave
        self._closed = Event()
        self._thread = Thread(target=self._watch, name="watchdog", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._closed.wait(self._interval_s):
            health = self._health()
            if not health.well:
                _log.error("the process stands still and is ended; what is not committed will come again",
                           extra={"fields": {"state": health.state, "sentence": health.sentence}})  # fmt: skip
                self._leave(EngineExit.STALLED)
                return
