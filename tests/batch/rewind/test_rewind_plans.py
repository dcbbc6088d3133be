"""What a rewind supersedes and from when the stream is read: each case lost, doubled or kept the wrong rows once."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import msgspec
import pytest

from headrace_batch.committing import Draft, commit, new_attempt
from headrace_batch.rewind import rewinding
from headrace_batch.rewind.bonds import read_bonds
from headrace_batch.rewind.points import Point
from headrace_batch.rewind.rewinding import unfinished
from headrace_consumers.commitlog.model import Commit, CommitKind, LinkKind
from headrace_consumers.errors import GenerationRaisedError, LogError
from headrace_consumers.operate import adopt
from headrace_producers.errors import TerminalError
from tests.consumers.operate.operators import operator
from tests.fakes.steps import Crash, Steps
from tests.faults.rewinds import check_log, gather_rows, place_of, rewind, standing
from tests.faults.simulation import World
from tests.faults.test_schedules import consume, started

HOUR_S = 3600.0


def check(world: World) -> None:
    """At the end: every event once, for readers of the lake and by the log."""
    world.drain()
    world.check_complete()
    check_log(world)


def committed(commits: int, apart_s: float = 600.0) -> tuple[World, str]:
    """One shard, so many commits of an event each."""
    world = World()
    shard_id = world.add_shard()
    worker = started(world, shard_id)
    for _ in range(commits):
        world.put_pack(shard_id)
        consume(worker, shard_id)
        world.now_s += apart_s
    world.kill(worker)
    return world, shard_id


def arrival_ms(world: World, shard_id: str, number: int) -> int:
    return world.records[shard_id][number].approximate_arrival_timestamp


def start_of(world: World, generation: int = 2) -> datetime:
    return datetime.fromisoformat(world.clients(Steps())[0].start_position("tides", "unknown", generation))


def at(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)


# --- from when the stream is read


def test_a_shard_that_nobody_came_to_yet_is_read_from_its_beginning() -> None:
    """Its records are older than the point, and in no commit: the other shards' cuts say nothing of them."""
    world = World()
    read, behind = world.add_shard(0, 9), world.add_shard(10, 19)
    world.put_pack(behind)
    world.now_s += 5 * HOUR_S
    for _ in range(2):
        world.put_pack(read)
        consume(started(world, read), read)
        world.now_s += 600.0
    rewind(world, Point(to_ms=arrival_ms(world, read, 1)))
    check(world)


def test_children_of_a_shard_that_was_read_need_no_earlier_start() -> None:
    """They began after it: a reshard shortly before a rewind is no reason to read all the stream again."""
    world, parent = committed(3, apart_s=HOUR_S)
    world.split(parent)
    rewind(world, Point(to_ms=arrival_ms(world, parent, 2)))
    assert start_of(world) > at(arrival_ms(world, parent, 1))
    check(world)


def test_a_shard_that_ended_long_ago_needs_nothing_read() -> None:
    """Its children do, and say from when: but for one that nobody came to yet, which began when its parent ended."""
    world, parent = committed(2, apart_s=HOUR_S)
    children = world.split(parent)
    worker = started(world, parent)
    consume(worker, parent)
    worker.end(parent)
    worker.work()
    assert world.leases[parent].ended
    for child in children:
        world.put_pack(child)
    world.now_s += 5 * HOUR_S
    for child in children:
        world.put_pack(child)
        world.now_s += 600.0
        consume(started(world, child), child)
        world.put_pack(child)
        world.now_s += 600.0
        consume(started(world, child), child)
    rewind(world, Point(to_ms=arrival_ms(world, children[1], 2)))
    assert start_of(world) > at(arrival_ms(world, parent, 1) + 1_800_000)
    check(world)


def test_children_that_nobody_came_to_yet_are_read_from_their_parents_end() -> None:
    """They have no link, and their parent nothing left to read: its end says when they began."""
    world, parent = committed(2, apart_s=HOUR_S)
    other = world.add_shard()
    left, right = world.split(parent)
    worker = started(world, parent)
    consume(worker, parent)
    worker.end(parent)
    worker.work()
    assert world.leases[parent].ended
    world.put_pack(left)
    world.put_pack(right)
    world.now_s += 5 * HOUR_S
    for _ in range(2):
        world.put_pack(other)
        consume(started(world, other), other)
        world.now_s += 600.0
    rewind(world, Point(to_ms=arrival_ms(world, other, 1)))
    check(world)


