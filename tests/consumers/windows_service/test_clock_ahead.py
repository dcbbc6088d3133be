"""Producers whose clocks are wrong, and events that come too late: from the stream to the windows that readers see."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest

from headrace_consumers.commitlog.following import Lineage
from headrace_consumers.grain import Grain
from headrace_consumers.pipeline import LakeTable, Pipeline
from headrace_consumers.settings import BatchSettings
from headrace_consumers.windows import Tumbling, count, total
from headrace_consumers.windows_service.service import StepReport, WindowsPlan, WindowsService
from tests.consumers.windows_service.tides import CONTRACT, settle
from tests.fakes.steps import Steps
from tests.faults.simulation import BUCKETS, TideMeasured, Worker, World

HOUR_S, DAY_S = 3600, 24 * 3600
HOURS = Tumbling(
    "hours", table="tides", size_s=HOUR_S, by=("station",),
    aggregates={"readings": count(), "level_total": total("level_mm")}, partition_by=Grain.DAY,
)  # fmt: skip
PIPELINE = Pipeline(
    name="tides", stream="tides", tables=(LakeTable("tides", TideMeasured, Grain.DAY),), windows=(HOURS,),
    max_skew_s=300.0, allowed_lateness_s=HOUR_S,
)  # fmt: skip


@dataclass
class Coast:
    """Two shards, the shipped engine that reads them, and the shipped windows service that follows it."""

    world: World = field(default_factory=lambda: World(pipeline=PIPELINE))
    shards: list[str] = field(default_factory=list)
    worker: Worker = field(init=False)
    service: WindowsService = field(init=False)
    noon_s: int = field(init=False)
    """The hour at which a test begins, by the clock of the stream."""

    def __post_init__(self) -> None:
        self.noon_s = (self.world.now_ms // 1000 // HOUR_S + 1) * HOUR_S
        self.world.now_s += self.noon_s - self.world.now_ms / 1000
        self.shards = [self.world.add_shard(0, 9), self.world.add_shard(10, 19)]
        self.worker = self.world.start_worker(batch=BatchSettings(max_batch_age_s=5.0))
        for shard_id in self.shards:
            self.worker.lease(shard_id)
            self.worker.work()
        log, store = self.world.clients(Steps())
        plan = WindowsPlan(
            lineage=Lineage("tides", self.world.generation, self.world.created_ms), windows=(HOURS,),
            contracts={"tides": CONTRACT},
        )  # fmt: skip
        self.service = WindowsService(
            plan, log, store, self.world, now_ms=lambda: self.world.now_ms, owner="windows-service"
        )

    def say(self, shard: int, station: str, minute: float, *, ahead_s: int = 0) -> None:
        """An event that arrives so many minutes after noon, by a clock that is so far ahead."""
        self.world.now_s += self.noon_s + minute * 60 - self.world.now_ms / 1000
        self.put(shard, self.event(station, minute, ahead_s=ahead_s))

    def event(self, station: str, minute: float, *, ahead_s: int = 0) -> bytes:
        number = next(self.world.event_ids)
        at = self.at(minute, ahead_s=ahead_s).isoformat()
        data = {"station": station, "measured_at": at, "level_mm": 1}
        return msgspec.json.encode({
            "specversion": "1.0", "id": f"event-{number}", "source": "/test", "type": "tide.measured.v1", "time": at,
            "data": data,
        }) + b"\n"  # fmt: skip

    def put(self, shard: int, line: bytes) -> None:
        """On the stream, through the engine, into a commit."""
        self.world.put_record(self.shards[shard], line, "a foreign key")
        self.worker.deliver(self.shards[shard], 10)
        self.world.now_s += 6.0
        self.worker.tick()
        self.worker.work()
        assert self.worker.failure is None

    def follow(self) -> list[StepReport]:
        return settle(self.service)

    def at(self, minute: float, *, ahead_s: int = 0) -> datetime:
        return datetime.fromtimestamp(self.noon_s + minute * 60 + ahead_s, UTC)

    def highest(self, shard: int) -> datetime | None:
        """The highest event time in the shard's newest link."""
        log, _ = self.world.clients(Steps())
        link = next(log.newest_links(self.world.chain(self.shards[shard])))
        time_us = link.highest_event_time_us
        return None if time_us is None else datetime.fromtimestamp(time_us // 1_000_000, UTC)

    def rows(self, zone: str, table: str) -> list[dict[str, Any]]:
        found = [
            pq.read_table(io.BytesIO(stored.body)).to_pylist()
            for (bucket, key), stored in self.world.s3.objects.items()
            if bucket == BUCKETS[zone] and key.startswith(f"{table}/")
        ]
        return [row for rows in found for row in rows]

    def windows(self) -> set[tuple[str, datetime, int, int]]:
        """Station, start, revision, readings."""
        found = self.rows("curated", "hours")
        return {(row["station"], row["window_start"], row["revision"], row["readings"]) for row in found}


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tenacity.nap.time.sleep", lambda _s: None)
        yield


def test_future_event() -> None:
    """A clock a day ahead: its event is a dead letter, moves no highest event time, closes no window, makes nothing
    late; and the window that the others fill comes out as if it had never been."""
    coast = Coast()
    coast.say(0, "Dover", 5)
    coast.say(1, "Dover", 6)
    for shard in (0, 1):
        coast.say(shard, "Ahead", 7, ahead_s=DAY_S)
    assert [letter["reason"] for letter in coast.rows("processed", "tides_dead_letters")] == ["future", "future"]
    assert [coast.highest(shard) for shard in (0, 1)] == [coast.at(5), coast.at(6)]
    reports = coast.follow()
    assert (sum(report.new for report in reports), coast.windows()) == (0, set())
    for shard in (0, 1):
        coast.say(shard, "Dover", 8 + shard)
        coast.say(shard, "Hull", 70 + shard)
    coast.follow()
    assert coast.windows() == {("Dover", coast.at(0), 1, 4)}
    assert coast.rows("processed", "tides_late") == []
    assert len(coast.rows("processed", "tides")) == 6


@pytest.mark.parametrize(("ahead_s", "passes"), [(240, True), (300, True), (301, False)])
def test_a_clock_ahead_by_less_than_the_allowed_skew_passes(ahead_s: int, passes: bool) -> None:  # noqa: FBT001
    """Up to the very second: it is a row, moves its shard's time, and counts in the window that it names."""
    coast = Coast()
    coast.say(0, "Dover", 56)
    coast.say(1, "Dover", 57)
    coast.say(0, "Ahead", 58, ahead_s=ahead_s)
    assert len(coast.rows("processed", "tides_dead_letters")) == (not passes)
    assert coast.highest(0) == (coast.at(58, ahead_s=ahead_s) if passes else coast.at(56))
    for shard in (0, 1):
        coast.say(shard, "Hull", 130 + shard)
    coast.follow()
    ahead = {("Ahead", coast.at(60), 1, 1)} if passes else set()
    assert coast.windows() == {("Dover", coast.at(0), 1, 2)} | ahead


def test_relive_late() -> None:
    """A late event is a row of the lake and a letter, in no window. Put on the live stream again it is late again, each
    time: so what puts letters right must be exempt from lateness."""
    coast = Coast()
    coast.say(0, "Dover", 130)
    coast.say(1, "Dover", 131)
    late = coast.event("Dover", 60)
    for times in (1, 2, 3):
        coast.put(0, late)
        letters = coast.rows("processed", "tides_late")
        assert [letter["event_time"] for letter in letters] == [coast.at(60)] * times
        assert len(coast.rows("processed", "tides")) == 2 + times
    for shard in (0, 1):
        coast.say(shard, "Hull", 190 + shard)
    coast.follow()
    assert coast.windows() == {("Dover", coast.at(120), 1, 2)}
