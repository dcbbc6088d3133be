"""Between put() and the sender: a bounded queue of lines that counts what is held until it is settled."""

from __future__ import annotations

import math
import threading

from headrace_producers.errors import BufferFullError, ProducerClosedError
from headrace_producers.packs import Line


class Buffer:
    """Room for so many events and bytes. Threads put; one sender takes, and releases what is settled or spooled.

    The sender is woken once a pack's worth has come together, not by each event: waking costs more than encoding.
    """

    def __init__(self, max_events: int, max_bytes: int, put_timeout_s: float) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._put_timeout_s = put_timeout_s
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._progress = threading.Condition(self._lock)
        self._lines: list[Line] = []
        self._waiting_bytes = 0
        self._wake_bytes: float = math.inf
        self._nudged = False
        self._refusal: str | None = None
        self.events = 0
        self.bytes = 0
        self.put_events = 0
        self._stopped = False
        self.settled_through = 0
        """Every event up to this ordinal is settled; the sender says so after each round."""

    def add(self, partition_key: str, event_id: str, data: bytes) -> None:
        """Takes one line. Blocks while there is no room, then raises BufferFullError; ProducerClosedError after
        close()."""
        size = len(data)
        with self._lock:
            if self._refusal is not None:
                raise ProducerClosedError(self._refusal)
            if self._is_full(size):
                self._wait_for_room(size)
            self.put_events += 1
            self.events += 1
            self.bytes += size
            self._waiting_bytes += size
            self._lines.append(Line(self.put_events, partition_key, event_id, data))
            if self._waiting_bytes >= self._wake_bytes:
                self._wake_bytes = math.inf
                self._work.notify()

    def _is_full(self, size: int) -> bool:
        return self.events >= self._max_events or self.bytes + size > self._max_bytes

    def _wait_for_room(self, size: int) -> None:
        self._nudge()
        self._progress.wait_for(lambda: not self._is_full(size) or self._refusal is not None, self._put_timeout_s)
        if self._refusal is not None:
            raise ProducerClosedError(self._refusal)
        if self._is_full(size):
            raise BufferFullError(
                f"the buffer stayed full for {self._put_timeout_s} s with {self.events} events, {self.bytes} bytes: "
                "the stream takes less than is put; add shards, configure spool_dir, or put less"
            )

    def take(self) -> list[Line]:
        """All lines that came since the last call. They count as held until release()."""
        with self._lock:
            lines, self._lines, self._waiting_bytes = self._lines, [], 0
            return lines

    def release(self, events: int, held_bytes: int) -> None:
        with self._lock:
            self.events -= events
            self.bytes -= held_bytes
            self._progress.notify_all()

    def settle_through(self, ordinal: int) -> None:
        """The sender's word to those who flush: nothing up to `ordinal` is on its way any more."""
        with self._lock:
            self.settled_through = ordinal
            self._progress.notify_all()

    def wait_for_work(self, timeout_s: float | None, wake_bytes: int) -> None:
        """The sender's rest: until that many bytes wait, something nudges, or the time is over."""
        with self._lock:
            if not self._nudged and self._waiting_bytes < wake_bytes and timeout_s != 0:
                self._wake_bytes = wake_bytes
                self._work.wait(timeout_s)
                self._wake_bytes = math.inf
            self._nudged = False

    def wait_until_settled(self, ordinal: int, timeout_s: float | None) -> bool:
        """Blocks until every event up to `ordinal` is settled; False when time is over, or the sender ends, first."""
        with self._lock:
            self._nudge()
            self._progress.wait_for(lambda: self.settled_through >= ordinal or self._stopped, timeout_s)
            return self.settled_through >= ordinal

    def refuse(self, why: str) -> None:
        """No more is taken from now on; those who wait are told."""
        with self._lock:
            self._refusal = self._refusal or why
            self._nudge()
            self._progress.notify_all()

    def stop(self, why: str) -> None:
        """The sender's last word: nothing more will be settled."""
        self.refuse(why)
        with self._lock:
            self._stopped = True
            self._progress.notify_all()

    def _nudge(self) -> None:
        self._nudged = True
        self._work.notify()
