"""The outcome depends on the stream alone, never on how it was cut into batches."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace_consumers.pipeline import Pipeline
from headrace_consumers.records import KinesisRecord, ShardRecords
from headrace_consumers.stages import concat_staged, next_starts, stage_batch
from headrace_consumers.stages import lines as lines_module
from headrace_consumers.stages.staged import ShardStart, StagedBatch
from tests.consumers.stages.streams import BARE, MAX_UNPACKED_BYTES, PIPELINE, SHARD, contents, pack, record
from tests.consumers.stages.test_corrupt_events import CASES, GOOD
from tests.consumers.stages.test_forms import FORMS

HORIZON_MS = int(PIPELINE.lane_horizon_s * 1000)
LINES = [GOOD, *FORMS.values(), *(line for line, _ in CASES.values() if len(line) < 1000)]


def _staged(pieces: Sequence[ShardRecords], pipeline: Pipeline = PIPELINE) -> StagedBatch:
    return stage_batch(pipeline, pieces, {piece.shard_id: ShardStart() for piece in pieces}, MAX_UNPACKED_BYTES)


def _staged_by_cuts(records: Sequence[KinesisRecord], cuts: Sequence[int]) -> tuple[StagedBatch, dict[str, ShardStart]]:
    starts = {SHARD: ShardStart()}
    whole: StagedBatch | None = None
    bounds = [0, *sorted(cuts), len(records)]
    for begin, end in itertools.pairwise(bounds):
        piece = [ShardRecords(SHARD, records[begin:end])]
        part = stage_batch(PIPELINE, piece, starts, MAX_UNPACKED_BYTES)
        starts = starts | next_starts(starts, part, PIPELINE.lane_horizon_s)
        whole = part if whole is None else concat_staged(whole, part)
    assert whole is not None
    return whole, starts


@st.composite
def _streams(draw: st.DrawFn) -> list[KinesisRecord]:
    records = []
    arrival_ms = 1_700_000_000_000
    for place in range(draw(st.integers(1, 12))):
        arrival_ms += draw(st.sampled_from([0, 1, 50, -40, HORIZON_MS - 60, HORIZON_MS + 60, 3 * HORIZON_MS]))
        data = b"".join(line.rstrip(b"\n") + b"\n" for line in draw(st.lists(st.sampled_from(LINES), max_size=5)))
        make = draw(st.sampled_from([record, pack]))
        changes = {"approximate_arrival_timestamp": arrival_ms}
        number = draw(st.integers(1, 4))
        made = pack(data, place, number, **changes) if make is pack else record(data, place, **changes)
        records.append(made)
    return records


@settings(max_examples=60, deadline=None)
@given(_streams(), st.data())
def test_cuts_do_not_show(records: list[KinesisRecord], data: st.DataObject) -> None:
    """Rows, letters, raw rows, lanes and highest event time are the same for the whole and for any cut of it."""
    cuts = data.draw(st.lists(st.integers(0, len(records)), max_size=4))
    whole, starts = _staged_by_cuts(records, [])
    parts, part_starts = _staged_by_cuts(records, cuts)
    assert contents(parts) == contents(whole)
    kept = {name: state for name, state in part_starts[SHARD].lanes.items() if name in starts[SHARD].lanes}
    assert kept == starts[SHARD].lanes
    assert part_starts[SHARD].highest_event_time_us == starts[SHARD].highest_event_time_us


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(LINES), min_size=1, max_size=12))
def test_neighbours_do_not_show(lines: list[bytes]) -> None:
    """What becomes of a line among others is what becomes of it alone."""
    together = _staged([ShardRecords(SHARD, [record(b"".join(line.rstrip(b"\n") + b"\n" for line in lines))])])
    alone = [_staged([ShardRecords(SHARD, [record(line)])]) for line in lines]
    assert together.rows == sum(staged.rows for staged in alone)
    reasons = [(row["reason"], row["field"], row["payload"]) for row in together.dead_letters.to_pylist()]
    assert reasons == [
        (row["reason"], row["field"], row["payload"]) for staged in alone for row in staged.dead_letters.to_pylist()
    ]


@pytest.mark.parametrize("chunk_bytes", [1, 400, 10_000])
def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch, chunk_bytes: int) -> None:
    """A batch decoded in chunks of any size is the batch decoded at once; the parts of an aggregate stay together."""
    records = [
        record(LINES[place % len(LINES)], place // 3, sub_sequence_number=place % 3) for place in range(3 * len(LINES))
    ]
    pieces = [ShardRecords(SHARD, records), ShardRecords("shardId-000000000001", records[:7])]
    whole = [contents(_staged(pieces)), contents(_staged(pieces, BARE))]
    monkeypatch.setattr(lines_module, "CHUNK_BYTES", chunk_bytes)
    assert [contents(_staged(pieces)), contents(_staged(pieces, BARE))] == whole
