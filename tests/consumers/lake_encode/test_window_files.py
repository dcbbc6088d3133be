"""A commit of a pipeline with windows: partials for the windows service, letters for what came too late."""

from __future__ import annotations

import io
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from headrace_consumers.lake.encode import encode_files
from headrace_consumers.lake.objects import EncodedFile
from headrace_consumers.records import ShardRecords
from headrace_consumers.stages import stage_batch
from headrace_consumers.stages.schemas import LATE_SCHEMA
from headrace_consumers.stages.staged import ShardStart, StagedBatch
from headrace_consumers.windows import Tumbling, count
from tests.consumers.lake_encode.flights import PIPELINE, SHARD, event_lines, packed, records_of

HOUR_S = 3600
WINDOWED = replace(
    PIPELINE,
    windows=(
        Tumbling("hourly", table="flights_departed", size_s=HOUR_S, by=("origin",), aggregates={"departures": count()}),
        Tumbling("by_carrier", table="flights_cancelled", size_s=HOUR_S, by=("carrier",)),
    ),
    allowed_lateness_s=float(HOUR_S),
)


@pytest.fixture(scope="module")
def staged() -> StagedBatch:
    """Real flights of January; every twentieth comes at the very end."""
    lines = event_lines(4_000)
    late = lines[::20]
    del lines[::20]
    random.Random(1).shuffle(late)
    records = records_of([*packed([*lines, *late])])
    return stage_batch(WINDOWED, [ShardRecords(SHARD, records)], {SHARD: ShardStart()}, 1 << 26)


@pytest.fixture(scope="module")
def files(staged: StagedBatch) -> list[EncodedFile]:
    return encode_files(WINDOWED, staged, "018bcfe56800aaaaaaaaaaaaaaaa", {SHARD: ShardStart()}, {SHARD: (0, 10**55)})


def _read(files: Sequence[EncodedFile], zone: str, table: str, folder: str = "") -> pa.Table:
    [file] = [each for each in files if (each.zone, each.table) == (zone, table) and folder in each.partition]
    return pq.read_table(io.BytesIO(file.body))


def test_partials_count_each_event_that_was_in_time(files: Sequence[EncodedFile], staged: StagedBatch) -> None:
    """One file per window; its events are the table's rows without the late ones, by hour and key."""
    partials = _read(files, "curated", "flights_partials", "window=hourly")
    rows = staged.tables["flights_departed"].filter(pa.array(~staged.late["flights_departed"]))
    hours = pc.divide(rows["event_time"].cast(pa.int64()), HOUR_S * 1_000_000).to_pylist()
    expected = Counter(zip(rows["origin"].to_pylist(), hours, strict=True))
    found: dict[Any, int] = {
        (row["origin"], row["start_us"] // (HOUR_S * 1_000_000)): row["events"] for row in partials.to_pylist()
    }
    assert found == dict(expected)
    assert {file.partition for file in files if file.table == "flights_partials"} == {
        "window=hourly", "window=by_carrier",
    }  # fmt: skip


def test_late_events_are_letters_of_their_own(files: Sequence[EncodedFile], staged: StagedBatch) -> None:
    """In time and late together are all rows of the tables with windows; weather has none and is never late."""
    letters = _read(files, "processed", "flights_late")
    assert letters.schema.remove_metadata().equals(LATE_SCHEMA)
    late = staged.shards[SHARD].late
    assert letters.num_rows == late > 0
    assert sum(int(marks.sum()) for marks in staged.late.values()) == late
    assert "weather_hourly" not in staged.late
    assert pc.all(pc.less(letters["event_time"], letters["limit_time"])).as_py()


def test_without_windows_there_is_neither() -> None:
    """A pipeline that declares no windows writes no partials and judges no lateness."""
    lines = event_lines(500)
    records = records_of([*packed([*lines[100:], *lines[:100]])])
    plain = stage_batch(PIPELINE, [ShardRecords(SHARD, records)], {SHARD: ShardStart()}, 1 << 26)
    encoded = encode_files(PIPELINE, plain, "a" * 28, {SHARD: ShardStart()}, {SHARD: (0, 10**55)})
    assert not plain.late
    assert plain.late_letters.num_rows == plain.shards[SHARD].late == 0
    assert {file.zone for file in encoded} == {"processed", "raw"}
