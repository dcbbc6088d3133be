"""Random schedules with windows: readings of any time in any shard, workers and windows services that die.

The stream, its workers and their faults are those of `schedule.py`; a windows service follows what they commit, and
what readers of the curated zone see is compared with an oracle that knows nothing of shards, batches or deaths. Batch
stages commits once more beside it, all of their rows or some, and operators go back in the stream.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pyarrow as pa
from hypothesis import strategies as st

from headrace_consumers.commitlog.following import Lineage
from headrace_consumers.errors import FencedError
from headrace_consumers.pipeline import Grain, LakeTable, Pipeline
from headrace_consumers.settings import BatchSettings
from headrace_consumers.windows import (
    Hopping,
    Session,
    Tumbling,
    Window,
    count,
    distinct,
    maximum,
    mean,
    minimum,
    quantile,
    total,
    variance,
)
from headrace_consumers.windows.merging import merged
from headrace_consumers.windows_service.service import StepReport, WindowsPlan, WindowsService
from tests.consumers.windows.oracle import SENSED, Row, Sensed
from tests.fakes.steps import Crash, Steps
from tests.faults.backfills import Backfills
from tests.faults.rewinds import back_to, rewind
from tests.faults.schedule import VERBS, Action, Schedule
from tests.faults.simulation import World

ALLOWED_LATENESS_S = 900
MAX_DISORDER_S = 240
BACK_S = (0, 0, 60, 200, 420, 600, 700, 840, 300, 1_000, 3_000, 12_000)
"""How far behind the clock a reading may be; the first IN_TIME of them make none late in any shard."""
IN_TIME = 9
AGGREGATES = {
    "n": count(),
    "level_total": total("level"),
    "level_least": minimum("level"),
    "level_greatest": maximum("level"),
    "level_mean": mean("level"),
    "level_variance": variance("level"),
    "level_p50": quantile("level", 0.5),
    "level_p90": quantile("level", 0.9),
    "ratio_mean": mean("ratio", scale=2),
    "words": distinct("word"),
}
SHIFTS = Tumbling("shifts", table="sensed", size_s=600, aggregates=AGGREGATES, partition_by=Grain.HOUR)
"""Of everything: each reading is in one of them."""
PLACES = Tumbling("places", table="sensed", size_s=1200, by=("place",), aggregates=AGGREGATES)
HOPS = Hopping("hops", table="sensed", size_s=1800, hop_s=600, by=("zone",), aggregates=AGGREGATES)
VISITS = Session("visits", table="sensed", gap_s=300, by=("place",), aggregates=AGGREGATES, partition_by=Grain.HOUR)
PIPELINE = Pipeline(
    name="sensed",
    stream="sensed",
    tables=(LakeTable("sensed", Sensed, Grain.DAY),),
    windows=(SHIFTS, PLACES, HOPS, VISITS),
    allowed_lateness_s=ALLOWED_LATENESS_S,
    max_disorder_s=MAX_DISORDER_S,
)
WINDOWS_VERBS = (
    *VERBS,
    *("flow",) * 10,
    *("follow",) * 3,
    "crash_follower",
    "lose_follower_answer",
    "pass_time",
    "idle",
    *("backfill",) * 3,
    "rewind",
)

numbers = st.integers(0, 11)
windows_actions = st.lists(
    st.builds(Action, st.sampled_from(WINDOWS_VERBS), numbers, numbers), min_size=10, max_size=60
)


@dataclass
class Follower:
    """One windows service, until it dies or is fenced."""

    service: WindowsService
    steps: Steps


@dataclass
class WindowsSchedule(Schedule):
    """Workers as in `Schedule`, and up to two windows services beside them."""

    batch: BatchSettings
    all_in_time: bool
    """Whether readings keep to the allowed disorder, or come up to three hours late."""
    rows: dict[str, Row] = field(default_factory=dict)
    """By event id."""
    followers: list[Follower] = field(default_factory=list)
    reports: list[StepReport] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    """Event ids of readings that a backfill has made letters of."""
    backfills: int = 0
    rewinds: int = 0
    lost_services: int = 0
    """That died, or were fenced."""

    def __post_init__(self) -> None:
        self.world = World(pipeline=PIPELINE)
        self._batch = self.batch
        self.world.add_shard()

    def run(self, script: list[Action]) -> World:
        super().run(script)
        self._quiet()
        self._settle()
        return self.world

    # --- the stream

    def _put(self, action: Action, times: int = 1) -> None:
        shard_id = self._open_shard(action.first)
        rows = [self._row(action.first + 5 * number, action.second + number) for number in range(1 + action.second % 4)]
        ids = [f"event-{next(self.world.event_ids)}" for _ in rows]
        self.rows |= zip(ids, rows, strict=True)
        lines = {event_id: _line(event_id, row) for event_id, row in zip(ids, rows, strict=True)}
        self.world.put_lines(shard_id, lines, times=times)

    def _put_twice(self, action: Action) -> None:
        self._put(action, times=2)

    def _row(self, first: int, second: int) -> Row:
        back_s = BACK_S[second % (IN_TIME if self.all_in_time else len(BACK_S))]
        at = datetime.fromtimestamp(self.world.now_ms / 1000, UTC) - timedelta(seconds=back_s)
        number = len(self.rows)
        return {
            "at": at,
            "place": "abc"[first % 3],
            "zone": (None, 1, 2)[second % 3],
            "word": f"word {first}",
            "level": (number * 7919 + 37 * first) % 2001 - 1000,
            "ratio": (number * 104_729 + second) % 2000 / 100 - 10,
        }

    def _flow(self, action: Action) -> None:
        """An ordinary quarter of an hour: readings in several shards, commits, a step of a windows service."""
        for number in range(3):
            self._put(Action("put", action.first + number, action.second + 2 * number))
            self.world.now_s += 120.0
        self._take(action)
        self._gather(Action("gather", action.first, 11))
        self._work(action)
        self._follow(action)
        self.world.now_s += 540.0

    def _pass_time(self, action: Action) -> None:
        self.world.now_s += 60.0 * (1 + action.second)

    def _idle(self, action: Action) -> None:
        """A minute in which the worker's shards bring what they have, or nothing: heartbeats."""
        self._gather(action)
        self.world.now_s += 60.0
        self._gather(action)
        self._work(action)

    # --- batch

    def _backfill(self, action: Action) -> None:
        """A commit's rows once more; every third time without some of them. Its files are deleted by then, or not yet
        where the services come first."""
        batch = Backfills(self.world, self.late())
        commits = batch.candidates()
        if commits:
            dropped = batch.stage(commits[action.first % len(commits)], drops=action.second % 3 == 0)
            self.gone |= dropped
            self.world.expected -= dropped
            self.backfills += 1

    def _rewind(self, action: Action) -> None:
        """Back to any record, unless readings that are letters now would come back with it; what workers do in the
        generation before is refused from then on."""
        if not self.gone:
            self.rewinds += 1
            rewind(self.world, back_to(self.world, action.first * 12 + action.second))

    # --- the windows services

    def _follow(self, action: Action) -> None:
        """One of the services, or a new one, does a step."""
        while action.first % 2 >= len(self.followers):
            steps = Steps()
            self.followers.append(Follower(self._service(steps), steps))
        follower = self.followers[action.first % 2]
        try:
            self.reports.append(follower.service.step())
        except (Crash, FencedError):
            self.followers.remove(follower)
            self.lost_services += 1
        for window in PIPELINE.windows:
            self.last_rows(window)

    def _crash_follower(self, action: Action) -> None:
        """A service dies at one of the next calls that it makes, before or after the effect."""
        for follower in self.followers[action.first % 2 :][:1]:
            follower.steps.crash_at = 2 * (follower.steps.calls + 5 * action.second) + action.first % 2

    def _lose_follower_answer(self, action: Action) -> None:
        for follower in self.followers[action.first % 2 :][:1]:
            follower.steps.lost_answers |= {follower.steps.calls + 5 * action.second}

    def _service(self, steps: Steps) -> WindowsService:
        log, store = self.world.clients(steps)
        plan = WindowsPlan(
            lineage=self.lineage,
            windows=PIPELINE.windows,
            contracts={"sensed": SENSED},
            max_disorder_us=MAX_DISORDER_S * 1_000_000,
            max_step_commits=3,
        )
        return WindowsService(plan, log, store, self.world, now_ms=self._tick_ms, owner=f"service-{id(steps)}")

    def _tick_ms(self) -> int:
        self.world.now_s += 0.001
        return self.world.now_ms

    @property
    def lineage(self) -> Lineage:
        log, _ = self.world.clients(Steps())
        return Lineage(PIPELINE.name, log.generation(PIPELINE.name), self.world.created_ms)

    def _quiet(self) -> None:
        """Hours later every shard is idle, and has said so."""
        [worker] = self.world.workers.values()
        self.world.now_s += 4 * 3600.0
        for shard_id in list(worker.pipes):
            worker.deliver(shard_id, 1)
        worker.tick()
        worker.work()

    def _settle(self) -> None:
        service = self._service(Steps())
        for _ in range(1000):
            self.reports.append(service.step())
            if not (self.reports[-1].committed or self.reports[-1].more):
                return
        raise AssertionError("the windows service never comes to rest")

    # --- readers

    def last_rows(self, window: Window) -> list[dict[str, Any]]:
        """The last revision of every window that stands, in order, once revisions are found without a hole."""
        by_place: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
        for row in self.world.rows_of("curated", window.name):
            by_place[(*(row[name] for name in window.by), row["window_start"])].append(row)
        for place, rows in by_place.items():
            rows.sort(key=lambda row: row["revision"])
            assert [row["revision"] for row in rows] == list(range(1, len(rows) + 1)), f"{window.name} {place}"
            dead = any(row["deleted"] for row in rows[:-1])
            assert self.backfills or self.rewinds or not dead, f"{window.name} {place} came back from the dead"
        return [by_place[place][-1] for place in sorted(by_place) if not by_place[place][-1]["deleted"]]

    def late(self) -> set[str]:
        """Event ids of the late letters."""
        letters = [row["event_id"] for row in self.world.rows_of("processed", PIPELINE.late_table)]
        assert len(set(letters)) == len(letters), "a late letter stands twice"
        return set(letters)

    def on_time(self) -> int:
        """Readings that were in the first row of their window."""
        return sum(int(row["events"]) for row in self.world.rows_of("curated", SHIFTS.name) if row["revision"] == 1)

    def revised(self) -> int:
        """Readings that came with a later one."""
        last: int = sum(row["events"] for row in self.last_rows(SHIFTS))
        return last - self.on_time()

    def merged_state(self, window: Window) -> pa.Table:
        """All partials of the window, as the service's newest commit has merged them."""
        service = self._service(Steps())
        [state] = [state for state in service._states if state.window is window]
        state._load(state.stored)
        return merged(window, SENSED, [state.panes])

    def in_time(self) -> list[Row]:
        """The readings that belong to windows."""
        out = self.late() | self.gone
        return [row for event_id, row in self.rows.items() if event_id not in out]

    def right_late(self) -> set[str]:
        """Shard by shard, event by event, in the order of the stream; a child starts from its parents' minimum."""
        highest: dict[str, datetime | None] = {}
        late: set[str] = set()
        for shard_id, shard in self.world.listed.items():
            times = [highest[parent] for parent in shard.parents]
            known = [time for time in times if time is not None]
            reached = min(known) if known and len(known) == len(times) else None
            for event_id in self._ids_in(shard_id):
                at = self.rows[event_id]["at"]
                if reached is not None and at < reached - timedelta(seconds=ALLOWED_LATENESS_S):
                    late.add(event_id)
                reached = max(at, reached or at)
            highest[shard_id] = reached
        return late

    def _ids_in(self, shard_id: str) -> Iterator[str]:
        """In order; of a pack that was accepted twice, once."""
        seen: set[str] = set()
        for record in self.world.records[shard_id]:
            for line in record.data.splitlines():
                event_id = msgspec.json.decode(line)["id"]
                if event_id not in seen:
                    seen.add(event_id)
                    yield event_id


def _line(event_id: str, row: Row) -> bytes:
    at = row["at"].isoformat()
    event = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/test",
        "type": SENSED.type,
        "time": at,
        "data": {**row, "at": at},
    }
    return msgspec.json.encode(event) + b"\n"
