"""Files of every table of the flights pipeline, as the engine, the windows service and landing write them."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from headrace_batch.landing.reading import read_blocks
from headrace_batch.landing.staging import Origin, stage_file
from headrace_consumers.lake.encode import encode_files, table_files
from headrace_consumers.lake.objects import EncodedFile
from headrace_consumers.records import ShardRecords
from headrace_consumers.stages import stage_batch
from headrace_consumers.stages.staged import ShardStart
from headrace_consumers.windows import Window
from headrace_consumers.windows_service.emitting import Changes, emit
from headrace_consumers.windows_service.files import curated_files
from headrace_consumers.windows_service.state import WindowState
from headrace_local.flights.data import lists_csv
from headrace_local.pipelines import flights
from tests.consumers.lake_encode.flights import SHARD, event_lines, packed, records_of

ATTEMPT = "018bcfe56800aaaaaaaaaaaaaaaa"
FLIGHTS = 400
FAR_FUTURE_US = 10**16
LISTED_US = 1_357_000_000_000_000


def lake_files() -> list[EncodedFile]:
    """Of January and March, with one dead letter, with late events, and with all windows."""
    january = event_lines(FLIGHTS)
    march = [line.replace(b"2013-01-0", b"2013-03-0") for line in january]
    records = records_of([*packed([*january, *march, b"{}\n", *january[:20]])])
    staged = stage_batch(flights, [ShardRecords(SHARD, records)], {SHARD: ShardStart()}, 1 << 26)
    files = encode_files(flights, staged, ATTEMPT, {SHARD: ShardStart()}, {SHARD: (0, 10**55)})
    windows = (file for window in flights.windows for file in _windows(window, files))
    return [*files, *windows, *(file for name, path in lists_csv().items() for file in _landed(name, path))]


def _landed(name: str, path: Path) -> Iterator[EncodedFile]:
    source, body = flights.landing(name), path.read_bytes()
    assert source is not None
    staged = stage_file(flights, source, read_blocks(body, source), Origin(name, "0" * 64, LISTED_US), LISTED_US)
    return table_files(source.table, staged.rows, ATTEMPT)


def _windows(window: Window, files: Sequence[EncodedFile]) -> Iterator[EncodedFile]:
    state = WindowState.of(window, flights.table(window.table).contract, _no_object, None)
    partials: list[pa.Table] = [
        pq.read_table(io.BytesIO(file.body)) for file in files if file.partition == window.folder
    ]
    emission = emit(state, Changes(state.add(partials)), FAR_FUTURE_US, 64)
    return curated_files(state, emission.rows, ATTEMPT)


def _no_object(bucket: str, key: str) -> bytes:
    raise AssertionError(f"nothing was ever written to {bucket}/{key}")
