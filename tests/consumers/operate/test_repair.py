"""Repair in the simulated world: what the log promises, the lake shows again; every event once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace_consumers.commitlog.model import Commit
from headrace_consumers.operate.repair import Repairer, sentences
from headrace_consumers.operate.restaging import KPL_MAGIC
from headrace_consumers.operate.view import newest_commits
from headrace_consumers.pipeline import Grain, LakeTable
from headrace_producers.contracts import contract
from headrace_producers.wire.lane import Lane
from tests.consumers.operate.operators import operator, repairer
from tests.fakes.kinesis import MemoryKinesis
from tests.fakes.steps import Crash, Steps
from tests.faults.simulation import World


@contract(name="tide.renamed", version=1, partition_key="station", event_time="measured_at")
class Renamed(msgspec.Struct, frozen=True, kw_only=True):
    """The contract that took the place of the first one."""

    station: str
    measured_at: datetime


LANE = Lane("producer", "any")
"""One lane over parent and children: only inherited lanes tell its repeats."""


def committed(*, split: bool = True) -> World:
    """Several commits, a repeated pack in each, before and after a reshard."""
    world = World()
    operator(world).log.start_position("tides", "TRIM_HORIZON")
    parent = world.add_shard()
    for _ in range(3):
        world.put_pack(parent, events=2, lane=LANE, times=2)
        world.put_record(parent, b"no event\n", "other")
        world.drain()
    if split:
        record = world.put_pack(parent, lane=LANE)
        world.drain()
        left, right = world.split(parent)
        world.put_record(left, record.data, record.partition_key)
        world.put_pack(left, events=3)
        world.put_pack(right, events=3)
        world.drain()
    world.check_complete()
    return world


def commits(world: World) -> list[Commit]:
    view = operator(world)
    return newest_commits(view, view.chains(view.place()), 100)


def lose(world: World, commit: Commit) -> dict[tuple[str, str], bytes]:
    """Deletes the objects of a commit; what they held."""
    places = [(file.bucket, file.key) for file in commit.files]
    return {place: world.s3.objects.pop(place).body for place in places if place in world.s3.objects}


def repair_all(world: World, with_: Repairer) -> None:
    for commit in commits(world):
        with_.repair(commit)


def test_nothing_to_repair_changes_nothing() -> None:
    """Where HEAD proves every file, repair says so and writes nothing."""
    world = committed()
    items = dict(world.dynamo.items)
    reports = [repairer(world).repair(commit) for commit in commits(world)]
    assert reports
    assert all(report.whole for report in reports)
    assert sentences(reports[0])[0].endswith(f"all {reports[0].files} files are readable")
    assert world.dynamo.items == items


def test_lost_files_are_made_again_byte_for_byte() -> None:
    """Every commit, also the first ones of children that inherit lanes, can be made again from the stream."""
    world = committed()
    lost = [lose(world, commit) for commit in commits(world)]
    assert sum(map(len, lost)) >= 10
    assert not world.rows()
    repair_all(world, repairer(world))
    world.check_complete()
    bodies = {place: world.s3.objects[place].body for commit in lost for place in commit}
    assert bodies == {place: body for commit in lost for place, body in commit.items()}


def test_a_rehearsal_writes_nothing() -> None:
    """Without --apply the same is found and said, but neither log nor lake changes."""
    world = committed()
    commit = commits(world)[0]
    lose(world, commit)
    items, objects = dict(world.dynamo.items), set(world.s3.objects)
    report = repairer(world).rehearse(commit)
    assert (len(report.lost), report.refused, report.whole) == (len(commit.files), "", False)
    assert "would be made again" in sentences(report)[0]
    assert (world.dynamo.items, set(world.s3.objects), world.s3.uploads) == (items, objects, {})


def test_pending_files_are_completed_as_they_are() -> None:
    """A commit whose writer died before it completed needs no stream, even where that has forgotten everything."""
    world = World()
    shard = world.add_shard()
    world.put_pack(shard, events=4)
    steps = Steps()
    steps.before_call = _die_at_first_completion
    worker = world.start_worker(steps)
    worker.lease(shard)
    worker.work()
    worker.deliver(shard, 10)
    world.now_s += 60.0
    worker.tick()
    worker.work()
    assert isinstance(worker.failure, Crash)
    assert not world.rows()
    forgetful = MemoryKinesis(world.records)
    forgetful.trimmed = 1_000_000
    (commit,) = commits(world)
    assert len(repairer(world, kinesis=forgetful).rehearse(commit).pending) == len(commit.files)
    report = repairer(world, kinesis=forgetful).repair(commit)
    assert (report.whole, report.lost) == (True, ())
    world.check_complete()


def _die_at_first_completion(name: str) -> None:
    if name == "CompleteMultipartUpload":
        raise Crash(name)


def test_expired_records_are_refused_with_a_sentence() -> None:
    """What the stream has forgotten is never made again in part."""
    world = committed(split=False)
    commit = commits(world)[0]
    lose(world, commit)
    kinesis = MemoryKinesis(world.records)
    kinesis.trimmed = next(iter(world.records.values()))[0].position
    report = repairer(world, kinesis=kinesis).repair(commit)
    assert "the stream has 2 of its 3 records" in report.refused
    assert not report.whole
    assert not world.s3.uploads


def test_other_counts_are_refused_with_a_sentence() -> None:
    """A stream whose records give something else than the link says is not believed."""
    world = committed(split=False)
    commit = commits(world)[0]
    lose(world, commit)
    records = next(iter(world.records.values()))
    records[0] = type(records[0])(b"garbage\n", "other", records[0].sequence_number, None, 1)
    report = repairer(world).repair(commit)
    assert "where the log says" in report.refused
    assert not world.s3.uploads


def test_of_two_repairs_at_once_one_wins() -> None:
    """The item is rewritten only while its body is what was read; the loser takes its uploads back."""
    world = committed(split=False)
    commit = commits(world)[0]
    lose(world, commit)
    assert repairer(world).repair(commit).whole
    lose(world, commit)
    late = repairer(world).repair(commit)
    assert "changed meanwhile" in late.refused
    assert not world.s3.uploads
    repair_all(world, repairer(world))
    world.check_complete()


def test_sound_files_of_the_commit_are_left_alone() -> None:
    """Only what is lost is uploaded again; the rest keeps its upload, and nothing is left over."""
    world = committed(split=False)
    commit = commits(world)[0]
    lost = commit.files[0]
    del world.s3.objects[lost.bucket, lost.key]
    report = repairer(world).repair(commit)
    assert (len(report.lost), report.whole) == (1, True)
    assert commits(world)[0].files[1:] == commit.files[1:]
    assert not world.s3.uploads
    world.check_complete()


def test_another_declaration_is_refused_with_a_sentence() -> None:
    """Files under other names would not be what the commit, and every follower's ledger, says."""
    world = committed(split=False)
    commit = commits(world)[0]
    lose(world, commit)
    (table,) = world.pipeline.tables
    world.pipeline = replace(world.pipeline, tables=(replace(table, partition_by=Grain.MONTH),))
    assert "other files now" in repairer(world).repair(commit).refused
    world.pipeline = replace(world.pipeline, tables=(LakeTable("tides", Renamed),))
    assert "does not declare ['tide.measured.v1']" in repairer(world).repair(commit).refused
    assert not world.s3.uploads


