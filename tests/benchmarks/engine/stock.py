"""The same job with stock kclpy, as one writes it by hand: `python -m tests.benchmarks.engine.stock OUTPUT PIPELINE`.

One interpreter for the shard, KCLProcess on stdin and stdout; per event json.loads, the contract's checks, a dict; per
batch Table.from_pylist and Parquet with Headrace's settings, the same kinds of files.
"""

from __future__ import annotations

import io
import json
import secrets
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from amazon_kclpy import kcl
from amazon_kclpy.v3 import processor

from headrace_consumers.lake.parquet import COMPRESSION_LEVEL, ROW_GROUP_ROWS
from headrace_consumers.loading import load_pipeline
from headrace_consumers.pipeline import LakeTable, Pipeline
from headrace_consumers.settings import BatchSettings
from headrace_consumers.stages.schemas import DEAD_LETTER_SCHEMA, RAW_SCHEMA, table_schema
from headrace_producers.wire.lane import parse_pack_key
from tests.benchmarks.engine.stock_checks import CHECKS, BrokenError
from tests.fakes.engine_child import Usage, cpu_s, peak_rss_bytes, write_out
from tests.fakes.s3 import MemoryS3
from tests.fakes.steps import Steps

Row = dict[str, Any]


@dataclass
class Batch:
    """Rows by table, letters and raw records since the last checkpoint."""

    rows: defaultdict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    letters: list[Row] = field(default_factory=list)
    raw: list[Row] = field(default_factory=list)
    data_bytes: int = 0


class LakeWriter(processor.RecordProcessorBase):  # type: ignore[misc]  # kclpy has no types
    """Buffers rows until a batch is full, writes its files, then checkpoints."""

    def __init__(self, pipeline: Pipeline, memory: MemoryS3) -> None:
        self._pipeline = pipeline
        self._s3 = memory.as_seen_by(Steps())
        self._limit_bytes = BatchSettings().max_batch_bytes
        self._skew = timedelta(seconds=pipeline.max_skew_s)
        self._shard_id = ""
        self._lanes: dict[str, int] = {}
        self._batch = Batch()

    def initialize(self, initialize_input: Any) -> None:
        self._shard_id = initialize_input.shard_id

    def process_records(self, process_records_input: Any) -> None:
        for record in process_records_input.records:
            self._process_record(record)
        if self._batch.data_bytes >= self._limit_bytes:
            self._write_batch()
            process_records_input.checkpointer.checkpoint()

    def lease_lost(self, lease_lost_input: Any) -> None:
        pass

    def shard_ended(self, shard_ended_input: Any) -> None:
        self._write_batch()
        shard_ended_input.checkpointer.checkpoint()

    def shutdown_requested(self, shutdown_requested_input: Any) -> None:
        self._write_batch()
        shutdown_requested_input.checkpointer.checkpoint()

    def _process_record(self, record: Any) -> None:
        data = record.binary_data
        arrival = datetime.fromtimestamp(record.approximate_arrival_timestamp.timestamp(), UTC)
        position = {
            "shard_id": self._shard_id,
            "sequence_number": record.sequence_number,
            "arrival_time": arrival,
        }
        repeat = self._is_repeat(record.partition_key)
        self._batch.data_bytes += len(data)
        self._batch.raw.append(
            {**position, "data": data, "sub_sequence_number": record.sub_sequence_number,
             "partition_key": record.partition_key, "repeat": repeat}
        )  # fmt: skip
        if not repeat:
            for index, line in enumerate(data.splitlines()):
                self._process_event(line, {**position, "record_index": index})

    def _is_repeat(self, partition_key: str) -> bool:
        pack = parse_pack_key(partition_key)
        if pack is None:
            return False
        if pack.number <= self._lanes.get(pack.lane.name, 0):
            return True
        self._lanes[pack.lane.name] = pack.number
        return False

    def _process_event(self, line: bytes, position: Row) -> None:
        try:
            table, row = self._read_event(json.loads(line), position)
        except (BrokenError, ValueError, KeyError) as broken:
            self._batch.letters.append({**position, "stage": "decode", "reason": str(broken), "payload": line})
            return
        self._batch.rows[table].append(row)

    def _read_event(self, event: Row, position: Row) -> tuple[str, Row]:
        if event.get("specversion") != "1.0" or not event.get("id") or not event.get("source"):
            raise BrokenError("missing", "id")
        if event["type"] not in CHECKS:
            raise BrokenError("unknown_type", "type")
        check, event_time = CHECKS[event["type"]]
        row = check(event["data"])
        if row[event_time] > position["arrival_time"] + self._skew:
            raise BrokenError("future", event_time)
        table = self._pipeline.tables_by_type[event["type"]].name
        return table, {"event_id": event["id"], "event_time": row[event_time], **row, **position}

    def _write_batch(self) -> None:
        batch, self._batch = self._batch, Batch()
        if not batch.raw:
            return
        commit_id = secrets.token_hex(14)
        for table in self._pipeline.tables:
            self._write_table(table, batch.rows[table.name], commit_id)
        day = batch.raw[-1]["arrival_time"].strftime("%Y-%m-%d")
        if batch.letters:
            key = f"{self._pipeline.dead_letter_table}/arrival_date={day}"
            self._write("processed", key, batch.letters, DEAD_LETTER_SCHEMA, commit_id)
        self._write("raw", f"{self._pipeline.name}/arrival_date={day}", batch.raw, RAW_SCHEMA, commit_id)

    def _write_table(self, table: LakeTable, rows: list[Row], commit_id: str) -> None:
        grain, partitions = table.partition_by, defaultdict(list)
        for row in rows:
            partitions[row["event_time"].strftime(grain.time_format)].append(row)
        for value, part in partitions.items():
            part.sort(key=lambda row: (*(row[name] for name in table.sort_by), row["event_time"]))
            key = f"{table.name}/{grain.column}={value}"
            self._write("processed", key, part, table_schema(table), commit_id)

    def _write(self, bucket: str, folder: str, rows: list[Row], schema: pa.Schema, commit_id: str) -> None:
        for row in rows:
            row["commit_id"] = commit_id
        sink = io.BytesIO()
        texts = [column.name for column in schema if pa.types.is_string(column.type)]
        pq.write_table(
            pa.Table.from_pylist(rows, schema),
            sink,
            compression="zstd",
            compression_level=COMPRESSION_LEVEL,
            row_group_size=ROW_GROUP_ROWS,
            use_dictionary=[name for name in texts if name not in ("event_id", "partition_key")],
        )
        self._s3.put_object(Bucket=bucket, Key=f"{folder}/{commit_id}.parquet", Body=sink.getvalue())


def main(output: str, pipeline: str) -> None:
    memory = MemoryS3()
    process = kcl.KCLProcess(LakeWriter(load_pipeline(pipeline), memory))
    before_s = cpu_s()
    process.run()
    used = Usage(cpu_s() - before_s, peak_rss_bytes())
    write_out(memory, Path(output), used)


if __name__ == "__main__":
    main(*sys.argv[1:])
