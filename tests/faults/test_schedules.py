"""The pinned schedules of the stream: each lost or doubled data in a simpler design, and is named for what it did."""

from __future__ import annotations

import msgspec
import pytest

from headrace_consumers.commitlog import keys
from headrace_consumers.errors import CheckpointAheadError, FencedError
from headrace_consumers.records import KinesisRecord
from headrace_consumers.runtime.effects import Answer, Checkpoint, CommitBatch
from headrace_consumers.settings import BatchSettings, KclSettings, WorkerSettings
from headrace_producers.errors import SettingsError
from headrace_producers.wire.lane import Lane
from tests.fakes.steps import Steps
from tests.faults.simulation import BORN_MS, Lease, Worker, World

ONE_ROW = BatchSettings(max_batch_age_s=5.0, max_batch_rows=1)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _s: None)


def consume(worker: Worker, shard_id: str, count: int = 100) -> None:
    """Deliver, let the batch age, commit."""
    worker.deliver(shard_id, count)
    worker.world.now_s += 6.0
    worker.tick()
    worker.work()


def started(world: World, shard_id: str, batch: BatchSettings | None = None) -> Worker:
    worker = world.start_worker(batch=batch)
    worker.lease(shard_id)
    worker.work()
    return worker


def test_lost_lease_table() -> None:
    """The lease table is deleted and KCL starts at TRIM_HORIZON: what the log has is skipped, the rest is read."""
    world = World()
    shard_id = world.add_shard()
    world.put_pack(shard_id, events=3)
    worker = started(world, shard_id)
    consume(worker, shard_id)
    world.put_pack(shard_id)
    world.kill(worker)
    world.leases[shard_id] = Lease()
    world.drain()
    world.check_complete()


def test_foreign_streams_are_skipped_to_the_tip_too() -> None:
    """Records of producers without lanes come again after a restart: only the skip to the tip tells them."""
    world = World()
    shard_id = world.add_shard()
    pack = world.put_pack(shard_id, lane=Lane("elsewhere", shard_id))
    world.records[shard_id][-1] = msgspec.structs.replace(pack, partition_key="a foreign key")
    worker = started(world, shard_id)
    consume(worker, shard_id)
    world.kill(worker)
    world.drain()
    world.check_complete()


def test_latest_restart() -> None:
    """LATEST is refused, and a restart after a commit whose checkpoint was lost reads on from the log."""
    with pytest.raises(SettingsError, match="LATEST"):
        WorkerSettings(kcl=KclSettings(start="LATEST"))
    world = World()
    log, _ = world.clients(Steps())
    assert log.start_position("tides", "2026-01-01T00:00:00Z") == "2026-01-01T00:00:00Z"
    assert log.start_position("tides", "2026-01-02T00:00:00Z") == "2026-01-01T00:00:00Z"


def test_recreated_stream() -> None:
    """The same shard id with smaller numbers, born later, has a chain of its own: nothing is taken for committed."""
    world = World()
    shard_id = world.add_shard()
    for _ in range(5):
        world.put_pack(shard_id)
    worker = started(world, shard_id)
    consume(worker, shard_id)
    world.kill(worker)
    world.created_ms = BORN_MS + 1
    world.records[shard_id] = []
    world.leases[shard_id] = Lease()
    world.sequence = iter(range(1, 1_000))  # type: ignore[assignment]
    world.put_pack(shard_id, lane=Lane("reborn", shard_id))
    world.drain()
    world.check_complete()


def test_checkpoint_ahead() -> None:
    """KCL's checkpoint beyond the chain's end stops the worker with a sentence; nothing is skipped."""
    world = World()
    shard_id = world.add_shard()
    world.put_pack(shard_id)
    worker = started(world, shard_id)
    consume(worker, shard_id)
    skipped = world.put_pack(shard_id)
    world.put_pack(shard_id)
    world.kill(worker)
    world.leases[shard_id].checkpoint = skipped.sequence_number
    ahead = started(world, shard_id)
    assert isinstance(ahead.failure, CheckpointAheadError)
    assert "adopt" in str(ahead.failure)


def test_checkpoint_without_a_chain() -> None:
    """A number from KCL where no link stands is never believed."""
    world = World()
    shard_id = world.add_shard()
    world.leases[shard_id].checkpoint = world.put_pack(shard_id).sequence_number
    assert isinstance(started(world, shard_id).failure, CheckpointAheadError)


