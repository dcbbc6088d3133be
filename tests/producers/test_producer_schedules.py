"""The producer's side of the failing schedules, each by its name."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import textwrap
import warnings
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headrace_producers import Delivery, Outcome, Producer, ProducerSettings, SettingsError
from headrace_producers.spool import Spool
from headrace_producers.testing import FakeKinesis, Fault
from headrace_producers.wire.lane import parse_pack_key
from tests.producers.model import HORIZON_S, Step, World


def first_ids_per_shard(world: World) -> dict[str, str]:
    """A key for each open shard."""
    keys = (f"k{number}" for number in range(1000))
    found: dict[str, str] = {}
    place = world.sender._shards
    assert place is not None
    for key in keys:
        found.setdefault(place.place(key)[0], key)
        if len(found) == len(world.stream.shard_ids):
            return found
    raise AssertionError("no key for one of the shards")


def test_pack_overtaken() -> None:
    """A pack that waits in one shard's lane is no repeat, whatever another lane reached before the merge."""
    world = World(shards=2)
    world.step()
    slow, fast = first_ids_per_shard(world).values()
    late = world.put(slow)
    world.stream.script(Fault.THROTTLE_ALL)
    world.attempt()
    for _ in range(20):
        world.put(fast)
        world.put(fast)
        world.put(fast)
        world.step(0.001)
    assert late not in world.accepted_ids()
    world.stream.merge(*world.stream.shard_ids)
    world.drain()
    assert world.accepted_ids().count(late) == 1
    assert sorted(world.accepted_ids()) == sorted(world.sent)


def test_rekeyed_retry() -> None:
    """A pack whose answer was lost goes, after a split, to the same child under the same hash key: dropped there."""
    world = World(shards=1)
    world.step()
    for key in ("a", "b", "c"):
        world.put(key)
    world.stream.script(Fault.LOSE_ANSWER, Fault.LOSE_ANSWER)
    world.attempt()
    assert len(world.stream.records) == 1
    world.stream.split(world.stream.shard_ids[0])
    world.drain()
    keys = {(record.partition_key, record.explicit_hash_key) for record in world.stream.records}
    assert len(world.stream.records) == 3
    assert len(keys) == 1
    assert [len({record.shard_id for record in world.stream.records[start:]}) for start in (0, 1)] == [2, 1]
    assert sorted(world.accepted_ids()) == sorted(world.sent)


@pytest.mark.parametrize("clock", ["both", "wall", "boot"])
def test_suspended_producer(clock: str) -> None:
    """After a sleep past half the horizon an attempted pack is reported unknown, not sent again."""
    world = World(shards=1)
    world.step()
    doubtful = world.put("a")
    world.stream.script(Fault.LOSE_ANSWER)
    world.attempt()
    if clock in ("both", "wall"):
        world.clock.wall_s += HORIZON_S * 2
    if clock in ("both", "boot"):
        world.clock.boot_s += HORIZON_S * 2
    later = world.put("a")
    world.drain()
    assert world.ids(Outcome.UNKNOWN) == [doubtful]
    assert world.accepted_ids() == [doubtful, later]
    assert len([record for record in world.stream.records if doubtful.encode() in record.data]) == 1


def test_suspended_producer_with_a_spool(tmp_path: Path) -> None:
    """The first attempt's time outlives the process: a restart past half the horizon does not send the pack again."""
    world = World(shards=1, spool_dir=tmp_path)
    world.step()
    doubtful = world.put("a")
    world.stream.script(Fault.LOSE_ANSWER)
    world.attempt()
    world.clock.wall_s += HORIZON_S
    world.clock.boot_s = 5.0
    world.restart()
    later = world.put("a")
    world.drain()
    world.close()
    assert world.ids(Outcome.UNKNOWN) == [doubtful]
    assert world.accepted_ids() == [doubtful, later]
    assert list(tmp_path.glob("*.pack")) == list(tmp_path.glob("*.try")) == []


def test_a_spooled_pack_that_was_never_attempted_is_sent_at_any_age(tmp_path: Path) -> None:
    """Age counts from the first attempt: what waited on disk unattempted cannot be in the stream."""
    world = World(shards=1, spool_dir=tmp_path)
    world.step()
    world.stream.script(Fault.LOSE_REQUEST)
    first = [world.put("a") for _ in range(3)]
    world.attempt()
    waiting = [world.put("a") for _ in range(4)]
    world.step(0.01)
    assert len(list(tmp_path.glob("*.pack"))) == 2
    assert len(list(tmp_path.glob("*.try"))) == 1
    world.clock.advance(HORIZON_S)
    world.restart()
    world.drain()
    world.close()
    assert world.ids(Outcome.UNKNOWN) == first
    assert world.accepted_ids() == waiting[:3]