def test_what_came_behind_a_gap_is_older_than_the_gap() -> None:
    """An operator adopted a gap long after the records behind it had come: its time says nothing of theirs."""
    world = World()
    shard_id, other = world.add_shard(0, 9), world.add_shard(10, 19)
    world.put_pack(shard_id)
    consume(started(world, shard_id), shard_id)
    adopted = world.put_lines(shard_id, {})
    world.now_s += 60.0
    world.put_pack(shard_id)
    world.now_s += 5 * HOUR_S
    view = operator(world)
    adopt.apply(view, adopt.plan_gap(view, shard_id, adopted.sequence_number, "poison", world.now_ms))
    world.put_pack(other)
    consume(started(world, other), other)
    rewind(world, Point(shard_id=other, sequence_number=world.records[other][0].sequence_number))
    check(world)


def test_records_behind_a_gap_that_stays_are_read_again_from_their_own_time() -> None:
    """The commit behind the gap goes, by its newest record; its oldest one came long before."""
    world = World()
    shard_id = world.add_shard()
    world.put_pack(shard_id)
    consume(started(world, shard_id), shard_id)
    adopted = world.put_lines(shard_id, {})
    world.now_s += 60.0
    world.put_pack(shard_id)
    world.now_s += 5 * HOUR_S
    view = operator(world)
    adopt.apply(view, adopt.plan_gap(view, shard_id, adopted.sequence_number, "poison", world.now_ms))
    world.now_s += 60.0
    world.put_pack(shard_id)
    consume(started(world, shard_id), shard_id)
    assert rewind(world, Point(to_ms=arrival_ms(world, shard_id, 3))).commits == 1
    check(world)


def test_nothing_before_the_pipelines_own_beginning_is_read() -> None:
    """It began at a time; going back to its first record is not going back to the stream's."""
    world = World()
    log, _ = world.clients(Steps())
    log.start_position("tides", at(world.now_ms + 30_000).isoformat())
    shard_id = world.add_shard()
    world.put_record(shard_id, b"before our time\n", "foreign")
    world.now_s += 40.0
    world.put_pack(shard_id)
    consume(started(world, shard_id), shard_id)
    rewind(world, Point(to_ms=0))
    check(world)
    assert not world.rows_of("processed", "tides_dead_letters")


def test_what_the_stream_has_forgotten_is_refused() -> None:
    """Before anything is sealed; the sentence names what helps."""
    world, shard_id = committed(3, apart_s=12 * HOUR_S)
    with pytest.raises(TerminalError, match=r"stream tides, shard .* has forgotten them.*headrace-batch backfill"):
        rewind(world, Point(to_ms=arrival_ms(world, shard_id, 0)))
    assert unfinished(place_of(world)) is None
    assert world.clients(Steps())[0].generation("tides") == 1
    assert rewind(world, Point(to_ms=arrival_ms(world, shard_id, 2))).commits == 1
    check(world)
    log, _ = world.clients(Steps())
    assert [link.kind for link in log.newest_links(world.chain(shard_id))] == [LinkKind.DATA, LinkKind.FORK]


def test_an_idle_shard_that_stays_is_neither_read_again_nor_taken_for_a_gap() -> None:
    """Its newest record is older than the stream keeps any; its heartbeat said that nothing came behind it."""
    world = World()
    idle, busy = world.add_shard(0, 9), world.add_shard(10, 19)
    world.put_pack(idle)
    worker = started(world, idle)
    consume(worker, idle)
    world.now_s += 30 * HOUR_S
    consume(worker, idle)
    for _ in range(2):
        world.put_pack(busy)
        consume(started(world, busy), busy)
        world.now_s += 600.0
    rewind(world, Point(to_ms=arrival_ms(world, busy, 1)))
    assert start_of(world) > at(arrival_ms(world, busy, 0) - 120_000)
    world.now_s += 12 * HOUR_S
    world.put_pack(idle)
    check(world)
    log, _ = world.clients(Steps())
    assert all(link.kind is not LinkKind.GAP for link in log.newest_links(world.chain(idle)))


# --- which commits go


