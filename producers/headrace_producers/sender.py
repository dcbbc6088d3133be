"""The one loop that sends: lines are routed and cut, packs attempted, answers settled.

Theory of operation. step() does one round and says how long to rest; the session's thread calls it until it is told to
stop, tests call it with a clock of their own. What leaves an open pack is cut for good: its lane, number, hash key and
bytes never change, whatever happens to the stream. Only the first pack of each lane is ever attempted, so the next one
goes out after its end is known: delivered, or unknown once its first attempt is older than half the consumers' horizon.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable, Sequence

from headrace_producers.buffer import Buffer
from headrace_producers.clock import Clock, Instant
from headrace_producers.counters import Tally
from headrace_producers.delivery import Delivery, OnDelivery, Outcome
from headrace_producers.errors import TerminalError, TransientError
from headrace_producers.kinesis import Accepted, Answer, Connect, KinesisClient, PutRecord, Refused
from headrace_producers.lanes import Lanes
from headrace_producers.packer import Packer
from headrace_producers.packs import Body, Pack
from headrace_producers.settings import ProducerSettings
from headrace_producers.shard_map import ShardMap
from headrace_producers.spool import Spool

_log = logging.getLogger(__name__)


class Sender:
    """Owned by one thread; `flush_through` alone is set by others (an int, read once a round)."""

    def __init__(
        self,
        *,
        stream: str,
        producer_id: str,
        settings: ProducerSettings,
        buffer: Buffer,
        connect: Connect,
        clock: Clock,
        rng: random.Random,
        on_delivery: OnDelivery | None = None,
        spool: Spool | None = None,
    ) -> None:
        self._stream = stream
        self._settings = settings
        self._buffer = buffer
        self._connect = connect
        self._client: KinesisClient | None = None
        self._clock = clock
        self._on_delivery = on_delivery
        self._spool = spool
        self._packer = Packer(settings, producer_id)
        self._lanes = Lanes(settings, rng)
        self._shards: ShardMap | None = None
        self._next_listing_s = 0.0
        self._map_is_stale = True
        self._listing_failures = 0
        self._taken_through = 0
        self._last_take_s = clock.now().boot_s
        self.flush_through = 0
        self.tally = Tally()
        if spool is not None:
            self._lanes.add(spool.recover(clock.now()))
            buffer.settle_through(-1 if spool.packs else 0)

    def step(self) -> float | None:
        """One round; blocks while a call to Kinesis lasts. Answers how many seconds to rest, None until events come.

        Raises what making a client raises: without one nothing can be sent, ever.
        """
        client = self._client = self._client or self._connect()
        now = self._clock.now()
        self._refresh_map(client, now)
        self._route(now)
        for pack in self._lanes.expired(now):
            self._give_up(pack, Outcome.UNKNOWN)
        if packs := self._lanes.due(now):
            self._attempt(client, packs, now)
        self._tell_progress()
        return self._rest_s(self._clock.now())

    @property
    def wake_bytes(self) -> int:
        """How many waiting bytes end the rest early: any where nothing is open yet, else a few packs' worth."""
        return 1 if self._packer.is_empty else min(4 * self._settings.pack_bytes, self._settings.max_buffer_bytes // 4)

    def abandon(self) -> None:
        """Reports what is left as unknown (once attempted) or lost; spooled packs stay on disk for the next start."""
        for pack in self._lanes.abandon():
            if pack.spool_name is None:
                self._report(pack, Outcome.UNKNOWN if pack.first_attempt else Outcome.LOST)
        lines = [*self._packer.abandon(), *self._buffer.take()]
        if lines:
            self._tell(len(lines), Delivery(Outcome.LOST, tuple(line.event_id for line in lines)))

    # Routing

    def _refresh_map(self, client: KinesisClient, now: Instant) -> None:
        if not self._map_is_stale or now.boot_s < self._next_listing_s:
            return
        try:
            fresh = ShardMap(client.list_open_shards(self._stream))
        except (TransientError, TerminalError) as error:  # the stream may be made yet: nothing is lost by waiting
            _log.warning("the shards cannot be listed now", extra={"stream": self._stream, "error": str(error)})
            self._listing_failures += 1
            waits_s = self._settings.shard_map_min_age_s * 2 ** min(self._listing_failures, 30)
            self._next_listing_s = now.boot_s + min(waits_s, self._settings.retry_max_s)
            return
        self._listing_failures = 0
        self._next_listing_s = now.boot_s + self._settings.shard_map_min_age_s
        self.tally.shard_map_refreshes += 1
        self._shards, self._map_is_stale = fresh, False
        self._queue(self._packer.reroute(fresh, now.boot_s), now)

    def _route(self, now: Instant) -> None:
        if self._shards is None or self._spool_is_full():
            return
        if lines := self._buffer.take():
            opened_s = max(self._last_take_s, now.boot_s - self._settings.linger_s / 2)
            self._taken_through = max(self._taken_through, lines[-1].ordinal)
            self._queue(self._packer.add(lines, self._shards, opened_s), now)
        self._last_take_s = now.boot_s
        self._queue(self._packer.cut_due(now.boot_s, self.flush_through, self._lanes.is_idle), now)

    def _spool_is_full(self) -> bool:
        return self._spool is not None and self._spool.bytes >= self._settings.max_spool_bytes

    def _queue(self, packs: Iterable[Pack], now: Instant) -> None:
        for pack in packs:
            pack.due_s = now.boot_s
            if self._spool is not None:
                self._store(self._spool, pack)
            self._lanes.add([pack])

    def _store(self, spool: Spool, pack: Pack) -> None:
        try:
            spool.store(pack)
        except OSError as error:  # it stays in memory, so put() feels the full disk as a full buffer
            _log.warning("a pack cannot be spooled and stays in memory", extra={"error": error.strerror})
            return
        self._buffer.release(pack.events, pack.held_bytes)
        pack.held_bytes = 0

    # Sending

    def _attempt(self, client: KinesisClient, due: Sequence[Pack], now: Instant) -> None:
        ready = [(pack, body) for pack in due if (body := self._ready(pack, now))]
        if not ready:
            return
        records = [PutRecord(pack.partition_key, pack.explicit_hash_key, body.data) for pack, body in ready]
        answers = self._put(client, records)
        done = self._clock.now()
        for (pack, body), answer in zip(ready, answers, strict=True):
            self._settle(pack, body, answer, done)

    def _ready(self, pack: Pack, now: Instant) -> Body | None:
        """The pack's bytes, once its first attempt's time is where it must be; None when it cannot go now."""
        try:
            body = self._body(pack)
            if body is None:
                self._give_up(pack, Outcome.UNKNOWN if pack.first_attempt else Outcome.LOST)
                return None
            if pack.first_attempt is None and self._spool is not None and pack.spool_name is not None:
                self._spool.note_attempt(pack, now)
        except OSError as error:
            _log.warning("the spool fails; a pack waits", extra={"error": error.strerror})
            self._lanes.postpone(pack, now)
            return None
        self.tally.retried_packs += pack.attempts > 0
        pack.attempts += 1
        pack.first_attempt = pack.first_attempt or now
        return body

    def _put(self, client: KinesisClient, records: Sequence[PutRecord]) -> Sequence[Answer]:
        self.tally.calls += 1
        try:
            answers = client.put_records(self._stream, records)
        except (TransientError, TerminalError) as error:
            _log.warning(
                "a call failed; its packs are tried again", extra={"stream": self._stream, "error": str(error)}
            )
            answers = ()
        if len(answers) != len(records):
            self.tally.failed_calls += 1
            self._map_is_stale = True
            return [Refused("CallFailed")] * len(records)
        return answers

    def _settle(self, pack: Pack, body: Body, answer: Answer, now: Instant) -> None:
        if isinstance(answer, Refused):
            self._lanes.postpone(pack, now)
            return
        self._note_shard(pack, answer)
        self.tally.delivered_packs += 1
        self.tally.delivered_bytes += pack.size_bytes
        self._lanes.settle(pack)
        self._tell(pack.events, Delivery(Outcome.DELIVERED, body.event_ids, answer.shard_id, answer.sequence_number))
        self._release(pack)

    def _note_shard(self, pack: Pack, answer: Accepted) -> None:
        known = self._shards.shard_ids if self._shards else frozenset()
        expected = pack.lane.shard_id
        if answer.shard_id not in known or (answer.shard_id != expected and expected in known):
            self._map_is_stale = True

    def _give_up(self, pack: Pack, outcome: Outcome) -> None:
        self._lanes.settle(pack)
        self._report(pack, outcome)
        self._release(pack)

    def _release(self, pack: Pack) -> None:
        if self._spool is not None and pack.spool_name is not None:
            self._spool.remove(pack)
        else:
            self._buffer.release(pack.events, pack.held_bytes)

    def _body(self, pack: Pack) -> Body | None:
        if pack.body is None and self._spool is not None:
            return self._spool.load(pack)
        return pack.body

    # Telling

    def _report(self, pack: Pack, outcome: Outcome) -> None:
        try:
            body = self._body(pack)
        except OSError:
            body = None
        self._tell(pack.events, Delivery(outcome, body.event_ids if body else ()))

    def _tell(self, events: int, delivery: Delivery) -> None:
        name = f"{delivery.outcome}_events"
        setattr(self.tally, name, getattr(self.tally, name) + events)
        if delivery.outcome is not Outcome.DELIVERED:
            _log.error(
                "events were given up", extra={"stream": self._stream, "outcome": delivery.outcome, "events": events}
            )
        if self._on_delivery is None:
            return
        try:
            self._on_delivery(delivery)
        except Exception:  # noqa: BLE001 - the application's code: its failure must not stop the stream
            _log.exception("the delivery callback failed", extra={"stream": self._stream})

    def _tell_progress(self) -> None:
        ordinals = [
            ordinal for ordinal in (self._packer.oldest_ordinal(), self._lanes.oldest_ordinal()) if ordinal is not None
        ]
        self._buffer.settle_through(min(ordinals) - 1 if ordinals else self._taken_through)

    def _rest_s(self, now: Instant) -> float | None:
        dues = [self._lanes.next_due_s()]
        if self._shards is not None and not self._spool_is_full():
            dues.append(self._packer.next_due_s(self._lanes.is_idle))
        if self._map_is_stale:
            dues.append(self._next_listing_s)
        times = [due for due in dues if due is not None]
        return max(0.0, min(times) - now.boot_s) if times else None
