"""The files of a commit are equal in every reader, and say where they came from."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import fastparquet
import pandas as pd  # type: ignore[import-untyped]
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from headrace_consumers.lake.encode import encode_files
from headrace_consumers.lake.objects import EncodedFile
from headrace_consumers.records import ShardRecords
from headrace_consumers.stages import partitions_of, stage_batch
from headrace_consumers.stages.schemas import DEAD_LETTER_SCHEMA, RAW_SCHEMA, table_schema
from headrace_consumers.stages.staged import LaneState, ShardStart, StagedBatch
from tests.consumers.lake_encode.flights import PIPELINE, SHARD, event_lines, packed, records_of

ATTEMPT_ID = "018bcfe56800aaaaaaaaaaaaaaaa"
START = ShardStart(lanes={"p/s": LaneState(3, 5)}, highest_event_time_us=17)
SPAN = (10**55, 10**55 + 999)
TABLES = tuple(table.name for table in PIPELINE.tables)


@pytest.fixture(scope="module")
def staged() -> StagedBatch:
    """Every sixth real flight of January and February, and one line that is no event."""
    lines = event_lines(40_000)[::6]
    records = records_of([*packed([*lines, b'{"type":"nothing"}\n'])])
    return stage_batch(PIPELINE, [ShardRecords(SHARD, records)], {SHARD: START}, 1 << 26)


@pytest.fixture(scope="module")
def files(staged: StagedBatch) -> list[EncodedFile]:
    return encode_files(PIPELINE, staged, ATTEMPT_ID, {SHARD: START}, {SHARD: SPAN})


@pytest.fixture(scope="module")
def lake(files: Sequence[EncodedFile], tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lake")
    for file in files:
        path = root / file.zone / file.key
        path.parent.mkdir(parents=True)
        path.write_bytes(file.body)
    return root / "processed"


def _by_pyarrow(lake: Path, table: str) -> list[dict[str, Any]]:
    return [dict(row) for row in ds.dataset(lake / table, partitioning="hive").to_table().to_pylist()]


def _by_duckdb(lake: Path, table: str) -> list[dict[str, Any]]:
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.read_parquet(f"{lake}/{table}/*/*.parquet", hive_partitioning=True)
        return [dict(row) for row in found.to_arrow_table().to_pylist()]


def _by_fastparquet(lake: Path, table: str) -> list[dict[str, Any]]:
    frames = []
    for path in sorted((lake / table).glob("*/*.parquet")):
        frame = fastparquet.ParquetFile(io.BytesIO(path.read_bytes())).to_pandas()
        key, value = path.parent.name.split("=")
        frames.append(frame.assign(**{key: value}))
    rows = pd.concat(frames).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    """One form for what pandas and Arrow call by different names."""
    if value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, pd.Timestamp):
        return value.tz_localize(UTC) if value.tzinfo is None else value.tz_convert(UTC)
    if isinstance(value, datetime):
        return pd.Timestamp(value)
    return pd.Timestamp(value, tz=UTC) if isinstance(value, date) else value


def _comparable(rows: Sequence[dict[str, Any]]) -> list[tuple[tuple[str, Any], ...]]:
    rows = sorted(rows, key=lambda row: (row["event_id"], row["record_index"]))
    return [tuple(sorted((name, _plain(value)) for name, value in row.items())) for row in rows]


@pytest.mark.parametrize("table", TABLES)
def test_every_reader_sees_the_staged_rows(staged: StagedBatch, lake: Path, table: str) -> None:
    """pyarrow, DuckDB and fastparquet agree with the stages on every value, and the folder with the event time."""
    expected = [
        row | {"commit_id": ATTEMPT_ID, "event_month": row["event_time"].strftime("%Y-%m")}
        for row in staged.tables[table].to_pylist()
    ]
    assert len(expected) > 100
    whole = _comparable(expected)
    assert _comparable(_by_pyarrow(lake, table)) == whole
    assert _comparable(_by_duckdb(lake, table)) == whole
    assert _comparable(_by_fastparquet(lake, table)) == whole


@pytest.mark.parametrize("table", TABLES)
def test_schemas_are_the_contracts(files: Sequence[EncodedFile], table: str) -> None:
    """Every file of a table has its columns, types and nulls, in order, and names its contract and attempt."""
    (declared,) = (each for each in PIPELINE.tables if each.name == table)
    for file in _of(files, table):
        schema = pq.read_schema(io.BytesIO(file.body))
        assert schema.remove_metadata().equals(table_schema(declared).remove_metadata())
        assert schema.metadata[b"headrace.contract"] == declared.contract.type.encode()
        assert schema.metadata[b"headrace.attempt_id"] == ATTEMPT_ID.encode()


def test_files_are_one_per_partition_and_sorted(files: Sequence[EncodedFile], staged: StagedBatch) -> None:
    """No partition has two files; rows stand by origin, then by time; each row group has statistics."""
    found = {(file.table, file.partition.partition("=")[2]) for table in TABLES for file in _of(files, table)}
    assert found == partitions_of(PIPELINE, staged)
    assert len({file.key for file in files}) == len(files)
    for table in TABLES:
        for file in _of(files, table):
            rows = pq.read_table(io.BytesIO(file.body))
            assert rows.num_rows == file.rows
            order = list(zip(rows["origin"].to_pylist(), rows["event_time"].to_pylist(), strict=True))
            assert order == sorted(order)
            metadata = pq.ParquetFile(io.BytesIO(file.body)).metadata
            column = metadata.row_group(0).column(metadata.schema.to_arrow_schema().get_field_index("event_time"))
            assert column.statistics.has_min_max
            assert column.compression == "ZSTD"


def test_keys_contain_table_partition_and_attempt(files: Sequence[EncodedFile]) -> None:
    """The key alone says what a file is."""
    for file in files:
        assert file.key == f"{file.table}/{file.partition}/{ATTEMPT_ID}.parquet"


def test_dead_letters_are_a_table(files: Sequence[EncodedFile], staged: StagedBatch) -> None:
    """With the original bytes, under the day of arrival."""
    (letters,) = _of(files, "flights_dead_letters")
    assert letters.partition == "arrival_date=2023-11-14"
    rows = pq.read_table(io.BytesIO(letters.body))
    assert rows.schema.remove_metadata().equals(DEAD_LETTER_SCHEMA)
    assert rows["payload"].to_pylist() == [b'{"type":"nothing"}']
    assert rows["reason"].to_pylist() == staged.dead_letters["reason"].to_pylist()


def test_the_raw_file_can_be_read_on_its_own(files: Sequence[EncodedFile], staged: StagedBatch) -> None:
    """One a commit: every record as received, and in the footer what its shard's chain knew."""
    (raw,) = (file for file in files if file.zone == "raw")
    rows = pq.read_table(io.BytesIO(raw.body))
    assert rows.schema.remove_metadata().equals(RAW_SCHEMA)
    assert rows["data"].to_pylist() == staged.raw["data"].to_pylist()
    assert json.loads(rows.schema.metadata[b"headrace.shards"]) == {
        SHARD: {"start": str(SPAN[0]), "end": str(SPAN[1]), "lanes": {"p/s": [3, 5]}, "highest_event_time_us": 17}
    }


def test_a_batch_without_rows_is_its_raw_file(staged: StagedBatch) -> None:
    """Repeats and empty polls leave no table files."""
    empty = replace(staged, tables={}, dead_letters=staged.dead_letters.slice(0, 0), raw=staged.raw.slice(0, 1))
    encoded = encode_files(PIPELINE, empty, ATTEMPT_ID, {SHARD: START}, {SHARD: SPAN})
    assert [(file.zone, file.rows) for file in encoded] == [("raw", 1)]


def _of(files: Sequence[EncodedFile], table: str) -> Iterator[EncodedFile]:
    return (file for file in files if file.table == table and file.zone == "processed")