def test_arrival_times_are_no_order() -> None:
    """A commit whose last record came before the point, and another of its records after it: it may not stay."""
    world = World()
    shard_id = world.add_shard()
    early, late = world.put_pack(shard_id), world.put_pack(shard_id)
    world.records[shard_id][0] = msgspec.structs.replace(early, approximate_arrival_timestamp=world.now_ms + 2_000)
    consume(started(world, shard_id), shard_id)
    point = Point(to_ms=late.approximate_arrival_timestamp + 1_000)
    assert rewind(world, point, dry_run=True).commits == 1
    later = Point(to_ms=late.approximate_arrival_timestamp + 3_000)
    assert rewind(world, later, dry_run=True).commits == 0


def test_many_commits_leave_in_parts_and_the_last_part_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator dies between two parts: workers wait, and the next run does the rest."""
    monkeypatch.setattr(rewinding, "MAX_RETIRED", 2)
    world, _ = committed(5, apart_s=60.0)
    steps = Steps()

    def die(name: str) -> None:
        if name == "TransactWriteItems" and steps.seen.count(name) == 3:
            raise Crash(name)

    steps.before_call = die
    with pytest.raises(Crash):
        rewind(world, Point(to_ms=0), steps)
    assert len(standing(world).retired) == 2
    assert unfinished(place_of(world)) is not None
    rewind(world, Point(to_ms=world.now_ms))
    assert [len(one.retires) for one in place_of(world).chain.after(0)] == [2, 2, 1]
    check(world)


def test_kept_commits_that_are_pending_are_completed_first() -> None:
    """Their worker died before it came to it, and the new generation's opens no commit of the old one."""
    world = World()
    kept, gone = world.add_shard(0, 9), world.add_shard(10, 19)
    world.put_pack(kept)
    worker = started(world, kept)

    def die(name: str) -> None:
        if name == "CompleteMultipartUpload":
            raise Crash(name)

    worker.steps.before_call = die
    consume(worker, kept)
    assert not world.rows()
    world.put_pack(gone)
    consume(started(world, gone), gone)
    point = Point(shard_id=gone, sequence_number=world.records[gone][0].sequence_number)
    rewind(world, point)
    assert len(world.rows()) == 1
    check(world)


def test_a_worker_that_thaws_before_completing_finds_its_commit_gone() -> None:
    """Its files were taken out while it was frozen: that is no loss to be repaired, and it learns of the rewind."""
    world = World()
    shard_id = world.add_shard()
    world.put_pack(shard_id)
    worker = started(world, shard_id)

    def frozen(name: str) -> None:
        if name == "CompleteMultipartUpload" and not place_of(world).chain.position():
            rewind(world, Point(to_ms=0))

    worker.steps.before_call = frozen
    consume(worker, shard_id)
    assert not worker.dead
    world.put_pack(shard_id)
    consume(worker, shard_id)
    assert isinstance(worker.failure, GenerationRaisedError)
    check(world)


@pytest.mark.parametrize("moment", range(12))
def test_a_commit_that_comes_while_the_chains_are_read_has_not_expired(moment: int) -> None:
    """Until the seal, workers go on: one chain may be read before a commit of two shards, the other one behind it."""
    world, calls = World(), itertools.count()
    shard_ids = [world.add_shard(0, 9), world.add_shard(10, 19)]
    worker = started(world, shard_ids[0])
    worker.lease(shard_ids[1])
    worker.work()

    def flow() -> None:
        for shard_id in shard_ids:
            world.put_pack(shard_id)
            worker.deliver(shard_id, 100)
        world.now_s += 6.0
        worker.tick()
        worker.work()

    def beside(_name: str) -> None:
        if next(calls) == moment:
            flow()

    flow()
    steps = Steps()
    steps.before_call = beside
    rewind(world, Point(to_ms=0), steps)
    assert next(calls) > moment
    world.kill(worker)
    check(world)


# --- what batch made of several commits


@pytest.mark.parametrize("kind", [CommitKind.BACKFILL, CommitKind.COMPACTION])
def test_rows_of_commits_on_both_sides_of_the_point(kind: CommitKind) -> None:
    """A backfill's rows go together, so the records of all its commits are read again; of a compacted file those rows
    stay whose commits do."""
    world, shard_id = committed(4)
    ids = sorted(standing(world).commits)
    made = gather_rows(world, kind, ids[1:3])
    world.check_readers()
    before = len(world.rows())
    report = rewind(world, Point(to_ms=arrival_ms(world, shard_id, 2)))
    backfill = kind is CommitKind.BACKFILL
    assert (report.batch_commits, len(world.rows())) == ((1, 1) if backfill else (0, 2))
    assert report.rows == before - len(world.rows())
    assert (made.attempt_id in standing(world).commits) != backfill
    check(world)