def put_one(producer: Producer, n: int) -> None:
    producer.put(Step(key="a", n=n, at=datetime.now(UTC)), f"e{n}")


def in_a_fork(work: object) -> bytes:
    """What `work()` answers in a fork's child."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads and fork together are this test's subject
        child = os.fork()
    if child == 0:
        try:
            os.write(write, pickle.dumps(work()))  # type: ignore[operator]
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return bytes(said)


def test_forked_producer() -> None:
    """A fork's child draws an id of its own, sends only its own events, and numbers them from 1."""
    stream = FakeKinesis()
    with Producer("s", ProducerSettings(linger_s=30), connect=lambda: stream) as producer:
        put_one(producer, 1)

        def child() -> list[tuple[str, bytes]]:
            put_one(producer, 2)
            producer.close(10)
            return [(record.partition_key, record.data) for record in stream.records]

        [(key, data)] = pickle.loads(in_a_fork(child))  # noqa: S301 - from our own child
        parent_id = producer.producer_id
    assert b"e2" in data
    assert b"e1" not in data
    theirs, ours = parse_pack_key(key), parse_pack_key(stream.records[0].partition_key)
    assert theirs is not None
    assert ours is not None
    assert theirs.lane.producer_id != ours.lane.producer_id == parent_id
    assert theirs.number == ours.number == 1
    assert [put.event_id for put in stream.events(Step)] == ["e1"]


def test_forked_producer_with_a_spool(tmp_path: Path) -> None:
    """The spool stays with the parent: the child is refused with a sentence, and its end frees nothing."""
    stream = FakeKinesis()
    with Producer("s", ProducerSettings(spool_dir=tmp_path), connect=lambda: stream) as producer:
        put_one(producer, 1)

        def child() -> str:
            try:
                put_one(producer, 2)
            except SettingsError as error:
                return str(error)
            return "taken"

        assert "in use by another producer" in pickle.loads(in_a_fork(child))  # noqa: S301 - from our own child
        with pytest.raises(SettingsError):
            Spool(tmp_path)
        put_one(producer, 3)
    assert [put.event_id for put in stream.events(Step)] == ["e1", "e3"]
    Spool(tmp_path).close()


def test_two_processes_on_one_spool(tmp_path: Path) -> None:
    """A second process is refused clearly; once the first has died by SIGKILL the folder is free, with its packs."""
    script = textwrap.dedent("""
        import sys
        from pathlib import Path
        from headrace_producers.spool import Spool
        spool = Spool(Path(sys.argv[1]))
        print("held", flush=True)
        sys.stdin.read()
    """)
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(SettingsError, match="in use by another producer"):
            Spool(tmp_path)
        holder.kill()
    Spool(tmp_path).close()


def test_a_restored_snapshot_renews() -> None:
    """After renew() the copy has another id, and reports what it had buffered instead of sending it twice."""
    stream = FakeKinesis()
    told: list[Delivery] = []
    with Producer("s", ProducerSettings(linger_s=30), connect=lambda: stream, on_delivery=told.append) as producer:
        put_one(producer, 1)
        before = producer.producer_id
        producer.renew()
        put_one(producer, 2)
        assert producer.producer_id != before
    assert [put.event_id for put in stream.events(Step)] == ["e2"]
    assert [(one.outcome, one.event_ids) for one in told] == [(Outcome.LOST, ("e1",)), (Outcome.DELIVERED, ("e2",))]


@pytest.mark.parametrize("fault", [Fault.NONE, Fault.LOSE_REQUEST])
def test_after_a_reshard_new_packs_get_lanes_of_the_new_shards(fault: Fault) -> None:
    """Told by an answer that names another shard, or by a call that failed; the stale pack keeps its key."""
    world = World(shards=1)
    world.step()
    [parent] = world.stream.shard_ids
    world.stream.split(parent)
    world.stream.script(fault)
    world.put("a")
    world.drain()
    for key in "abcdefgh":
        world.put(key)
    world.drain()
    packs = [parse_pack_key(record.partition_key) for record in world.stream.records]
    lanes = [pack.lane.shard_id for pack in packs if pack]
    assert lanes[0] == parent
    assert set(lanes[1:]) == set(world.stream.shard_ids)
    assert all(lane == record.shard_id for lane, record in list(zip(lanes, world.stream.records, strict=True))[1:])