def test_a_repair_between_anothers_look_and_its_write_wins() -> None:
    """The write itself is conditional: what the first repair completed is never orphaned by the second."""
    world = committed(split=False)
    commit = commits(world)[1]
    lose(world, commit)
    steps, others = Steps(), [repairer(world)]

    def intrude(name: str) -> None:
        if name == "PutItem" and others:
            assert others.pop().repair(commit).whole

    steps.before_call = intrude
    assert "changed meanwhile" in repairer(world, steps).repair(commit).refused
    assert not world.s3.uploads
    assert all(repairer(world).rehearse(standing).whole for standing in commits(world))
    world.check_complete()


@settings(max_examples=15, deadline=None)
@given(crash_at=st.integers(0, 120), lost_answers=st.frozensets(st.integers(0, 60), max_size=3))
def test_a_repair_that_dies_anywhere_can_be_repeated(crash_at: int, lost_answers: frozenset[int]) -> None:
    """Readers never see an event twice, and the next repair ends what the first began."""
    world = committed(split=False)
    for commit in commits(world)[1:]:
        lose(world, commit)
    try:
        repair_all(world, repairer(world, Steps(crash_at=crash_at, lost_answers=lost_answers)))
    except Crash:
        world.check_readers()
    repair_all(world, repairer(world))
    world.check_complete()


def test_workers_open_again_after_a_repair() -> None:
    """A shard that stopped at a missing file goes on once it is repaired."""
    world = committed(split=False)
    shard = next(iter(world.records))
    lose(world, commits(world)[-1])
    stopped = world.start_worker()
    stopped.lease(shard)
    stopped.work()
    assert "repair" in str(stopped.failure)
    repair_all(world, repairer(world))
    world.put_pack(shard)
    world.drain()
    world.check_complete()


def test_aggregates_of_the_kpl_are_refused() -> None:
    """KCL takes them apart and Kinesis does not, so positions alone would not find the same events."""
    world = committed(split=False)
    commit = commits(world)[0]
    lose(world, commit)
    records = next(iter(world.records.values()))
    records[0] = type(records[0])(KPL_MAGIC, "other", records[0].sequence_number, None, 1)
    assert "aggregates of the KPL" in repairer(world).repair(commit).refused