def test_unpadded_order() -> None:
    """Numbers 7 to 15 cross a digit: the newest link is the numerically last one, and text keys agree with integers."""
    world = World()
    shard_id = world.add_shard()
    for _ in range(5):
        world.put_pack(shard_id)
    worker = started(world, shard_id)
    for _ in range(5):
        consume(worker, shard_id, 1)
    assert world.tip_position(shard_id) == 11
    assert sorted(["10", "9", "0"], key=lambda text: keys.padded(int(text))) == ["0", "9", "10"]
    world.kill(worker)
    world.drain()
    world.check_complete()


def test_commit_timeout() -> None:
    """The transaction is accepted and its answers are lost, longer than the token lives: the data stays and counts."""
    world = World()
    shard_id = world.add_shard()
    world.put_pack(shard_id)
    worker = started(world, shard_id)

    def lose(name: str) -> None:
        if name == "TransactWriteItems" and worker.steps.seen.count(name) <= 3:
            worker.steps.lost_answers |= {worker.steps.calls - 1}
            world.dynamo.tokens.clear()

    worker.steps.before_call = lose
    consume(worker, shard_id)
    assert worker.steps.seen.count("TransactWriteItems") == 2
    assert "AbortMultipartUpload" not in worker.steps.seen
    assert not worker.dead
    world.check_complete()


