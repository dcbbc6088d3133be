"""Real flights as the daemon writes them: encoded and packed by the producer's own code, one shard."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from headrace_local.flights.data import FLIGHTS, unpack_data
from headrace_local.flights.source import FlightsSource, SourceEvent, SourceSettings
from headrace_producers.contracts import contract_of
from headrace_producers.encoder import EventEncoders
from headrace_producers.kinesis import OpenShard
from headrace_producers.packer import Packer
from headrace_producers.packs import Line, Pack
from headrace_producers.settings import ProducerSettings
from headrace_producers.shard_map import HASH_KEYS, ShardMap
from tests.fakes.daemon import LEASE_LOST_LINE, SHUTDOWN_LINE, initialize_line, record_of, records_line
from tests.fakes.streams import shard_id

SHARD = shard_id(0)
RECORDS_A_READ = 10
"""A shard gives 2 MB a second, and our settings of KCL keep a read near 2.5 MB of packs."""
_FIRST_SEQUENCE = 49_650_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000
_SEQUENCE_STEP = 7_000_000_000_000
_SETTINGS = ProducerSettings(source="nycflights13")


@dataclass(frozen=True, slots=True)
class Recording:
    """Daemon lines in a file, and what their records hold."""

    path: Path
    events: int
    payload_bytes: int

    @property
    def megabytes(self) -> float:
        return self.payload_bytes / 1e6

    def lines(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            yield from file


def record_flights(folder: Path, events: int) -> Recording:
    """Writes the lines of the first `events` events of the year, hence at most as many as it has."""
    source = FlightsSource(unpack_data(folder), SourceSettings(flights=min(events, FLIGHTS)))
    path = folder / "lines.ndjson"
    counted = payload_bytes = 0
    try:
        records = _records(itertools.islice(source.events(), events))
        with path.open("wb") as file:
            file.write(initialize_line(SHARD))
            while read := list(itertools.islice(records, RECORDS_A_READ)):
                file.write(records_line([record for _, record in read], millis_behind_latest=1000))
                counted += sum(pack.events for pack, _ in read)
                payload_bytes += sum(pack.size_bytes for pack, _ in read)
            file.write(SHUTDOWN_LINE)
            file.write(LEASE_LOST_LINE)
    finally:
        source.close()
    return Recording(path, counted, payload_bytes)


def _records(events: Iterator[SourceEvent]) -> Iterator[tuple[Pack, dict[str, Any]]]:
    latest_ms = 0
    for number, (pack, event_ms) in enumerate(_packs(events)):
        # The stream takes a pack after its last event, and never goes back in time.
        latest_ms = max(latest_ms, event_ms + 1000)
        if pack.body is None:
            raise ValueError("a pack without a spool carries its body")
        sequence = _FIRST_SEQUENCE + number * _SEQUENCE_STEP
        yield pack, record_of(pack.body.data, pack.partition_key, sequence, latest_ms)


def _packs(events: Iterator[SourceEvent]) -> Iterator[tuple[Pack, int]]:
    """Packs, each with the greatest event time until then, in milliseconds."""
    encoders = EventEncoders(_SETTINGS.source, _SETTINGS.max_event_bytes)
    shards = ShardMap([OpenShard(SHARD, 0, HASH_KEYS - 1)])
    packer = Packer(_SETTINGS, "bench-producer")
    event_ms = 0
    for ordinal, (event_id, event) in enumerate(events, start=1):
        key, data = encoders.encode(event, event_id)
        for pack in packer.add([Line(ordinal, key, event_id, data)], shards, 0.0):
            yield pack, event_ms
        event_ms = max(event_ms, _event_ms(event))
    for pack in packer.cut_due(math.inf, 0, lambda _: True):
        yield pack, event_ms


def _event_ms(event: msgspec.Struct) -> int:
    time: datetime = getattr(event, contract_of(type(event)).event_time)
    return int(time.timestamp() * 1000)
