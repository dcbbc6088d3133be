"""A producer without threads, on a clock that stands still, and a consumer that drops repeats as the design says."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import msgspec

from headrace_producers.buffer import Buffer
from headrace_producers.clock import Instant
from headrace_producers.contracts import column, contract
from headrace_producers.delivery import Delivery, Outcome
from headrace_producers.encoder import EventEncoders
from headrace_producers.kinesis import Answer, PutRecord
from headrace_producers.sender import Sender
from headrace_producers.settings import ProducerSettings
from headrace_producers.spool import Spool
from headrace_producers.testing import FakeKinesis
from headrace_producers.wire.envelope import CloudEvent
from headrace_producers.wire.lane import Lane, parse_pack_key

if TYPE_CHECKING:
    from pathlib import Path

HORIZON_S = 3600.0


@contract(name="test.step", version=1, partition_key="key", event_time="at")
class Step(msgspec.Struct, frozen=True, kw_only=True):
    """The n-th event of a key."""

    key: str
    n: Annotated[int, column("Position within the key", ge=0)]
    at: datetime


class VirtualClock:
    """Moves when told to."""

    def __init__(self) -> None:
        self.wall_s = 1_700_000_000.0
        self.boot_s = 1_000.0

    def now(self) -> Instant:
        return Instant(self.wall_s, self.boot_s)

    def advance(self, seconds: float) -> None:
        self.wall_s += seconds
        self.boot_s += seconds


class Stream(FakeKinesis):
    """The shipped fake, which also knows when a record arrived and who descends from whom."""

    def __init__(self, clock: VirtualClock, shards: int) -> None:
        self.arrivals_s: list[float] = []
        self.parents: dict[str, list[str]] = {}
        self._clock = clock
        super().__init__(shards)

    def put_records(self, stream: str, records: Sequence[PutRecord]) -> Sequence[Answer]:
        try:
            return super().put_records(stream, records)
        finally:
            self.arrivals_s += [self._clock.wall_s] * (len(self.records) - len(self.arrivals_s))

    def split(self, shard_id: str) -> None:
        before = set(self.shard_ids)
        super().split(shard_id)
        self.parents |= {child: [shard_id] for child in set(self.shard_ids) - before}

    def merge(self, shard_id: str, neighbour_id: str) -> None:
        before = set(self.shard_ids)
        super().merge(shard_id, neighbour_id)
        self.parents |= {child: [shard_id, neighbour_id] for child in set(self.shard_ids) - before}

    def consumed(self) -> list[CloudEvent]:
        """What a consumer accepts: repeats dropped by lane, per shard, children beginning with their parents' maximum,
        a lane forgotten one horizon after its last accepted pack."""
        tables: dict[str, dict[Lane, tuple[int, float]]] = {}
        accepted: list[CloudEvent] = []
        for record, arrival_s in zip(self.records, self.arrivals_s, strict=True):
            table = tables.setdefault(record.shard_id, self._inherited(record.shard_id, tables))
            key = parse_pack_key(record.partition_key)
            assert key is not None
            last, last_s = table.get(key.lane, (0, arrival_s))
            if key.number <= last and arrival_s - last_s < HORIZON_S:
                continue
            table[key.lane] = (key.number, arrival_s)
            accepted += [msgspec.json.decode(line, type=CloudEvent) for line in record.data.splitlines()]
        return accepted

    def _inherited(
        self, shard_id: str, tables: dict[str, dict[Lane, tuple[int, float]]]
    ) -> dict[Lane, tuple[int, float]]:
        merged: dict[Lane, tuple[int, float]] = {}
        for parent in self.parents.get(shard_id, []):
            for lane, last in tables.get(parent, self._inherited(parent, tables)).items():
                merged[lane] = max(merged.get(lane, (0, 0.0)), last)
        return merged


@dataclass
class World:
    """One producer before one stream. `put` and `step` are all that happens, in the order in which a test says it."""

    shards: int = 2
    settings: ProducerSettings = field(
        default_factory=lambda: ProducerSettings(pack_units=1, max_pack_events=3, linger_s=0.1, horizon_s=HORIZON_S)
    )
    spool_dir: Path | None = None
    clock: VirtualClock = field(default_factory=VirtualClock)
    starts: int = 0
    spool: Spool | None = None
    told: list[Delivery] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stream = Stream(self.clock, self.shards)
        self._next: dict[str, int] = {}
        self.restart()

    def restart(self) -> None:
        """The process dies without a word, and starts again."""
        if self.spool:
            self.spool.close()
        self.starts += 1
        self.buffer = Buffer(1000, 10**7, put_timeout_s=0)
        self.spool = Spool(self.spool_dir) if self.spool_dir else None
        self.encoders = EventEncoders("test", 10**5)
        self.sender = Sender(
            stream="s",
            producer_id=f"p{self.starts}",
            settings=self.settings,
            buffer=self.buffer,
            connect=lambda: self.stream,
            clock=self.clock,
            rng=random.Random(1),
            on_delivery=self.told.append,
            spool=self.spool,
        )

    def put(self, key: str) -> str:
        n = self._next[key] = self._next.get(key, 0) + 1
        event_id = f"{key}-{n}"
        self.buffer.add(key, event_id, self.encoders.encode(Step(key=key, n=n, at=datetime.now(UTC)), event_id)[1])
        self.sent.append(event_id)
        return event_id

    def step(self, advance_s: float = 0.0) -> None:
        self.clock.advance(advance_s)
        self.sender.step()

    def attempt(self) -> None:
        """Rounds enough for the linger to be over and the first call to be made, too few for a retry."""
        self.step(0.11)
        self.step(0.06)

    def drain(self) -> None:
        """Heals nothing by itself: rounds until nothing is left, or a hundred are over."""
        self.sender.flush_through = self.buffer.put_events
        for _ in range(100):
            self.step(advance_s=11)
            if self.buffer.settled_through == self.buffer.put_events:
                return
        raise AssertionError("the producer does not come to an end")

    def close(self) -> None:
        if self.spool:
            self.spool.close()

    def accepted_ids(self) -> list[str]:
        return [event.id for event in self.stream.consumed()]

    def ids(self, outcome: Outcome) -> list[str]:
        return [event_id for told in self.told if told.outcome is outcome for event_id in told.event_ids]


def is_in_order(ids: Sequence[str]) -> bool:
    """Whether the numbers of each key rise."""
    last: dict[str, int] = {}
    for event_id in ids:
        key, _, number = event_id.partition("-")
        if int(number) <= last.get(key, 0):
            return False
        last[key] = int(number)
    return True
