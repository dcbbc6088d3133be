"""Real flights as records: events in packs, packs in one lane."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from headrace_consumers.pipeline import Grain, LakeTable, Pipeline
from headrace_consumers.records import KinesisRecord
from headrace_local.flights.data import unpack_data
from headrace_local.flights.source import FlightsSource, SourceSettings
from headrace_producers.contracts import contract_of
from headrace_producers.flights import FlightCancelled, FlightDeparted, WeatherObserved
from headrace_producers.wire.envelope import encode_line
from headrace_producers.wire.lane import Lane, pack_key

SHARD = "shardId-000000000000"
FIRST_SEQUENCE_NUMBER = 10**55
ARRIVAL_MS = 1_700_000_000_000
PACK_BYTES = 50_000

PIPELINE = Pipeline(
    name="flights",
    stream="flights",
    tables=(
        LakeTable("flights_departed", FlightDeparted, Grain.MONTH, ("origin",)),
        LakeTable("flights_cancelled", FlightCancelled, Grain.MONTH, ("origin",)),
        LakeTable("weather_hourly", WeatherObserved, Grain.MONTH, ("origin",)),
    ),
)


def event_lines(flights: int) -> list[bytes]:
    """The events of the year's first flights, with their weather, as the producer writes them."""
    with tempfile.TemporaryDirectory() as folder:
        source = FlightsSource(unpack_data(Path(folder)), SourceSettings(flights))
        try:
            return [_line(event_id, event) for event_id, event in source.events()]
        finally:
            source.close()


def _line(event_id: str, event: msgspec.Struct) -> bytes:
    contract = contract_of(type(event))
    return encode_line(event_id, "/flights/nyc", contract.type, getattr(event, contract.event_time), event)


def packed(lines: Sequence[bytes], pack_bytes: int = PACK_BYTES) -> Iterator[bytes]:
    """Lines joined up to about `pack_bytes`."""
    ends = itertools.accumulate(map(len, lines))
    for _, pack in itertools.groupby(zip(lines, ends, strict=True), key=lambda line: (line[1] - 1) // pack_bytes):
        yield b"".join(text for text, _ in pack)


def records_of(packs: Sequence[bytes], shard_id: str = SHARD) -> list[KinesisRecord]:
    """Records of one lane, as KCL delivers them."""
    lane = Lane("bench", shard_id)
    return [
        KinesisRecord(pack, pack_key(lane, number), str(FIRST_SEQUENCE_NUMBER + number), 0, ARRIVAL_MS + number)
        for number, pack in enumerate(packs, 1)
    ]
