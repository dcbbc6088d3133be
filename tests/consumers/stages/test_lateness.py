"""Which events are too late for windows: by their own shard's order, and by nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from headrace_consumers.records import ShardRecords
from headrace_consumers.stages import concat_staged, next_starts, stage_batch
from headrace_consumers.stages.staged import ShardStart, StagedBatch
from headrace_consumers.windows import Tumbling, count
from tests.consumers.stages.streams import MAX_UNPACKED_BYTES, NOON, PIPELINE, SHARD, line, placed, record, rows_of

OTHER = "shardId-000000000001"
LATENESS_MIN = 10
WINDOWED = replace(
    PIPELINE,
    windows=(Tumbling("orders_by_shop", table="placed", size_s=3600, by=("shop",), aggregates={"orders": count()}),),
    allowed_lateness_s=LATENESS_MIN * 60.0,
)


def _order(number: int, minute: int) -> bytes:
    at = (NOON + timedelta(minutes=minute)).isoformat()
    return line(number, data=placed(placed_at=at))


def _closed(number: int, minute: int) -> bytes:
    at = (NOON + timedelta(minutes=minute)).isoformat()
    return line(number, "order.closed.v1", {"closed_at": at, "shop": "north"})


def _stage(pieces: list[tuple[str, list[bytes]]], cuts: list[int] | None = None) -> StagedBatch:
    """Records of one line each, staged in batches that end at `cuts`."""
    flat = [(shard, record(data, number)) for number, (shard, data) in enumerate(_flat(pieces), start=1)]
    starts = {SHARD: ShardStart(), OTHER: ShardStart()}
    whole: StagedBatch | None = None
    for begin, end in zip([0, *(cuts or [])], [*(cuts or []), len(flat)], strict=True):
        part = flat[begin:end]
        batch = [ShardRecords(shard, [found for of, found in part if of == shard]) for shard in (SHARD, OTHER)]
        staged = stage_batch(WINDOWED, batch, starts, MAX_UNPACKED_BYTES)
        starts |= next_starts(starts, staged, WINDOWED.lane_horizon_s)
        whole = staged if whole is None else concat_staged(whole, staged)
    assert whole is not None
    return whole


def _flat(pieces: list[tuple[str, list[bytes]]]) -> list[tuple[str, bytes]]:
    return [(shard, data) for shard, lines in pieces for data in lines]


def _late(staged: StagedBatch) -> set[str]:
    return set(staged.late_letters["event_id"].to_pylist())


def test_an_event_beyond_the_allowed_lateness_is_a_letter_and_a_row() -> None:
    """The row is in the lake all the same; the letter says what the limit was; the shard counts it."""
    staged = _stage([(SHARD, [_order(1, 60), _order(2, 50), _order(3, 49)])])
    assert len(rows_of(staged)) == 3
    [letter] = staged.late_letters.to_pylist()
    assert letter["event_id"] == "order-3"
    assert letter["event_type"] == "order.placed.v1"
    assert letter["event_time"] == NOON + timedelta(minutes=49)
    assert letter["limit_time"] == NOON + timedelta(minutes=50)
    assert (staged.shards[SHARD].rows, staged.shards[SHARD].late) == (3, 1)
    assert staged.late["placed"].tolist() == [False, False, True]


def test_slow_shard_late() -> None:
    """A shard brings 0:20 after its 5:00, another is slow live and fast on replay: in every interleaving and cut the
    same event is late, by its own shard's order, and none of the other's."""
    ahead = [_order(1, 300), _order(2, 20), _order(3, 301)]
    slow = [_order(4, 0), _order(5, 1), _order(6, 30), _order(7, 25)]
    interleavings = [(0, 1, 2, 3, 4, 5, 6), (3, 4, 5, 6, 0, 1, 2), (0, 3, 1, 4, 2, 5, 6), (3, 0, 4, 5, 1, 6, 2)]
    flat = [*((SHARD, data) for data in ahead), *((OTHER, data) for data in slow)]
    for order in interleavings:
        pieces = [(flat[place][0], [flat[place][1]]) for place in order]
        for cuts in ([], [1], [2, 5], [1, 2, 3, 4, 5, 6]):
            assert _late(_stage(pieces, cuts)) == {"order-2"}, (order, cuts)


def test_every_table_moves_the_highest_event_time() -> None:
    """The order is the shard's, over all its contracts; tables without windows have no late letters."""
    staged = _stage([(SHARD, [_closed(1, 60), _order(2, 40), _closed(3, 10)])])
    assert _late(staged) == {"order-2"}
    assert "closed" not in staged.late


def test_future_event() -> None:
    """An event of 2099 is a dead letter, and makes no later event late."""
    future = line(1, data=placed(placed_at=datetime(2099, 1, 1, tzinfo=UTC).isoformat()))
    staged = _stage([(SHARD, [future, _order(2, 0)])])
    assert [letter["reason"] for letter in staged.dead_letters.to_pylist()] == ["future"]
    assert _late(staged) == set()


_events: Any = st.lists(
    st.tuples(st.sampled_from([SHARD, OTHER]), st.integers(0, 60), st.booleans()), min_size=1, max_size=30
)


@given(_events, st.data())
@settings(deadline=None)
def test_no_cut_of_the_stream_changes_what_is_late(events: list[tuple[str, int, bool]], data: st.DataObject) -> None:
    """Against a plain rule, event by event; and the same however the batches are cut."""
    pieces: list[tuple[str, list[bytes]]] = []
    highest: dict[str, int] = {}
    expected: set[str] = set()
    for number, (shard, minute, placed_order) in enumerate(events):
        pieces.append((shard, [_order(number, minute) if placed_order else _closed(number, minute)]))
        if placed_order and minute < highest.get(shard, -1000) - LATENESS_MIN:
            expected.add(f"order-{number}")
        highest[shard] = max(minute, highest.get(shard, -1000))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(events)), max_size=4)) - {len(events)})
    staged = _stage(pieces, cuts)
    assert _late(staged) == expected
    rows = staged.tables["placed"]["event_id"].to_pylist() if "placed" in staged.tables else []
    marks = staged.late["placed"].tolist() if "placed" in staged.late else []
    assert {row for row, late in zip(rows, marks, strict=True) if late} == expected
    assert sum(outcome.late for outcome in staged.shards.values()) == len(expected)
