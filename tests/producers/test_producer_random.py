"""Random faults, reshards, restarts: what the consumers accept is what was put, once each."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from headrace_producers.delivery import Outcome
from headrace_producers.testing import Fault
from tests.producers.model import World, is_in_order

KEYS = st.sampled_from("abcdefgh")
PUT = st.tuples(st.just("put"), KEYS)
STEP = st.tuples(st.just("step"), st.sampled_from([0.0, 0.05, 0.2, 2.0]))
FAULT = st.tuples(st.just("fault"), st.sampled_from(Fault))
RESHARD = st.tuples(st.sampled_from(["split", "merge"]), st.integers(0, 7))
RESTART = st.tuples(st.just("restart"), st.none())


def act(world: World, name: str, detail: object) -> None:
    shards = world.stream.shard_ids
    match name, detail:
        case "put", str(key):
            world.put(key)
        case "step", float(seconds):
            world.step(seconds)
        case "fault", Fault() as fault:
            world.stream.script(fault)
        case "split", int(index):
            world.stream.split(shards[index % len(shards)])
        case "merge", int(index) if len(shards) > 1:
            index %= len(shards) - 1
            world.stream.merge(shards[index], shards[index + 1])
        case _:
            pass


@given(st.lists(st.one_of(PUT, PUT, STEP, STEP, FAULT), max_size=80), st.integers(1, 4))
@settings(deadline=None)
def test_each_event_is_accepted_once_and_in_its_keys_order(actions: list[tuple[str, object]], shards: int) -> None:
    """While the shard map stands still, any faults leave each event once, in order per key."""
    world = World(shards=shards)
    for name, detail in actions:
        act(world, name, detail)
    world.drain()
    ids = world.accepted_ids()
    assert sorted(ids) == sorted(world.sent) == sorted(world.ids(Outcome.DELIVERED))
    assert is_in_order(ids)


@given(st.lists(st.one_of(PUT, PUT, STEP, STEP, FAULT, RESHARD), max_size=80), st.integers(1, 3))
@settings(deadline=None)
def test_each_event_is_accepted_once_across_reshards(actions: list[tuple[str, object]], shards: int) -> None:
    """Splits and merges at any point leave each event once."""
    world = World(shards=shards)
    for name, detail in actions:
        act(world, name, detail)
    world.drain()
    assert sorted(world.accepted_ids()) == sorted(world.sent)


@given(st.lists(st.one_of(PUT, PUT, STEP, STEP, FAULT, RESHARD), max_size=60))
@settings(deadline=None)
def test_a_lane_never_has_two_packs_unsettled_and_numbers_rise_by_one(actions: list[tuple[str, object]]) -> None:
    """Every lane's first appearances in the stream are 1, 2, 3, ...; a repeat is byte for byte the same record."""
    world = World()
    for name, detail in actions:
        act(world, name, detail)
    world.drain()
    seen: dict[str, tuple[str, bytes]] = {}
    order: dict[str, list[int]] = {}
    for record in world.stream.records:
        same = seen.setdefault(record.partition_key, (record.explicit_hash_key, record.data))
        assert same == (record.explicit_hash_key, record.data)
        _, producer_id, shard_id, number, _ = record.partition_key.split("|")
        numbers = order.setdefault(f"{producer_id}/{shard_id}", [])
        if int(number) not in numbers:
            numbers.append(int(number))
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in order.values())


@given(st.lists(st.one_of(PUT, PUT, STEP, STEP, FAULT, RESTART), max_size=50))
@settings(deadline=None, max_examples=40)
def test_what_is_spooled_outlives_the_process(actions: list[tuple[str, object]]) -> None:
    """After any number of deaths, each event that was spooled or sent is accepted once, and in order; none is twice."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(spool_dir=Path(folder))
        packed: set[str] = set()
        in_memory: set[str] = set()
        for name, detail in actions:
            if name == "restart":
                lines = {line.event_id for line in [*world.sender._packer.abandon(), *world.buffer.take()]}
                in_memory |= lines
                world.restart()
            else:
                act(world, name, detail)
        packed = set(world.sent) - in_memory
        world.drain()
        ids = world.accepted_ids()
        world.close()
    assert set(ids) == packed
    assert max(Counter(ids).values(), default=1) == 1
    assert is_in_order(ids)
