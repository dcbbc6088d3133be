"""Sending records in their order, at a bounded rate, by calls of which any part may be refused.

Theory of operation. A call of PutRecords keeps no order where a part of it is refused, and a consumer takes a pack of a
lane for a repeat once a later one is there. So of each lane, and of each foreign partition key, one record at a time
is on its way, and the next one goes once that is settled. Many lanes fill a call. A call without an answer is made
again: packs that were taken after all are dropped by their lane, other records may come twice.
"""

from __future__ import annotations

import hashlib
import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from headrace_batch.replay.reading import RawRecord
from headrace_producers.errors import TransientError
from headrace_producers.kinesis import Accepted, Answer, KinesisClient, PutRecord
from headrace_producers.wire.lane import parse_pack_key

MAX_RECORDS = 500
"""Of one call, by Kinesis; so the window holds them."""
MAX_CALL_BYTES = 4 * 1024 * 1024
"""Kinesis takes 5 MiB, keys included."""
LOOKAHEAD_RECORDS = 2_000
LOOKAHEAD_BYTES = 64 * 1024 * 1024
FIRST_REST_S = 0.05
LONGEST_REST_S = 5.0
PATIENCE_S = 120.0


@dataclass(slots=True)
class _Waiting:
    record: RawRecord
    order: str
    """Records of one order go one after the other."""
    settled: bool = False


@dataclass(slots=True)
class Positions:
    """Mutable: per shard, up to where all is sent. What was sent beyond it may be sent again on resumption."""

    by_shard: dict[str, str] = field(default_factory=dict)
    records: int = 0
    bytes: int = 0
    complete: bool = False
    """Nothing is left."""

    def options(self) -> str:
        """What goes on from here, on the command line."""
        return " ".join(f"--after {shard}:{number}" for shard, number in sorted(self.by_shard.items()))


@dataclass(slots=True)
class Sender:
    """Mutable. `pause` waits; `now_s` is monotonic."""

    client: KinesisClient
    stream: str
    rate: float
    """Records a second, at most."""
    now_s: Callable[[], float]
    pause: Callable[[float], None]
    stopped: Callable[[], bool] = lambda: False
    tell: Callable[[Positions], None] = lambda _: None
    first_hashes: Mapping[str, int] = field(default_factory=dict)
    """Of the shards that the records came from, where they are known."""
    done: Positions = field(default_factory=Positions)
    _window: deque[_Waiting] = field(default_factory=deque)
    _passed: dict[str, str] = field(default_factory=dict)
    """By shard, the sequence number of the last record that left the window; an aggregate's has several."""
    _reason: str = ""
    """Why the last one was not taken."""

    def send(self, records: Iterator[RawRecord]) -> Positions:
        """All of them, or until `stopped`. Raises TransientError where Kinesis takes nothing for PATIENCE_S; `done`
        then says how far it is."""
        began_s = last_s = self.now_s()
        rest_s = FIRST_REST_S
        while self._fill(records) and not self.stopped():
            settled = self._settle(self._next_call())
            now_s = self.now_s()
            if settled:
                last_s, rest_s = now_s, FIRST_REST_S
                self.pause(max(0.0, began_s + self.done.records / self.rate - now_s))
            elif now_s - last_s > PATIENCE_S:
                raise TransientError(
                    f"stream {self.stream} has taken nothing for {PATIENCE_S:.0f} s ({self._reason}); try again later"
                )
            else:
                self.pause(rest_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
                rest_s = min(2 * rest_s, LONGEST_REST_S)
            self.tell(self.done)
        if not self._fill(records):
            self.done.by_shard |= self._passed
            self.done.complete = True
        return self.done

    def _fill(self, records: Iterator[RawRecord]) -> bool:
        """Whether anything is left to send."""
        held = sum(len(one.record.data) for one in self._window)
        while len(self._window) < LOOKAHEAD_RECORDS and held < LOOKAHEAD_BYTES:
            record = next(records, None)
            if record is None:
                break
            self._window.append(_Waiting(record, _order(record)))
            held += len(record.data)
        return bool(self._window)

    def _next_call(self) -> list[_Waiting]:
        chosen: list[_Waiting] = []
        orders: set[str] = set()
        room = min(MAX_RECORDS, max(1, int(self.rate)))
        size = 0
        for one in self._window:
            if one.settled or one.order in orders:
                continue
            orders.add(one.order)
            size += len(one.record.data) + len(one.record.partition_key.encode())
            if len(chosen) == room or (chosen and size > MAX_CALL_BYTES):
                break
            chosen.append(one)
        return chosen

    def _settle(self, call: list[_Waiting]) -> int:
        """How many were taken."""
        taken = 0
        for one, answer in zip(call, self._put(call), strict=True):
            if isinstance(answer, Accepted):
                one.settled = True
                taken += 1
                self.done.bytes += len(one.record.data)
            elif answer is not None:
                self._reason = answer.code
        self.done.records += taken
        self._pass()
        return taken

    def _put(self, call: list[_Waiting]) -> list[Answer | None]:
        records = [PutRecord(one.record.partition_key, self._hash_key(one.record), one.record.data) for one in call]
        try:
            return list(self.client.put_records(self.stream, records))
        except TransientError as error:
            self._reason = str(error)
            return [None] * len(call)

    def _hash_key(self, record: RawRecord) -> str:
        """Packs of a shard stay together and in order, wherever their keys would be hashed to."""
        if parse_pack_key(record.partition_key) is None:
            return str(int.from_bytes(hashlib.md5(record.partition_key.encode(), usedforsecurity=False).digest()))
        known = self.first_hashes.get(record.shard_id)
        digest = hashlib.md5(record.shard_id.encode(), usedforsecurity=False).digest()
        return str(known if known is not None else int.from_bytes(digest))

    def _pass(self) -> None:
        """A sequence number is passed when one behind it leaves the window: until then more of it may come."""
        while self._window and self._window[0].settled:
            record = self._window.popleft().record
            before = self._passed.get(record.shard_id, record.sequence_number)
            if before != record.sequence_number:
                self.done.by_shard[record.shard_id] = before
            self._passed[record.shard_id] = record.sequence_number


def _order(record: RawRecord) -> str:
    pack = parse_pack_key(record.partition_key)
    return f"lane {pack.lane.name}" if pack else f"key {record.partition_key}"
