"""Repeated packs are dropped by lane and number; nothing else ever is."""

from __future__ import annotations

from headrace_consumers.records import ShardRecords
from headrace_consumers.stages import next_starts, stage_batch
from headrace_consumers.stages.staged import LaneState, ShardStart
from tests.consumers.stages.streams import (
    ARRIVAL_MS,
    MAX_UNPACKED_BYTES,
    PIPELINE,
    SHARD,
    line,
    pack,
    record,
    rows_of,
    stage,
)

LANE = f"p1/{SHARD}"
HORIZON_MS = int(PIPELINE.lane_horizon_s * 1000)


def test_a_pack_put_twice_is_one_pack() -> None:
    """The retry has another sequence number, the same lane and number: its rows do not come again."""
    staged = stage([pack(line(1), 1), pack(line(1), 2, lane_number=1), pack(line(2), 3, lane_number=2)])
    assert [row["event_id"] for row in rows_of(staged)] == ["order-1", "order-2"]
    assert staged.raw.column("repeat").to_pylist() == [False, True, False]
    outcome = staged.shards[SHARD]
    assert (outcome.records, outcome.events, outcome.repeats) == (3, 2, 1)
    assert outcome.lane_changes == {LANE: LaneState(2, ARRIVAL_MS + 3)}


def test_a_repeat_is_known_from_an_earlier_batch() -> None:
    """The chain's lanes tell."""
    start = ShardStart(lanes={LANE: LaneState(7, ARRIVAL_MS)})
    assert stage([pack(line(1), 1, lane_number=7)], start=start).rows == 0
    assert stage([pack(line(1), 1, lane_number=8)], start=start).rows == 1


def test_a_silent_lane_is_forgotten() -> None:
    """After the horizon a number says nothing any more; up to it, it does."""
    for silence_ms, rows in ((HORIZON_MS, 0), (HORIZON_MS + 1, 1)):
        start = ShardStart(lanes={LANE: LaneState(7, ARRIVAL_MS)})
        late = pack(line(1), 1, lane_number=3, approximate_arrival_timestamp=ARRIVAL_MS + silence_ms)
        assert stage([late], start=start).rows == rows


def test_foreign_keys_are_never_repeats() -> None:
    """The same key twice, one that only looks like a lane, and one with a wrong checksum."""
    forged = pack(line(1), 1).partition_key[:-1] + "?"
    keys = ["a", "a", "hr1|", "hr1|", forged, forged]
    records = [record(line(number), number, partition_key=key) for number, key in enumerate(keys)]
    assert stage(records).rows == len(keys)


def test_a_repeat_leaves_the_highest_event_time() -> None:
    """Only valid, unrepeated events move it."""
    late = {"placed_at": "2023-11-14T22:00:00Z", "shop": "north", "amount": "1.00", "items": 3}
    first = stage([pack(line(1), 1)])
    after = stage(
        [pack(line(2, data=late), 2, lane_number=1)],
        start=next_starts({SHARD: ShardStart()}, first, PIPELINE.lane_horizon_s)[SHARD],
    )
    assert after.shards[SHARD].highest_event_time_us == first.shards[SHARD].highest_event_time_us is not None


def test_lanes_are_pruned_after_two_horizons() -> None:
    """A chain does not carry every producer that ever was."""
    starts = {
        SHARD: ShardStart(lanes={"old/s": LaneState(1, ARRIVAL_MS - 3 * HORIZON_MS), "new/s": LaneState(1, ARRIVAL_MS)})
    }
    staged = stage_batch(PIPELINE, [ShardRecords(SHARD, [pack(line(1), 1)])], starts, MAX_UNPACKED_BYTES)
    assert set(next_starts(starts, staged, PIPELINE.lane_horizon_s)[SHARD].lanes) == {"new/s", LANE}