@pytest.mark.parametrize("forgets", [True, False])
def test_completed_by_whom(forgets: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Another completes our upload first, and S3 answers NoSuchUpload or 200: only HEAD is believed."""
    world = World()
    world.s3.forgets_completed = forgets
    shard_id = world.add_shard()
    world.put_pack(shard_id)
    worker = started(world, shard_id)
    follower = world.start_worker()

    def overtake(name: str) -> None:
        if name == "CompleteMultipartUpload" and shard_id not in follower.pipes:
            world.leases[shard_id].owner = None
            follower.lease(shard_id)
            follower.work()

    worker.steps.before_call = overtake
    consume(worker, shard_id)
    assert worker.failure is None
    world.check_complete()


def test_a_deleted_object_is_not_believed_because_completion_answers_200() -> None:
    """S3 answers a second completion with success after the object was deleted: the shard stops and names repair."""
    world = World()
    world.s3.forgets_completed = False
    shard_id = world.add_shard()
    world.put_pack(shard_id)
    worker = started(world, shard_id)
    consume(worker, shard_id)
    world.kill(worker)
    world.s3.objects.clear()
    successor = started(world, shard_id)
    assert "repair" in str(successor.failure)


def test_foreign_link() -> None:
    """The old owner's commit lands after the new one began: its shard goes passive there, its other shards go on."""
    world = World()
    contested, quiet = world.add_shard(0, 9), world.add_shard(10, 19)
    for shard_id in (contested, quiet):
        world.put_pack(shard_id)
    old, new = started(world, contested), started(world, quiet)
    old.deliver(contested, 5)
    world.now_s += 6.0
    old.tick()
    new.lease(contested)
    new.work(1)
    new.deliver(contested, 5)
    new.deliver(quiet, 5)
    old.work()
    world.now_s += 6.0
    new.tick()
    new.work()
    world.check_readers()
    assert new.failure is None
    assert world.tip_position(quiet) > 0
    world.drain()
    world.check_complete()


def test_empty_parent() -> None:
    """A parent that ends with nothing in hand still gets its terminal link, with children and lanes."""
    world = World()
    parent = world.add_shard()
    worker = started(world, parent)
    left, right = world.split(parent)
    worker.end(parent)
    worker.work()
    log, _ = world.clients(Steps())
    link = next(log.newest_links(world.chain(parent)))
    assert (link.kind, link.children) == ("terminal", (left, right))
    assert world.leases[parent].ended


def test_kpl_shard_end() -> None:
    """The last record was an aggregate: the checkpoint at the shard's end carries no sequence number."""
    world = World()
    parent = world.add_shard()
    last = world.put_pack(parent)
    world.records[parent][-1] = KinesisRecord(
        data=last.data, partition_key="a key of KPL", sequence_number=last.sequence_number, sub_sequence_number=0
    )
    worker = started(world, parent)
    worker.deliver(parent, 5)
    world.split(parent)
    worker.end(parent)
    worker.work()
    checkpoints = [effect.sequence_number for effect in worker.effects if isinstance(effect, Checkpoint)]
    assert checkpoints[-1] is None
    assert world.leases[parent].ended


def test_terminal_twice() -> None:
    """Crash between the terminal link and the checkpoint: the successor finds its shard ended and just checkpoints."""
    world = World()
    parent = world.add_shard()
    world.put_pack(parent)
    worker = started(world, parent)
    consume(worker, parent)
    world.split(parent)
    worker.end(parent)
    worker.steps.crash_at = 2 * worker.steps.calls + 1
    worker.work()
    assert worker.dead
    assert not world.leases[parent].ended
    world.drain()
    world.check_complete()
    assert world.leases[parent].ended


def test_passive_hole() -> None:
    """A fenced shard that is still leased to its worker takes nothing more, and the process ends after its patience."""
    world = World()
    shard_id = world.add_shard()
    world.put_pack(shard_id)
    worker = started(world, shard_id)
    worker.deliver(shard_id, 1)
    other = started(world, shard_id)
    consume(other, shard_id)
    world.leases[shard_id].owner = worker.number
    worker.tick()
    worker.work()
    world.put_pack(shard_id)
    consume(worker, shard_id)
    assert [effect for effect in worker.effects if isinstance(effect, CommitBatch)][1:] == []
    world.now_s += 21.0
    worker.tick()
    assert isinstance(worker.failure, FencedError)
    world.drain()
    world.check_complete()


def test_token_reuse() -> None:
    """A batch that is written anew without its fenced shard has a new attempt id, hence a new token, and commits."""
    world = World()
    taken, ours = world.add_shard(0, 9), world.add_shard(10, 19)
    for shard_id in (taken, ours):
        world.put_pack(shard_id)
    worker = started(world, taken)
    worker.lease(ours)
    worker.work()
    worker.deliver(taken, 5)
    worker.deliver(ours, 5)
    thief = started(world, taken)
    consume(thief, taken)
    worker.tick()
    worker.work()
    assert worker.failure is None
    assert world.tip_position(ours) > 0
    assert "AbortMultipartUpload" in worker.steps.seen
    world.check_complete()


def test_pack_overtaken() -> None:
    """A lane's first pack arrives after another lane's hundred thousandth: it is no repeat."""
    world = World()
    busy, throttled = world.split(world.add_shard())
    fast, slow = Lane("producer", busy), Lane("producer", throttled)
    world.numbers[fast] = 100_000
    merged = world.merge(busy, throttled)
    world.put_pack(merged, lane=fast)
    world.put_pack(merged, lane=slow)
    world.drain()
    world.check_complete()


def test_a_repeat_across_a_split_is_dropped_by_the_child() -> None:
    """The first attempt was accepted by the parent, the retry of the same pack comes to a child: its lane came too."""
    world = World()
    parent = world.add_shard()
    pack = world.put_pack(parent, lane=Lane("producer", parent))
    left, _ = world.split(parent)
    world.put_record(left, pack.data, pack.partition_key)
    world.drain()
    world.check_complete()


def test_gap_of_expired_records() -> None:
    """A worker that was away longer than the retention writes the gap down before it goes on."""
    world = World()
    shard_id = world.add_shard()
    world.put_pack(shard_id)
    worker = started(world, shard_id)
    consume(worker, shard_id)
    lost = world.put_pack(shard_id)
    world.kill(worker)
    world.now_s += 25 * 3600
    world.records[shard_id].clear()
    later = world.put_pack(shard_id)
    worker = started(world, shard_id)
    worker.deliver(shard_id, 5)
    worker.work()
    consume(worker, shard_id)
    log, _ = world.clients(Steps())
    gap = next(link for link in log.newest_links(world.chain(shard_id)) if link.kind == "gap")
    assert gap.start < lost.position <= gap.end < later.position
    assert "expired" in gap.reason


def test_committed_then_checkpointed() -> None:
    """The exact order of effects: hold, answer, commit, and only then the checkpoint, inside the next message."""
    world = World()
    shard_id = world.add_shard()
    record = world.put_pack(shard_id)
    worker = started(world, shard_id)
    consume(worker, shard_id)
    worker.deliver(shard_id, 5)
    pipe = worker.pipes[shard_id]
    told = [effect for effect in worker.effects if isinstance(effect, Answer | Checkpoint | CommitBatch)]
    assert [type(effect).__name__ for effect in told] == ["Answer", "Answer", "CommitBatch", "Checkpoint", "Answer"]
    assert told[3] == Checkpoint(pipe, record.sequence_number)


def test_a_record_over_the_row_limit_still_commits() -> None:
    """Events of one Kinesis record never part: a single record may exceed the limits."""
    world = World()
    shard_id = world.add_shard()
    world.put_pack(shard_id, events=7)
    world.put_pack(shard_id, events=2)
    worker = started(world, shard_id, ONE_ROW)
    worker.deliver(shard_id, 5)
    world.now_s += 6.0
    worker.tick()
    worker.work(1)
    assert len(world.rows()) == 7
    worker.work()
    assert len(world.rows()) == 9, "what had no room in the first batch waited for a second age"
    world.check_complete()
