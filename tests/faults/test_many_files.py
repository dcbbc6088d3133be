"""A commit of very many files: one record may fill as many partitions as it has events."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from headrace_consumers.commit.committer import Committer
from headrace_consumers.commit.segments import Segment
from headrace_consumers.commitlog import filelists
from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.commitlog.tip import Tip
from headrace_consumers.lake.s3 import S3Store
from headrace_consumers.pipeline import Grain, LakeTable, Pipeline
from headrace_consumers.recovery import ShardOpener
from headrace_consumers.settings import BatchSettings
from headrace_consumers.windows import Tumbling, count, total
from headrace_producers.errors import HeadraceError
from tests.consumers.windows_service.tides import Tides, settle
from tests.fakes.dynamodb import MAX_ITEM_BYTES
from tests.fakes.s3 import MemoryS3
from tests.fakes.steps import Steps
from tests.faults.schedule import Action, Schedule, actions, batch_settings
from tests.faults.simulation import TideMeasured, World

HOURLY = Pipeline(name="tides", stream="tides", tables=(LakeTable("tides", TideMeasured, Grain.HOUR),))
HOURS = Tumbling(
    "hours", table="tides", size_s=3600, by=("station",), partition_by=Grain.HOUR,
    aggregates={"readings": count(), "level_total": total("level_mm")},
)  # fmt: skip
HALF_STEPS = range(90)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _s: None)


def put_history(world: World, shard_id: str, hours: int) -> None:
    """One record of events that lie an hour apart: as many files."""
    begin = datetime.fromisoformat("2001-01-01T00:00:00+00:00")
    ids = [f"event-{next(world.event_ids)}" for _ in range(hours)]
    data = b"".join(_line(event_id, begin + timedelta(hours=hour)) for hour, event_id in enumerate(ids))
    world.expected.update(ids)
    world.put_record(shard_id, data, "Dover")


def _line(event_id: str, at: datetime) -> bytes:
    time = at.isoformat().replace("+00:00", "Z")
    data = {"station": "Dover", "measured_at": time, "level_mm": 1}
    event = {
        "specversion": "1.0", "id": event_id, "source": "/test", "type": "tide.measured.v1", "time": time, "data": data,
    }  # fmt: skip
    return msgspec.json.encode(event) + b"\n"


def test_one_record_may_fill_thousands_of_partitions() -> None:
    """Its commit is larger than an item of DynamoDB, and stands all the same; the shard goes on after it."""
    world = World(pipeline=HOURLY)
    shard_id = world.add_shard()
    world.put_pack(shard_id)
    put_history(world, shard_id, 1_500)
    world.put_pack(shard_id)
    world.drain()
    world.check_complete()
    assert longest_list(world.s3) > MAX_ITEM_BYTES


def longest_list(s3: MemoryS3) -> int:
    return max(len(stored.body) for (_, key), stored in s3.objects.items() if "/commits/" in key)


def test_late_events_may_revise_windows_in_thousands_of_folders() -> None:
    """All in one step of the windows service, whose commit is then larger than an item of DynamoDB."""
    tides = Tides((HOURS,))
    tides.sea.add_shard("a")
    hours = [60 * hour for hour in range(-600, 1_400)]
    tides.commit({"a": [*(("Dover", minute, 1) for minute in hours), ("Hull", hours[-1] + 500, 0)]})
    settle(tides.service())
    tides.commit({"a": [("Dover", minute + 1, 2) for minute in hours]})
    assert max(report.revised for report in settle(tides.service())) == len(hours)
    assert longest_list(tides.sea.s3) > MAX_ITEM_BYTES
    tides.flush()
    tides.check()


def test_each_file_that_moves_is_told() -> None:
    """So whoever watches the worker sees that a commit of very many files is under way: once up, once completed."""
    world, moved = World(pipeline=HOURLY), Counter[str]()
    shard_id = world.add_shard()
    put_history(world, shard_id, 5)
    log, store = world.clients(Steps())
    log.generation(HOURLY.name)
    with ThreadPoolExecutor(2) as pool:
        committer = Committer(
            pipeline=HOURLY, limits=BatchSettings(), log=log, store=store, stream=world, now_ms=lambda: world.now_ms,
            engine_id="engine", pool=pool, moved=lambda: moved.update(["file"]),
        )  # fmt: skip
        committer.commit([Segment(world.chain(shard_id), Tip(), 0, world.records[shard_id])])
        opener = ShardOpener(log, store, world, lambda: world.now_ms, "engine", pool)
        opener.open(world.chain(shard_id), "TRIM_HORIZON")
    assert moved["file"] == 2 * (5 + 1)
    world.check_complete()


@pytest.fixture
def _all_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No commit is so small that its files stand in its item."""
    monkeypatch.setattr(filelists, "MAX_INLINE_BYTES", 0)


@pytest.mark.usefixtures("_all_listed")
@settings(
    max_examples=int(os.environ.get("HEADRACE_SCHEDULES", "60")),
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(script=actions, batch=batch_settings)
def test_every_schedule_shows_each_event_once(script: list[Action], batch: BatchSettings) -> None:
    """Also where every commit lists its files elsewhere."""
    Schedule(batch).run(script)


def die_at(half_step: int) -> None:
    """The worker dies before or after one of its AWS calls, while it commits twice; a successor goes on."""
    world = World(pipeline=HOURLY)
    shard_id = world.add_shard()
    worker = world.start_worker()
    worker.steps.crash_at = worker.steps.calls * 2 + half_step
    worker.lease(shard_id)
    worker.work()
    for _ in range(2):
        put_history(world, shard_id, 3)
        worker.deliver(shard_id, 5)
        world.now_s += 6.0
        worker.tick()
        worker.work()
        world.check_readers()
    world.drain()
    world.check_complete()


def die_at_each_step() -> None:
    for half_step in HALF_STEPS:
        die_at(half_step)


@pytest.mark.usefixtures("_all_listed")
@pytest.mark.parametrize("half_step", HALF_STEPS)
def test_a_crash_at_every_step_of_such_a_commit(half_step: int) -> None:
    """Before and after the list is written, the transaction, and each call around them."""
    die_at(half_step)


def list_after_the_transaction(patch: pytest.MonkeyPatch) -> None:
    put, append = S3Store.put, DynamoDbLog.append
    waiting: list[tuple[str, str, bytes]] = []

    def later(self: S3Store, zone: str, key: str, body: bytes) -> str:
        waiting.append((zone, key, body))
        return self._buckets[zone]

    def append_first(self: DynamoDbLog, *args: Any) -> Any:
        waiting.clear()
        outcome = append(self, *args)
        for one in waiting:
            put(self._store, *one)  # type: ignore[arg-type]
        return outcome

    patch.setattr(S3Store, "put", later)
    patch.setattr(DynamoDbLog, "append", append_first)


def one_list_for_all_attempts(patch: pytest.MonkeyPatch) -> None:
    put = S3Store.put
    patch.setattr(S3Store, "put", lambda self, zone, _key, body: put(self, zone, "tides/commits/list.json", body))
    listed = filelists.FileList
    patch.setattr(filelists, "FileList", lambda bucket, _key, sha256: listed(bucket, "tides/commits/list.json", sha256))


@pytest.mark.usefixtures("_all_listed")
@pytest.mark.parametrize(
    "take_out", [list_after_the_transaction, one_list_for_all_attempts], ids=lambda take: take.__name__
)
def test_crashes_notice(take_out: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this safeguard, a crash at some step leaves a commit whose files nobody can tell."""
    take_out(monkeypatch)
    with pytest.raises((AssertionError, HeadraceError)):
        die_at_each_step()