@pytest.mark.parametrize("crash", range(20, 130, 7))
def test_a_rewind_over_a_backfill_that_dies_is_ended_as_it_was_begun(
    crash: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it takes out itself must not look, to who ends it, as if it had never bound anything."""
    monkeypatch.setattr(rewinding, "MAX_RETIRED", 1)
    world, shard_id = committed(4)
    gather_rows(world, CommitKind.BACKFILL, sorted(standing(world).commits)[1:3])
    point = Point(to_ms=arrival_ms(world, shard_id, 2))
    try:
        rewind(world, point, Steps(crash_at=crash))
    except Crash:
        world.check_readers()
    rewind(world, point)
    check(world)


def test_a_rewind_ends_batch_commits_that_were_planned_before_it() -> None:
    """They would build on commits that are gone."""
    world, _ = committed(2)
    place = place_of(world)
    rewind(world, Point(to_ms=0))
    draft = Draft(attempt_id=new_attempt(place), kind=CommitKind.LANDING, files=())
    with pytest.raises(GenerationRaisedError):
        commit(place, draft, place.chain.position(), lambda _: True)


def named(attempt_id: str, kind: CommitKind, retires: tuple[str, ...] = (), letters_of: tuple[str, ...] = ()) -> Commit:
    return Commit(
        attempt_id=attempt_id, pipeline="tides", generation=0, files=(), shards=("batch",), contracts=(),
        code_version="", written_ms=0, kind=kind, retires=retires, letters_of=letters_of,
    )  # fmt: skip


def test_what_stands_binds_what_it_was_made_of() -> None:
    """Through backfills of backfills, and letters of either; what is retired binds nothing."""
    bonds = read_bonds([
        named("b1", CommitKind.BACKFILL, ("c1", "c2")),
        named("r1", CommitKind.REDRIVE, letters_of=("b1", "c3")),
        named("b2", CommitKind.BACKFILL, ("b1", "c4")),
        named("l1", CommitKind.LANDING),
        named("r2", CommitKind.REDRIVE, letters_of=("l1", "c5")),
        named("k1", CommitKind.COMPACTION),
    ])  # fmt: skip
    assert {one.commit_id: sorted(one.sources) for one in bonds.standing} == {
        "r1": ["c1", "c2", "c3"], "b2": ["c1", "c2", "c4"], "r2": ["c5"],
    }  # fmt: skip
    assert [one.commit_id for one in bonds.standing if one.landed] == ["r2"]
    assert sorted(bonds.retired) == ["b1", "c1", "c2", "c4"]
    assert {one.commit_id for one in bonds.of("c2")} == {"r1", "b2"}


def redriven(world: World, letters_of: list[str]) -> Commit:
    """A mended letter: a row more, which the stream does not bring again but as a letter."""
    place = place_of(world)
    draft = Draft(
        attempt_id=new_attempt(place), kind=CommitKind.REDRIVE, files=(), letters_of=tuple(letters_of)
    )  # fmt: skip
    return commit(place, draft, place.chain.position(), lambda _: True)


def test_mended_letters_go_with_the_commits_that_they_came_with() -> None:
    """All of them: their letters come back as letters."""
    world, shard_id = committed(3)
    ids = sorted(standing(world).commits)
    mended = redriven(world, [ids[0], ids[2]])
    report = rewind(world, Point(to_ms=arrival_ms(world, shard_id, 2)))
    assert (report.commits, report.batch_commits) == (3, 1)
    assert mended.attempt_id not in standing(world).commits
    check(world)


def test_letters_of_landed_files_cannot_come_back_by_the_stream() -> None:
    """Nothing is sealed; the sentence says which redrive it is."""
    world, shard_id = committed(2)
    place = place_of(world)
    landing = Draft(attempt_id=new_attempt(place), kind=CommitKind.LANDING, files=())
    landed = commit(place, landing, place.chain.position(), lambda _: True)
    mended = redriven(world, [landed.attempt_id, max(set(standing(world).links))])
    with pytest.raises(LogError, match=f"redrive {mended.attempt_id} mended letters"):
        rewind(world, Point(to_ms=arrival_ms(world, shard_id, 1)))
    assert world.clients(Steps())[0].generation("tides") == 1
