"""Encoding: the staged batch as Parquet files in memory, one per table and partition, and one raw file per commit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace_consumers.lake.objects import EncodedFile
from headrace_consumers.lake.parquet import encoded
from headrace_consumers.lake.sorting import ranks
from headrace_consumers.lanes import LaneState
from headrace_consumers.pipeline import LakeTable, Pipeline
from headrace_consumers.stages import partition_values
from headrace_consumers.stages.schemas import DEAD_LETTER_SCHEMA, LATE_SCHEMA, RAW_SCHEMA, table_schema
from headrace_consumers.stages.staged import ShardStart, StagedBatch
from headrace_consumers.windows import Window
from headrace_consumers.windows.partials import partials_of

RAW_SHARDS = "headrace.shards"
"""Key in the footer of a raw file: shard id to RawSpan."""


class RawSpan(msgspec.Struct, frozen=True):
    """Of one shard in a raw file: its link's span as decimal text, and what the chain knew where it starts."""

    start: str
    end: str
    lanes: dict[str, LaneState]
    highest_event_time_us: int | None


def encode_files(
    pipeline: Pipeline,
    staged: StagedBatch,
    attempt_id: str,
    starts: Mapping[str, ShardStart],
    spans: Mapping[str, tuple[int, int]],
) -> list[EncodedFile]:
    """All files of one commit. `spans` says per shard where its link starts and ends."""
    return list(encode_each(pipeline, staged, attempt_id, starts, spans))


def encode_each(
    pipeline: Pipeline,
    staged: StagedBatch,
    attempt_id: str,
    starts: Mapping[str, ShardStart],
    spans: Mapping[str, tuple[int, int]],
) -> Iterator[EncodedFile]:
    """As `encode_files`, one at a time: very many need not be in memory together."""
    yield from encode_rows(pipeline, staged, attempt_id)
    yield from encode_letters(pipeline, staged.dead_letters, staged.late_letters, attempt_id)
    yield _raw_file(pipeline, staged.raw, attempt_id, _shard_metadata(starts, spans))


def encode_rows(pipeline: Pipeline, staged: StagedBatch, attempt_id: str) -> Iterator[EncodedFile]:
    """The files of the tables, and of what their rows add to windows."""
    yield from _table_files(pipeline, staged, attempt_id)
    yield from _partial_files(pipeline, staged, attempt_id)


def encode_letters(
    pipeline: Pipeline, dead_letters: pa.Table, late_letters: pa.Table, attempt_id: str
) -> Iterator[EncodedFile]:
    """Letters of either kind lie in the folder of the day when the last of them arrived."""
    if dead_letters.num_rows:
        yield dead_letter_file(pipeline, dead_letters, attempt_id)
    if late_letters.num_rows:
        yield _letter_file(pipeline.late_table, late_letters, LATE_SCHEMA, attempt_id)


def _table_files(pipeline: Pipeline, staged: StagedBatch, attempt_id: str) -> Iterator[EncodedFile]:
    for table in pipeline.tables:
        rows = staged.tables.get(table.name)
        if rows is not None and rows.num_rows:
            yield from table_files(table, rows, attempt_id)


def table_files(table: LakeTable, rows: pa.Table, attempt_id: str) -> Iterator[EncodedFile]:
    """Of one table. One sort puts every partition's rows together; each is then a slice."""
    values = partition_values(rows["event_time"], table.partition_by)
    ordered, codes = _sorted(rows, values.indices, [*table.sort_by, "event_time"])
    schema = table_schema(table).with_metadata({"headrace.contract": table.contract.type})
    runs = pc.run_end_encode(codes)
    begin = 0
    for code, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
        folder = f"{table.partition_by.column}={values.dictionary[code]}"
        yield _file(table.name, folder, ordered.slice(begin, end - begin), schema, attempt_id)
        begin = end


def _sorted(rows: pa.Table, partitions: pa.Array, keys: Sequence[str]) -> tuple[pa.Table, pa.Array]:
    """The rows by partition and keys, rows that are equal in these as they were delivered; and their partitions."""
    ranked = [ranks(rows[key]) for key in reversed(keys)]
    order = pa.array(np.lexsort([*ranked, partitions.to_numpy()]))
    return rows.unify_dictionaries().take(order), partitions.take(order)


def _partial_files(pipeline: Pipeline, staged: StagedBatch, attempt_id: str) -> Iterator[EncodedFile]:
    """Per window, what the events that were in time add to it: the windows service merges them."""
    for window in pipeline.windows:
        rows = staged.tables.get(window.table)
        if rows is None:
            continue
        late = staged.late[window.table]
        in_time = rows.filter(pa.array(~late)) if late.any() else rows
        yield from partial_files(pipeline, window, in_time, attempt_id)


def partial_files(pipeline: Pipeline, window: Window, rows: pa.Table, attempt_id: str) -> Iterator[EncodedFile]:
    """What these rows add to the window; no file where that is nothing."""
    partials = partials_of(window, pipeline.table(window.table).contract, rows)
    if partials.num_rows:
        yield _file(pipeline.partials_table, window.folder, partials, partials.schema, attempt_id, zone="curated")


def dead_letter_file(pipeline: Pipeline, letters: pa.Table, attempt_id: str) -> EncodedFile:
    return _letter_file(pipeline.dead_letter_table, letters, DEAD_LETTER_SCHEMA, attempt_id)


def _letter_file(table: str, letters: pa.Table, schema: pa.Schema, attempt_id: str) -> EncodedFile:
    return _file(table, f"arrival_date={arrival_day(letters)}", letters, schema, attempt_id)


def _raw_file(pipeline: Pipeline, raw: pa.Table, attempt_id: str, shards: bytes) -> EncodedFile:
    schema = RAW_SCHEMA.with_metadata({RAW_SHARDS: shards})
    return _file(pipeline.name, f"arrival_date={arrival_day(raw)}", raw, schema, attempt_id, zone="raw")


def arrival_day(rows: pa.Table) -> str:
    """When the last of them arrived: what files of letters and raw records lie under."""
    latest: datetime = pc.max(rows["arrival_time"]).as_py()
    return latest.strftime("%Y-%m-%d")


def _shard_metadata(starts: Mapping[str, ShardStart], spans: Mapping[str, tuple[int, int]]) -> bytes:
    """What a reader of the raw file alone needs: per shard the link's span, and what was known at its start."""
    return msgspec.json.encode(
        {
            shard_id: RawSpan(
                str(start), str(end), dict(starts[shard_id].lanes), starts[shard_id].highest_event_time_us
            )
            for shard_id, (start, end) in spans.items()
        }
    )


def _file(
    table: str, folder: str, rows: pa.Table, schema: pa.Schema, attempt_id: str, *, zone: str = "processed"
) -> EncodedFile:  # fmt: skip
    columns = [_coded_commit(attempt_id, rows.num_rows) if name == "commit_id" else rows[name] for name in schema.names]
    metadata = {**(schema.metadata or {}), b"headrace.attempt_id": attempt_id.encode()}
    return EncodedFile(
        table=table,
        partition=folder,
        zone=zone,
        key=f"{table}/{folder}/{attempt_id}.parquet",
        rows=rows.num_rows,
        body=encoded(columns, schema.with_metadata(metadata)),
    )


def _coded_commit(attempt_id: str, rows: int) -> pa.DictionaryArray:
    indices = pa.array(np.zeros(rows, np.int32))
    return pa.DictionaryArray.from_arrays(indices, pa.array([attempt_id], pa.string()))
