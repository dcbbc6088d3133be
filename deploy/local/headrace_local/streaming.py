"""A demo while it runs: from the first event until all of it is loaded, stage after stage, each within a limit."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from headrace_local.committed import Committed
from headrace_local.errors import StalledError
from headrace_local.loaded import Loaded
from headrace_local.progress import Progress
from headrace_local.sending import Sending
from headrace_local.workers import Worker

STALL_LIMIT_S = 150.0
"""Longer than KCL's slowest start on a busy machine."""
_LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Streaming:
    """What runs, and how far it is. Each `until_` blocks, and raises StartError where a process ended by itself,
    StalledError where no figure changes any more."""

    flow: Sending
    committed: Committed
    loaded: Loaded
    workers: Sequence[Worker]
    """The windows service is the last of them."""
    loader: Worker
    show: Callable[[str], None]
    """Told what is waited for."""

    def until_begun(self) -> None:
        """The first commit."""
        stall = StallWatch(STALL_LIMIT_S)
        while not self.committed.events:
            self._look("waiting for the first commit", self.workers)
            self.flow.require_sound()
            if (quiet_s := stall.quiet_s(self.flow.counters.delivered_events)) > stall.limit_s:
                raise self._stalled(f"nothing was committed for {quiet_s:.0f} s", self.workers)
            time.sleep(_LOOK_EVERY_S)

    def until_committed(self) -> None:
        """Every put event. Also raises what stopped the source."""
        stall = StallWatch(STALL_LIMIT_S)
        while True:
            finished = self.flow.finished.is_set()
            self._look("waiting for the rest" if finished else "streaming", self.workers)
            self.flow.require_sound()
            if finished and self.committed.events >= self.flow.counters.put_events:
                return
            quiet_s = stall.quiet_s(self.flow.counters.delivered_events, self.committed.events)
            if quiet_s > stall.limit_s:
                raise self._stalled(
                    f"nothing was committed for {quiet_s:.0f} s: {self.committed.events} of "
                    f"{self.flow.counters.put_events} events are",
                    self.workers,
                )
            self.flow.finished.wait(_LOOK_EVERY_S) if not finished else time.sleep(_LOOK_EVERY_S)

    def until_windows(self) -> None:
        """The windows service has merged all that is committed, and every window is out."""
        stall = StallWatch(STALL_LIMIT_S)
        while True:
            windows = self.committed.windows()
            self._look("waiting for the windows", self.workers)
            if windows.complete:
                return
            if (quiet_s := stall.quiet_s(windows.commits)) > stall.limit_s:
                raise self._stalled(f"the windows service has committed nothing for {quiet_s:.0f} s", self.workers[-1:])
            time.sleep(_LOOK_EVERY_S)

    def until_loaded(self) -> None:
        """All that is committed, windows and lists too, is loaded or set aside."""
        stall = StallWatch(STALL_LIMIT_S)
        tips = self.committed.tips()
        while True:
            self._look("waiting for the warehouse", ())
            if self.loaded.reaches(tips):
                return
            if (quiet_s := stall.quiet_s(self.loaded.books.seq)) > stall.limit_s:
                raise self._stalled(f"the loader has loaded nothing for {quiet_s:.0f} s", [self.loader])
            time.sleep(_LOOK_EVERY_S)

    def progress(self, doing: str, seconds: float) -> Progress:
        """As it was at the last look."""
        return Progress(
            doing,
            seconds,
            self.flow.counters.put_events,
            self.committed.events,
            len(self.committed.attempts),
            self.loaded.rows,
            dict(self.flow.delivered),
            dict(self.committed.events_by_shard()),
        )

    def _look(self, doing: str, workers: Sequence[Worker]) -> None:
        self.committed.refresh()
        self.loaded.refresh()
        self.show(doing)
        for worker in (*workers, self.loader):
            worker.require_alive()

    def _stalled(self, what: str, silent: Sequence[Worker]) -> StalledError:
        words = "\n".join(f"{worker.role}:\n{worker.last_words()}" for worker in silent)
        return StalledError(f"{what}; the last words of\n{words}")


class StallWatch:
    """How long no figure has changed."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self._figures: tuple[int, ...] = ()
        self._changed_s = time.monotonic()

    def quiet_s(self, *figures: int) -> float:
        if figures != self._figures:
            self._figures, self._changed_s = figures, time.monotonic()
        return time.monotonic() - self._changed_s
