"""One producer id, its buffer and its sending thread: from the first put until close(), fork or renew()."""

from __future__ import annotations

import itertools
import logging
import random
import threading
import uuid
from collections.abc import Callable
from dataclasses import asdict

from headrace_producers.buffer import Buffer
from headrace_producers.clock import Clock
from headrace_producers.counters import ProducerCounters, Tally
from headrace_producers.delivery import OnDelivery
from headrace_producers.errors import HeadraceError
from headrace_producers.kinesis import Connect
from headrace_producers.sender import Sender
from headrace_producers.settings import ProducerSettings
from headrace_producers.spool import Spool

_log = logging.getLogger(__name__)
_JOIN_S = 20.0
"""A call to Kinesis may last as long as its timeouts say."""


class Session:
    """Never outlives its process: a fork's child makes its own, with an id of its own."""

    def __init__(
        self, stream: str, settings: ProducerSettings, connect: Connect, clock: Clock, on_delivery: OnDelivery | None
    ) -> None:
        self.producer_id = uuid.uuid4().hex
        self.buffer = Buffer(settings.max_buffer_events, settings.max_buffer_bytes, settings.put_timeout_s)
        self.add = self.buffer.add
        self._spool = Spool(settings.spool_dir) if settings.spool_dir else None
        self._make_sender: Callable[[], Sender] = lambda: Sender(
            stream=stream,
            producer_id=self.producer_id,
            settings=settings,
            buffer=self.buffer,
            connect=connect,
            clock=clock,
            rng=random.Random(),  # noqa: S311 - jitter, not a secret
            on_delivery=on_delivery,
            spool=self._spool,
        )
        self._sender: Sender | None = None
        self._ids = itertools.count(1)
        self._flush_through = 0
        self._deadline_reached = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"headrace-{stream}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            sender = self._sender = self._make_sender()
            self._loop(sender)
            sender.abandon()
        finally:
            if self._spool is not None:
                self._spool.close()
            self.buffer.stop("the sender stopped")

    def _loop(self, sender: Sender) -> None:
        try:
            while not self._deadline_reached.is_set():
                sender.flush_through = self._flush_through
                rest_s = sender.step()
                self.buffer.wait_for_work(rest_s, sender.wake_bytes)
        except Exception as error:  # noqa: BLE001 - put() must hear of the thread's end, whatever it was
            why = str(error) if isinstance(error, HeadraceError) else type(error).__name__
            _log.error("the sender stopped", extra={"error": why})
            self.buffer.refuse(f"the sender stopped: {why}")

    def next_id(self) -> str:
        """An event id of its own: the producer id is drawn at random, in each process."""
        return f"{self.producer_id}-{next(self._ids)}"

    def flush(self, timeout_s: float | None) -> bool:
        ordinal = self.buffer.put_events
        self._flush_through = max(self._flush_through, ordinal)
        return self.buffer.wait_until_settled(ordinal, timeout_s)

    def close(self, timeout_s: float | None) -> bool:
        self.buffer.refuse("the producer is closed")
        settled = self.flush(timeout_s)
        self.stop()
        return settled

    def stop(self) -> None:
        """Ends the thread after the call that it is in; what is left is reported, or stays in the spool."""
        self._deadline_reached.set()
        self.buffer.refuse("the producer is closed")
        if threading.current_thread() is not self._thread:
            self._thread.join(_JOIN_S)

    def forget_in_child(self) -> None:
        """After a fork, in the child: the parent's thread is not here, and its lock must not stay here."""
        if self._spool is not None:
            self._spool.close()

    def counters(self, refused_events: int) -> ProducerCounters:
        tally = self._sender.tally if self._sender else Tally()
        return ProducerCounters(
            put_events=self.buffer.put_events,
            refused_events=refused_events,
            buffered_events=self.buffer.events,
            buffered_bytes=self.buffer.bytes,
            spooled_packs=self._spool.packs if self._spool else 0,
            spooled_bytes=self._spool.bytes if self._spool else 0,
            **asdict(tally),
        )
