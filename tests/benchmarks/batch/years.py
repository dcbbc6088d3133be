"""Flights of many years: those of 2013 again and again, with other dates and ids, as raw files and their commits."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from headrace_batch.place import Place
from headrace_consumers.commit.attempts import new_attempt_id
from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.commitlog.model import Chain, Commit, Counts, Link
from headrace_consumers.lake import encode
from headrace_consumers.lanes import LaneState
from headrace_consumers.stages.schemas import INSTANT, RAW_SCHEMA, without_commit
from headrace_consumers.stages.staged import ShardStart
from headrace_local.flights.data import FLIGHTS, unpack_data
from headrace_local.flights.source import FlightsSource, SourceSettings
from headrace_local.pipelines import flights
from headrace_producers.contracts import contract_of
from headrace_producers.flights import WeatherObserved
from headrace_producers.wire.envelope import encode_line
from headrace_producers.wire.lane import Lane, pack_key
from tests.benchmarks.batch.folder_store import FolderStore
from tests.consumers.commitlog.tables import TABLE
from tests.fakes.dynamodb import MemoryDynamo
from tests.fakes.steps import Steps
from tests.fakes.streams import shard_id

PACK_BYTES = 50_000
COMMIT_BYTES = 64 * 1024 * 1024
"""As engines close their batches."""
SHARD = shard_id(0)
_BORN_MS = 1_300_000_000_000
_LANE = Lane("bench", SHARD)
_FIRST = 10**55


@dataclass(frozen=True, slots=True)
class Years:
    """A lake that holds nothing but raw files: all else of its commits is to be made once more."""

    root: Path
    place: Place
    events: int
    payload_bytes: int

    @property
    def raw(self) -> Path:
        return self.root / "raw" / flights.name


@dataclass(frozen=True, slots=True)
class Pack:
    body: bytes
    events: int
    arrival_ms: int


def make_years(root: Path, events: int) -> Years:
    store = FolderStore(root)
    dynamo: Any = MemoryDynamo().as_seen_by(Steps())
    log = DynamoDbLog(dynamo, TABLE, store)
    log.generation(flights.name)
    chain = Chain(flights.name, 1, _BORN_MS, SHARD)
    log.register(chain)
    end, number = 0, itertools.count(1)
    counted = payload = 0
    for batch in _commits(_packs(root, events)):
        raw = _raw(batch, number)
        commit = _commit(store, raw, batch, end)
        link = _link(chain, commit, raw, batch, end)
        log.append(commit, [link], "bench")
        end = link.end
        counted += sum(pack.events for pack in batch)
        payload += sum(len(pack.body) for pack in batch)
    place = Place(
        pipeline=flights, log=log, store=store, stream=_nothing(), aws=_nothing(), stream_created_ms=_BORN_MS,
        generation=1, owner="bench",
    )  # fmt: skip
    return Years(root, place, counted, payload)


def _nothing() -> Any:
    """Neither stream nor AWS is asked."""
    return None


def _packs(folder: Path, events: int) -> Iterator[Pack]:
    year = list(_year(folder, min(events, FLIGHTS)))
    for shift in itertools.count():
        for pack in year:
            if events <= 0:
                return
            events -= pack.events
            yield _shifted(pack, shift)


def _year(folder: Path, events: int) -> Iterator[Pack]:
    source = FlightsSource(unpack_data(folder), SourceSettings(flights=events))
    held: list[bytes] = []
    try:
        for event_id, event in source.events():
            if isinstance(event, WeatherObserved):
                continue
            contract = contract_of(type(event))
            at: datetime = getattr(event, contract.event_time)
            held.append(encode_line(event_id, "/flights/nyc", contract.type, at, event))
            if sum(map(len, held)) >= PACK_BYTES:
                yield Pack(b"".join(held), len(held), _ms(at))
                held = []
        if held:
            yield Pack(b"".join(held), len(held), _ms(at))
    finally:
        source.close()


def _ms(at: datetime) -> int:
    """A little after the event, whose neighbours may be younger than it."""
    return round(at.timestamp() * 1000) + 3_600_000


def _shifted(pack: Pack, years: int) -> Pack:
    """The year's last evening is in the next one, by UTC."""
    body = pack.body.replace(b'"id":"', b'"id":"y%d-' % years)
    for year in (2014, 2013):
        body = body.replace(b'"%d-' % year, b'"%d-' % (year + years))
    at = datetime.fromtimestamp(pack.arrival_ms / 1000, UTC)
    return Pack(body, pack.events, round(at.replace(year=at.year + years).timestamp() * 1000))


def _commits(packs: Iterator[Pack]) -> Iterator[list[Pack]]:
    held: list[Pack] = []
    for pack in packs:
        held.append(pack)
        if sum(len(one.body) for one in held) >= COMMIT_BYTES:
            yield held
            held = []
    if held:
        yield held


def _raw(packs: Sequence[Pack], number: Iterator[int]) -> pa.Table:
    numbers = [next(number) for _ in packs]
    arrivals = pa.array([pack.arrival_ms * 1000 for pack in packs], pa.int64())
    columns = {
        "data": pa.array([pack.body for pack in packs], pa.binary()),
        "shard_id": pa.array([SHARD] * len(packs), pa.string()),
        "sequence_number": pa.array([str(_FIRST + one) for one in numbers], pa.string()),
        "sub_sequence_number": pa.nulls(len(packs), pa.int64()),
        "arrival_time": arrivals.cast(INSTANT),
        "partition_key": pa.array([pack_key(_LANE, one) for one in numbers], pa.string()),
        "repeat": pa.array([False] * len(packs)),
    }
    return pa.table(columns, schema=without_commit(RAW_SCHEMA))


def _commit(store: FolderStore, raw: pa.Table, packs: Sequence[Pack], start: int) -> Commit:
    attempt_id = new_attempt_id(packs[-1].arrival_ms)
    end = int(raw["sequence_number"][-1].as_py())
    lanes = {_LANE.name: LaneState(start - _FIRST, packs[0].arrival_ms)} if start else {}
    shards = encode._shard_metadata({SHARD: ShardStart(lanes)}, {SHARD: (start, end)})
    pending = store.upload_pending(encode._raw_file(flights, raw, attempt_id, shards), attempt_id)
    store.complete(pending, attempt_id)
    events = sum(pack.events for pack in packs)
    return Commit(
        attempt_id=attempt_id, pipeline=flights.name, generation=1, files=(pending,), shards=(SHARD,), contracts=(),
        code_version="bench", written_ms=packs[-1].arrival_ms, counts=Counts(len(packs), events, events),
    )  # fmt: skip


def _link(chain: Chain, commit: Commit, raw: pa.Table, packs: Sequence[Pack], start: int) -> Link:
    last = raw["sequence_number"][-1].as_py()
    return Link(
        chain=chain, start=start, end=int(last), end_sequence_number=last, attempt_id=commit.attempt_id,
        counts=commit.counts, arrival_ms=packs[-1].arrival_ms, written_ms=commit.written_ms,
    )  # fmt: skip
