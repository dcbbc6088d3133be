"""Reading both outputs back: what stands in the lake must be equal, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from headrace_consumers.pipeline import Pipeline

PROCESSED, RAW = "processed", "raw"


def differences(pipeline: Pipeline, first: Path, second: Path, events: int) -> list[str]:
    """What differs between two outputs, or is missing in both; empty where all is right."""
    return [*_unlike(pipeline, first, second), *_miscounted(pipeline, first, events)]


def rows_of(output: Path, bucket: str, table: str) -> pa.Table | None:
    """All rows of a table in the order of the stream, without commit ids; the partition is of no column."""
    files = sorted((output / bucket / table).rglob("*.parquet"))
    if not files:
        return None
    rows = pa.concat_tables([pq.ParquetFile(file).read() for file in files])
    order = [name for name in ("shard_id", "sequence_number", "record_index") if name in rows.column_names]
    return rows.drop_columns(["commit_id"]).replace_schema_metadata().sort_by([(name, "ascending") for name in order])


def partitions_of(output: Path, table: str) -> set[str]:
    return {file.parent.name for file in (output / PROCESSED / table).rglob("*.parquet")}


def _unlike(pipeline: Pipeline, first: Path, second: Path) -> Iterator[str]:
    names = [table.name for table in pipeline.tables]
    for bucket, table in [*((PROCESSED, name) for name in [*names, pipeline.dead_letter_table]), (RAW, pipeline.name)]:
        one, other = rows_of(first, bucket, table), rows_of(second, bucket, table)
        if one is None or other is None:
            if one is not other:
                yield f"{table}: only one output has it"
        elif not one.equals(other):
            yield f"{table}: {one.num_rows} and {other.num_rows} rows, in {_unlike_columns(one, other)}"
        if partitions_of(first, table) != partitions_of(second, table):
            yield f"{table}: other partitions"


def _unlike_columns(one: pa.Table, other: pa.Table) -> str:
    if one.schema != other.schema or one.num_rows != other.num_rows:
        return "shape"
    return ", ".join(name for name in one.column_names if one[name] != other[name])


def _miscounted(pipeline: Pipeline, output: Path, events: int) -> Iterator[str]:
    """Every event was read, as a row or a letter, under an id of its own."""
    tables = [rows_of(output, PROCESSED, table.name) for table in pipeline.tables]
    found = [table for table in tables if table is not None]
    letters = rows_of(output, PROCESSED, pipeline.dead_letter_table)
    held = sum(table.num_rows for table in found) + (letters.num_rows if letters is not None else 0)
    ids = {event_id for table in found for event_id in table["event_id"].to_pylist()}
    if held != events or len(ids) != sum(table.num_rows for table in found):
        yield f"{events} events were sent, {held} arrived, {len(ids)} of them different"
