"""Replay: raw records in each shard's order, whatever the other stream refuses, once for whoever knows lanes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace_batch.replay.reading import RawRecord, Stretch, commits_of, read_records
from headrace_batch.replay.replaying import parse_stretch
from headrace_batch.replay.sending import LONGEST_REST_S, PATIENCE_S, Positions, Sender
from headrace_batch.rewind.points import Point
from headrace_producers.errors import SettingsError, TransientError
from headrace_producers.testing import FakeKinesis, Fault
from headrace_producers.wire.lane import Lane, pack_key, parse_pack_key
from tests.fakes.steps import Steps
from tests.faults.rewinds import rewind, standing
from tests.faults.simulation import HASHES, World

ALL = Stretch(0, 1 << 42, {})
FAULTS = st.lists(st.sampled_from(list(Fault)), max_size=40)


class Clock:
    """Time passes in pauses alone."""

    def __init__(self) -> None:
        self.s = 0.0

    def now_s(self) -> float:
        return self.s

    def pause(self, seconds: float) -> None:
        self.s += seconds


def sender(kinesis: FakeKinesis, rate: float = 1_000.0, **more: Any) -> Sender:
    clock = Clock()
    return Sender(client=kinesis, stream="other", rate=rate, now_s=clock.now_s, pause=clock.pause, **more)


def raw(world: World, stretch: Stretch = ALL) -> Iterator[RawRecord]:
    return read_records(world.clients(Steps())[1], standing(world), stretch)


def committed() -> World:
    """Three shards, a split, repeats, records of foreign keys; commits of several shards."""
    world = World()
    half = HASHES // 2
    shards = [world.add_shard(0, half - 1), world.add_shard(half, HASHES - 1)]
    for number in range(4):
        for shard_id in shards:
            for producer in ("a", "b"):
                world.put_pack(shard_id, lane=Lane(producer, shard_id), times=1 + number % 2)
            world.put_record(shard_id, b"no event\n", f"foreign {number % 2}")
        world.drain()
        world.now_s += 60.0
        if number == 1:
            shards = [shards[0], *world.split(shards[1])]
    return world


def seen(kinesis: FakeKinesis) -> list[tuple[str, bytes]]:
    return [(one.partition_key, one.data) for one in kinesis.records]


def received(world: World) -> list[tuple[str, str, bytes]]:
    """Shard, key and bytes as the pipeline got them, repeats left out."""
    known: set[str] = set()
    found = []
    for shard_id, records in sorted(world.records.items()):
        for record in records:
            if parse_pack_key(record.partition_key) is None or record.partition_key not in known:
                known.add(record.partition_key)
                found.append((shard_id, record.partition_key, record.data))
    return found


def test_all_that_was_received_comes_in_each_shards_order() -> None:
    """Repeats are left out unless they are asked for."""
    world = committed()
    found = list(raw(world))
    by_shard = [[one for one in found if one.shard_id == shard_id] for shard_id in sorted(world.records)]
    assert [(one.shard_id, one.partition_key, one.data) for shard in by_shard for one in shard] == received(world)
    whole = list(raw(world, Stretch(0, 1 << 42, {}, with_repeats=True)))
    assert len(whole) == sum(len(records) for records in world.records.values())


def test_a_stretch_of_time_and_a_place_to_go_on_from() -> None:
    """From a time on, before another, behind a record."""
    world = committed()
    arrivals = sorted({one.approximate_arrival_timestamp for records in world.records.values() for one in records})
    found = list(raw(world, Stretch(arrivals[1], arrivals[3], {})))
    assert len(found) == 2 * 3 + 3 * 3
    last = found[-1]
    behind = list(raw(world, Stretch(0, 1 << 42, {last.shard_id: int(last.sequence_number)})))
    assert not [
        one for one in behind if one.shard_id == last.shard_id and int(one.sequence_number) <= int(last.sequence_number)
    ]
    assert list(commits_of(standing(world), Stretch(arrivals[-1] + 1, 1 << 42, {}))) == []


def test_what_a_rewind_took_out_is_replayed_once() -> None:
    """Its raw files are there still; the records are of the commits that stand."""
    world = committed()
    before = sorted((one.shard_id, int(one.sequence_number)) for one in raw(world))
    rewind(world, Point(to_ms=0))
    assert list(raw(world)) == []
    world.drain()
    assert sorted((one.shard_id, int(one.sequence_number)) for one in raw(world)) == before


@settings(deadline=None)
@given(faults=FAULTS, shards=st.integers(1, 3))
def test_whatever_is_refused_comes_once_for_who_knows_lanes(faults: list[Fault], shards: int) -> None:
    """A pack that comes after a later one of its lane would be lost as a repeat: none does, and each is there."""
    world = committed()
    kinesis = FakeKinesis(shards)
    kinesis.script(*faults)
    done = sender(kinesis).send(raw(world))
    assert done.complete
    packs = {key: data for _, key, data in received(world) if parse_pack_key(key)}
    accepted: dict[str, int] = {}
    taken: Counter[str] = Counter()
    for key, data in seen(kinesis):
        pack = parse_pack_key(key)
        if pack is not None and pack.number > accepted.get(pack.lane.name, 0):
            assert pack.number == accepted.get(pack.lane.name, 0) + 1
            accepted[pack.lane.name] = pack.number
            assert packs[key] == data
            taken[key] += 1
    assert taken == Counter(packs.keys())


def test_packs_of_a_shard_stay_together_and_keys_in_order() -> None:
    """A lane's packs land in one shard; foreign keys where their hash leads."""
    world = committed()
    kinesis = FakeKinesis(4)
    first_hashes = {one.shard_id: one.first_hash for one in world.listed.values()}
    sender(kinesis, first_hashes=first_hashes).send(raw(world))
    places: dict[str, set[str]] = {}
    for one in kinesis.records:
        pack = parse_pack_key(one.partition_key)
        places.setdefault(pack.lane.name if pack else one.partition_key, set()).add(one.shard_id)
    assert places
    assert all(len(shards) == 1 for shards in places.values())


