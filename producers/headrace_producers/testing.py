"""An in-memory Kinesis for the tests of applications that embed a producer.

    kinesis = FakeKinesis()
    with Producer("flights", connect=lambda: kinesis) as producer:
        producer.put(FlightDeparted(...))
    assert [put.event.flight for put in kinesis.events(FlightDeparted)] == [1545]

Faults are scripted: each call of PutRecords takes the next one, calls beyond the script succeed.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise
from typing import Any, Generic, TypeVar

import msgspec

from headrace_producers.compression import decompressed
from headrace_producers.contracts import contract_of
from headrace_producers.errors import PutFailedError
from headrace_producers.kinesis import Accepted, Answer, OpenShard, PutRecord, Refused
from headrace_producers.shard_map import HASH_KEYS
from headrace_producers.wire.envelope import CloudEvent
from headrace_producers.wire.lane import Lane, parse_pack_key

Event = TypeVar("Event", bound=msgspec.Struct)


class Fault(Enum):
    """What a call of PutRecords may meet."""

    NONE = auto()
    THROTTLE_ALL = auto()
    """Every record is refused."""
    THROTTLE_EVERY_OTHER = auto()
    """The second, fourth, ... record is refused, the others are taken."""
    LOSE_REQUEST = auto()
    """The call fails, nothing was taken."""
    LOSE_ANSWER = auto()
    """The call fails, though everything was taken: what a timeout after acceptance looks like."""


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record of the stream, in the order of its sequence number."""

    shard_id: str
    sequence_number: str
    partition_key: str
    explicit_hash_key: str
    data: bytes


@dataclass(frozen=True, slots=True)
class PutEvent(Generic[Event]):
    """An event as a consumer sees it, its contract checked."""

    event_id: str
    shard_id: str
    event: Event


class FakeKinesis:
    """One stream that keeps everything. Thread-safe; nothing leaves the process."""

    def __init__(self, shards: int = 1) -> None:
        """Hash keys are shared evenly among `shards`."""
        self._lock = threading.Lock()
        self._made = 0
        self._sequence = 0
        self._faults: deque[Fault] = deque()
        self._shards: list[OpenShard] = []
        edges = [HASH_KEYS * index // shards for index in range(shards + 1)]
        for first, after in pairwise(edges):
            self._open(first, after - 1)
        self.records: list[StoredRecord] = []
        """All that was taken, repeats included."""
        self.calls = 0

    # What the producer calls

    def put_records(self, stream: str, records: Sequence[PutRecord]) -> Sequence[Answer]:
        with self._lock:
            self.calls += 1
            fault = self._faults.popleft() if self._faults else Fault.NONE
            if fault is Fault.LOSE_REQUEST:
                raise PutFailedError(f"cannot put into stream {stream}: the request was lost on purpose")
            answers = [self._take(record, fault, index) for index, record in enumerate(records)]
            if fault is Fault.LOSE_ANSWER:
                raise PutFailedError(f"cannot put into stream {stream}: the answer was lost on purpose")
            return answers

    def list_open_shards(self, stream: str) -> Sequence[OpenShard]:
        del stream
        with self._lock:
            return list(self._shards)

    # What a test calls

    def script(self, *faults: Fault) -> None:
        """The next calls of PutRecords meet these, one each."""
        with self._lock:
            self._faults.extend(faults)

    def split(self, shard_id: str) -> None:
        """Halves a shard's hash keys."""
        with self._lock:
            parent = self._close(shard_id)
            middle = (parent.first_hash + parent.last_hash) // 2
            self._open(parent.first_hash, middle)
            self._open(middle + 1, parent.last_hash)

    def merge(self, shard_id: str, neighbour_id: str) -> None:
        """Joins two neighbours."""
        with self._lock:
            parents = [self._close(shard_id), self._close(neighbour_id)]
            self._open(min(one.first_hash for one in parents), max(one.last_hash for one in parents))

    @property
    def shard_ids(self) -> list[str]:
        """The open shards, by their hash keys."""
        with self._lock:
            return [shard.shard_id for shard in sorted(self._shards, key=lambda shard: shard.first_hash)]

    def events(self, event: type[Event]) -> list[PutEvent[Event]]:
        """The events of one contract as Headrace's consumers see them: repeated packs dropped, constraints checked
        (msgspec.ValidationError). Events of one shard are in order."""
        contract = contract_of(event)
        return [
            PutEvent(line.id, record.shard_id, msgspec.convert(line.data, event))
            for record in self._unrepeated()
            for line in _lines(record.data)
            if line.type == contract.type
        ]

    def _unrepeated(self) -> Iterator[StoredRecord]:
        last: dict[Lane, int] = {}
        for record in list(self.records):
            key = parse_pack_key(record.partition_key)
            if key is not None and key.number <= last.get(key.lane, 0):
                continue
            if key is not None:
                last[key.lane] = key.number
            yield record

    def _take(self, record: PutRecord, fault: Fault, index: int) -> Answer:
        if fault is Fault.THROTTLE_ALL or (fault is Fault.THROTTLE_EVERY_OTHER and index % 2):
            return Refused("ProvisionedThroughputExceededException")
        hashed = int(record.explicit_hash_key)
        shard = next(one for one in self._shards if one.first_hash <= hashed <= one.last_hash)
        self._sequence += 1
        number = f"{49_000_000_000_000_000_000 + self._sequence}"
        self.records.append(
            StoredRecord(shard.shard_id, number, record.partition_key, record.explicit_hash_key, record.data)
        )
        return Accepted(shard.shard_id, number)

    def _open(self, first_hash: int, last_hash: int) -> None:
        self._shards.append(OpenShard(f"shardId-{self._made:012d}", first_hash, last_hash))
        self._made += 1

    def _close(self, shard_id: str) -> OpenShard:
        shard = next(one for one in self._shards if one.shard_id == shard_id)
        self._shards.remove(shard)
        return shard


def _lines(data: bytes) -> list[Any]:
    return [_decode(line) for line in decompressed(data).splitlines()]


_decode = msgspec.json.Decoder(CloudEvent).decode
