"""Compaction's CPU beside pyarrow's own reading and writing of the same files, in one run of one process.

pyarrow reads the files one after the other, sorts the rows as the table says, and writes them with the settings that
Headrace's files have. Both work in one thread. Nothing of AWS is in either.
"""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from headrace_batch.compaction.merging import merged_rows
from headrace_batch.rewriting import Origin, Rewriting
from headrace_consumers.lake.encode import encode_files
from headrace_consumers.lake.parquet import COMPRESSION_LEVEL, ROW_GROUP_ROWS, repeating
from headrace_consumers.records import ShardRecords
from headrace_consumers.stages import stage_batch
from headrace_consumers.stages.staged import ShardStart
from tests.benchmarks.batch.line import Finding
from tests.consumers.lake_encode.flights import PIPELINE, SHARD, event_lines, packed, records_of

TABLE = PIPELINE.tables[0]
KEYS = (*TABLE.sort_by, "event_time")
GOAL = 1.3


@dataclass(frozen=True, slots=True)
class Measured:
    """Medians of CPU seconds."""

    files: int
    rows: int
    compaction_s: float
    pyarrow_s: float
    unsorted_s: float
    """pyarrow again, which only puts the rows behind each other."""

    @property
    def ratio(self) -> float:
        return self.compaction_s / self.pyarrow_s

    @property
    def rows_per_cpu_s(self) -> float:
        return self.rows / self.compaction_s


def small_files(flights: int, files: int) -> list[bytes]:
    """Departures of real flights as that many commits write them, of the partition that has the most rows."""
    lines = event_lines(flights)
    size = len(lines) // files + 1
    bodies: dict[str, list[bytes]] = {}
    for number, begin in enumerate(range(0, len(lines), size)):
        records = records_of([*packed(lines[begin : begin + size])])
        staged = stage_batch(PIPELINE, [ShardRecords(SHARD, records)], {SHARD: ShardStart({}, None)}, 1 << 26)
        made = encode_files(PIPELINE, staged, f"{number:028x}", {SHARD: ShardStart({}, None)}, {SHARD: (0, 1)})
        for file in made:
            if file.table == TABLE.name:
                bodies.setdefault(file.partition, []).append(bytes(file.body))
    return max(bodies.values(), key=len)


def compacted(bodies: Sequence[bytes]) -> memoryview:
    schema = pq.ParquetFile(io.BytesIO(bodies[0])).schema_arrow
    texts = repeating(schema)
    new = Rewriting(schema, Origin.STREAM, texts=texts)
    for rows in merged_rows([pq.ParquetFile(pa.BufferReader(body), read_dictionary=texts) for body in bodies], KEYS):
        new.write(rows)
    return new.body({})


def by_pyarrow(bodies: Sequence[bytes], *, ordered: bool = True) -> memoryview:
    whole = pa.concat_tables([pq.read_table(pa.BufferReader(body), use_threads=False) for body in bodies])
    rows = whole.sort_by([(key, "ascending") for key in KEYS]) if ordered else whole
    sink = pa.BufferOutputStream()
    pq.write_table(
        rows,
        sink,
        compression="zstd",
        compression_level=COMPRESSION_LEVEL,
        row_group_size=ROW_GROUP_ROWS,
        use_dictionary=repeating(rows.schema),
    )
    return memoryview(sink.getvalue())


def measure(flights: int = 336_776, files: int = 720, times: int = 5) -> Measured:
    """The ways in turn, so that what the machine does beside them burdens all alike."""
    bodies = small_files(flights, files)
    ways: list[Callable[[], object]] = [
        lambda: compacted(bodies),
        lambda: by_pyarrow(bodies),
        lambda: by_pyarrow(bodies, ordered=False),
    ]
    before = pa.cpu_count()
    pa.set_cpu_count(1)
    try:
        rounds = [[_cpu_s(way) for way in ways] for _ in range(times)]
    finally:
        pa.set_cpu_count(before)
    rows = sum(pq.read_metadata(io.BytesIO(body)).num_rows for body in bodies)
    ours, theirs, plain = (statistics.median(column) for column in zip(*rounds, strict=True))
    return Measured(len(bodies), rows, ours, theirs, plain)


def _cpu_s(way: Callable[[], object]) -> float:
    begin_s = time.process_time()
    way()
    return time.process_time() - begin_s


def finding(_folder: Path, _events: int) -> Finding:
    found = measure()
    line = (
        f"compaction: {found.files} files, {found.rows:,} rows, {found.rows_per_cpu_s:,.0f} rows per CPU-second; "
        f"{found.ratio:.2f} times pyarrow's read, sort and write ({found.compaction_s / found.unsorted_s:.2f} times "
        f"without its sort); goal {GOAL}"
    )
    missed = f"compaction takes {found.ratio:.2f} times pyarrow's CPU, {GOAL} are asked for"
    return Finding([line], [missed] if found.ratio > GOAL else [])
