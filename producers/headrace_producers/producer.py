"""The producer that an application embeds."""

from __future__ import annotations

import os
import threading
import weakref
from types import TracebackType
from typing import Self

import msgspec

from headrace_producers.clock import Clock, SystemClock
from headrace_producers.counters import ProducerCounters
from headrace_producers.delivery import OnDelivery
from headrace_producers.encoder import EventEncoders
from headrace_producers.errors import InvalidRecordError, ProducerClosedError
from headrace_producers.kinesis import Connect, KinesisClient
from headrace_producers.session import Session
from headrace_producers.settings import ProducerSettings

_living: weakref.WeakSet[Producer] = weakref.WeakSet()


class Producer:
    """Puts typed events into one Kinesis stream, in order per partition key, each once for Headrace's consumers.

    put() returns as soon as the event is in the buffer; a thread of its own packs and sends. Use it in a `with` block,
    or call close(). Threads may share it. What can be lost, and when:

    - the process dies: what is in the buffer is lost. With `spool_dir` only what was not yet packed (for `linger_s`, or
      while a lane is busy up to one pack per shard); the next producer of that folder sends the rest;
    - Kinesis gives no clear answer for half of `horizon_s` (30 minutes): the pack is reported UNKNOWN, for sending it
      again might double it. It is in the stream once, or not at all;
    - close() runs out of time: never attempted events are reported LOST, attempted ones UNKNOWN. With a spool they stay
      there;
    - put() raises: that event was not taken.

    Nothing else is lost, and nothing is doubled: repeats of a pack, after timeouts, restarts from a spool and reshards,
    carry the lane and number by which the consumers drop them. Other readers of the stream see those repeats.

    A fork's child starts with an empty buffer and an id of its own: what the parent had buffered, the parent sends.
    """

    def __init__(
        self,
        stream: str,
        settings: ProducerSettings | None = None,
        *,
        connect: Connect | None = None,
        on_delivery: OnDelivery | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Opens nothing yet: threads, connections and the spool begin with the first put(), in the process that puts.

        `connect` makes the Kinesis client; without it boto3 does, configured by its usual environment variables.
        """
        self._stream = stream
        self._settings = settings or ProducerSettings()
        self._connect = connect or _boto3_connect
        self._on_delivery = on_delivery
        self._clock = clock or SystemClock()
        self._encoders = EventEncoders(self._settings.source, self._settings.max_event_bytes)
        self._session: Session | None = None
        self._closed = False
        self._refused_events = 0
        self._lock = threading.Lock()
        _living.add(self)

    def put(self, event: msgspec.Struct, event_id: str | None = None) -> str:
        """Checks, encodes and buffers one event; answers its id. Never waits for the network.

        `event_id` is yours to give where the source has one; it must be unique per `source`. Blocks up to
        `put_timeout_s` while the buffer is full, then raises BufferFullError. InvalidRecordError says which field
        breaks which rule; ContractError that the class declares no contract; ProducerClosedError that nothing is taken
        any more; SettingsError, at the first put, that the spool belongs to another process.
        """
        session = self._session or self._begin()
        if event_id is None:
            event_id = session.next_id()
        try:
            partition_key, line = self._encoders.encode(event, event_id)
        except InvalidRecordError:
            with self._lock:
                self._refused_events += 1
            raise
        session.add(partition_key, event_id, line)
        return event_id

    def flush(self, timeout_s: float | None = None) -> bool:
        """Sends what was put before this call, without lingering, and waits until all of it has found its end.

        False when `timeout_s` is over first (None waits as long as it takes), or when the sender has stopped.
        """
        session = self._session
        return session is None or session.flush(timeout_s)

    def close(self, timeout_s: float | None = None) -> bool:
        """Takes no more, flushes, stops. A call under way is waited for.

        False when something was left when `timeout_s` (the settings' by default) was over: it has been reported to the
        delivery callback, or is in the spool.
        """
        with self._lock:
            session, self._closed = self._session, True
        if session is None:
            return True
        return session.close(self._settings.close_timeout_s if timeout_s is None else timeout_s)

    def renew(self) -> None:
        """Starts afresh under a new id, as a fork's child does by itself.

        Call it where this process wakes as a copy (restored from a snapshot), before the next put(). What was buffered
        is dropped and reported: flush() before the snapshot is taken.
        """
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            session.stop()

    def counters(self) -> ProducerCounters:
        """What happened so far in this process, since the last renewal."""
        session = self._session
        if session is None:
            return ProducerCounters(refused_events=self._refused_events)
        return session.counters(self._refused_events)

    @property
    def producer_id(self) -> str | None:
        """The id in the lanes; None before the first put() of this process."""
        session = self._session
        return session.producer_id if session else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _begin(self) -> Session:
        with self._lock:
            if self._closed:
                raise ProducerClosedError("the producer is closed")
            if self._session is None:
                self._session = Session(self._stream, self._settings, self._connect, self._clock, self._on_delivery)
            return self._session

    def _forget_in_child(self) -> None:
        session, self._session = self._session, None
        self._lock = threading.Lock()
        self._refused_events = 0
        if session is not None:
            session.forget_in_child()


def _boto3_connect() -> KinesisClient:
    from headrace_producers.boto import connect

    return connect()


def _after_fork_in_child() -> None:
    for producer in list(_living):
        producer._forget_in_child()  # noqa: SLF001 - the hook belongs to the class


os.register_at_fork(after_in_child=_after_fork_in_child)