def test_a_replay_twice_doubles_nothing_for_a_headrace_consumer() -> None:
    """Within the horizon, its lanes know the packs."""
    world = committed()
    other = World(now_s=world.now_s)
    kinesis = FakeKinesis(1)
    for _ in range(2):
        sender(kinesis).send(raw(world))
    shard_id = other.add_shard()
    for one in kinesis.records:
        other.put_record(shard_id, one.data, one.partition_key)
    other.drain()
    assert other.seen() == Counter(world.expected)


def test_the_rate_is_a_bound() -> None:
    """Time passes in pauses alone here."""
    clock, kinesis = Clock(), FakeKinesis(1)
    records = [RawRecord("s", str(number), f"key {number}", b"x") for number in range(1, 101)]
    found = Sender(client=kinesis, stream="other", rate=10.0, now_s=clock.now_s, pause=clock.pause).send(iter(records))
    assert (found.records, found.bytes, found.by_shard) == (100, 100, {"s": "100"})
    assert 9.9 <= clock.s <= 10.1
    assert kinesis.calls == 10


def stop_after(calls: int, kinesis: FakeKinesis) -> Callable[[], bool]:
    return lambda: kinesis.calls >= calls


@pytest.mark.parametrize("calls", range(7))
def test_one_that_was_stopped_goes_on_where_it_was(calls: int) -> None:
    """Its positions never lie beyond a record that was not taken."""
    world, kinesis = committed(), FakeKinesis(2)
    kinesis.script(*[Fault.THROTTLE_EVERY_OTHER] * 5)
    first = sender(kinesis, stopped=stop_after(calls, kinesis)).send(raw(world))
    assert not first.complete
    after = dict(one.split(":") for one in first.options().split() if one != "--after")
    again = parse_stretch(
        "1970-01-01T00:00:00Z", "2099-01-01T00:00:00Z", [f"{shard}:{number}" for shard, number in after.items()],
        with_repeats=False,
    )  # fmt: skip
    assert sender(kinesis).send(raw(world, again)).complete
    assert {key for key, _ in seen(kinesis)} == {key for _, key, _ in received(world)}


def test_parts_of_an_aggregate_are_passed_together() -> None:
    """They share a sequence number: going on behind it would leave the rest out."""
    kinesis = FakeKinesis(1)
    parts = [RawRecord("s", "7", f"key {part}", b"x") for part in range(3)]
    done = sender(kinesis, rate=1.0, stopped=stop_after(2, kinesis)).send(
        iter([*parts, RawRecord("s", "8", "k", b"x")])
    )
    assert (done.records, done.by_shard) == (2, {})


def test_a_stream_that_takes_nothing_is_told() -> None:
    """With what it said last."""
    kinesis = FakeKinesis(1)
    kinesis.script(*[Fault.THROTTLE_ALL] * 1_000)
    slow = sender(kinesis)
    with pytest.raises(TransientError, match="has taken nothing for 120 s"):
        slow.send(iter([RawRecord("s", "1", pack_key(Lane("p", "s"), 1), b"x")]))
    assert kinesis.calls >= PATIENCE_S / LONGEST_REST_S


@pytest.mark.parametrize(
    ("from_", "to", "after", "said"),
    [
        ("2013-01-01T00:00:00Z", "2013-01-01T00:00:00Z", [], "nothing between"),
        ("2013-01-01", "2013-01-02T00:00:00Z", [], "names no offset"),
        ("2013-01-01T00:00:00Z", "soon", [], "no ISO 8601 time"),
        ("2013-01-01T00:00:00Z", "2014-01-01T00:00:00Z", ["shardId-0"], "no SHARD:SEQUENCE"),
    ],
)
def test_what_makes_no_sense_is_refused(from_: str, to: str, after: list[str], said: str) -> None:
    """With a sentence."""
    with pytest.raises(SettingsError, match=said):
        parse_stretch(from_, to, after, with_repeats=False)


def test_positions_read_as_options() -> None:
    """Ready for the next command line."""
    assert Positions({"b": "2", "a": "1"}).options() == "--after a:1 --after b:2"
