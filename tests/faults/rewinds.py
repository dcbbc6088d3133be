"""Rewinds of the simulated world: the shipped steps, by an operator who may die at any of them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from headrace_batch.committing import Draft, commit, new_attempt
from headrace_batch.place import Place
from headrace_batch.rewind.points import Point
from headrace_batch.rewind.report import RewindReport
from headrace_batch.rewind.rewinding import go_back, unfinished
from headrace_consumers.commitlog.model import Commit, CommitKind, Counts, Replaced
from headrace_consumers.commitlog.rewinding import open_generation
from headrace_consumers.commitlog.standing import Standing, read_standing
from headrace_consumers.lake.objects import EncodedFile, PendingFile
from headrace_consumers.settings import BatchSettings
from headrace_consumers.windows import Tumbling, count
from headrace_producers.errors import HeadraceError
from tests.fakes.steps import Crash, Steps
from tests.faults.schedule import VERBS, Action, Schedule
from tests.faults.simulation import BUCKETS, TIDES, World, _line

HOURS = Tumbling("hours", table="tides", size_s=3600, aggregates={"n": count()})
WINDOWED = replace(TIDES, windows=(HOURS,), allowed_lateness_s=60.0)


def place_of(world: World, steps: Steps | None = None) -> Place:
    """Where an operator's commands work."""
    log, store = world.clients(steps or Steps())
    no_aws: Any = None
    return Place(
        pipeline=world.pipeline,
        log=log,
        store=store,
        stream=world,
        aws=no_aws,
        stream_created_ms=world.created_ms,
        generation=log.generation(world.pipeline.name),
        owner="operator",
        now_ms=lambda: world.now_ms,
    )


def rewind(world: World, point: Point, steps: Steps | None = None, *, dry_run: bool = False) -> RewindReport:
    """Raises what the command raises, and Crash where the operator dies."""
    return go_back(place_of(world, steps), point, "a test", dry_run=dry_run, tell=lambda _: None)


def back_to(world: World, number: int) -> Point:
    """To the arrival of the record of this number in the stream's order; to the beginning where there is none."""
    arrivals = sorted(one.approximate_arrival_timestamp for shard in world.records.values() for one in shard)
    return Point(to_ms=arrivals[number % len(arrivals)] if arrivals else 0)


def back_to_record(world: World, shard: int, number: int) -> Point | None:
    """To a record of a shard; None of an empty one."""
    shard_id = sorted(world.records)[shard % len(world.records)]
    records = world.records[shard_id]
    return Point(shard_id=shard_id, sequence_number=records[number % len(records)].sequence_number) if records else None


def standing(world: World) -> Standing:
    log, _ = world.clients(Steps())
    return read_standing(log, world.pipeline.name, world.created_ms)


def check_log(world: World) -> None:
    """The sum of the log says what readers see: no row of a commit that was taken out, and all others."""
    found = standing(world)
    table = world.pipeline.tables[0].name
    files = [file for one in found.commits.values() for file in one.files if file.bucket == BUCKETS["processed"]]
    rows = sum(file.rows for file in files if file.table == table)
    assert rows == len(world.expected), f"the log has {rows} rows of {len(world.expected)} events"
    commits = {row["commit_id"] for row in world.rows()}
    assert commits <= found.commits.keys()


def late_rows(world: World) -> list[dict[str, Any]]:
    """All rows, and the letters of those that came late; whichever commit they are of."""
    rows = [*world.rows(), *world.rows_of(BUCKETS["processed"], world.pipeline.late_table)]
    return sorted(({**row, "commit_id": ""} for row in rows), key=lambda row: sorted(map(str, row.items())))


def check_lateness(world: World) -> None:
    """The same rows and letters as of a pipeline that read the same stream and was never rewound."""
    straight = World(world.pipeline, now_s=world.now_s, listed=world.listed, records=world.records)
    straight.drain()
    assert late_rows(world) == late_rows(straight)


def gather_rows(world: World, kind: CommitKind, commit_ids: Sequence[str]) -> Commit:
    """What a backfill that changes nothing, or a compaction, makes of the rows and letters of these commits."""
    place = place_of(world)
    attempt_id, backfill = new_attempt(place), kind is CommitKind.BACKFILL
    commits = standing(world).commits
    files = [(one, file) for one in commit_ids for file in commits[one].files if file.bucket == BUCKETS["processed"]]
    gathered = [
        _gathered(world, table, [file for _, file in files if file.table == table], attempt_id, backfill=backfill)
        for table in sorted({file.table for _, file in files})
    ]
    draft = Draft(
        attempt_id=attempt_id,
        kind=kind,
        files=tuple(place.store.upload_pending(file, attempt_id) for file in gathered),
        counts=Counts(rows=sum(commits[one].counts.rows for one in commit_ids)),
        retires=tuple(commit_ids) if backfill else (),
        replaces=() if backfill else tuple(Replaced(one, file.table, file.bucket, file.key) for one, file in files),
    )
    return commit(place, draft, place.chain.position(), lambda _: True)


def _gathered(
    world: World, table: str, files: Sequence[PendingFile], attempt_id: str, *, backfill: bool
) -> EncodedFile:
    """Rows of a backfill are its own, a compaction's stay of the commits that they came with."""
    bodies = [world.s3.objects[file.bucket, file.key].body for file in files]
    rows = pa.concat_tables([pq.read_table(io.BytesIO(body), use_threads=False) for body in bodies])
    if backfill:
        ours = pa.array([attempt_id] * rows.num_rows, pa.string())
        place = rows.schema.get_field_index("commit_id")
        rows = rows.set_column(place, rows.schema.field(place), ours)
    body, partition = io.BytesIO(), files[0].partition
    pq.write_table(rows, body)
    key = f"{table}/{partition}/{attempt_id}.parquet"
    return EncodedFile(table, partition, "processed", key, rows.num_rows, body.getvalue(), rewritten=not backfill)


REWIND_VERBS = (
    *VERBS, *("flow",) * 12, *("rewind",) * 3, *("rewind_to_record",) * 2, *("crash_rewind",) * 2, "pass_time",
    "backfill", "backfill", "compact",
)  # fmt: skip


@dataclass
class RewindSchedule(Schedule):
    """Workers as in `Schedule`; and an operator, who goes back at any time, and may die of it."""

    batch: BatchSettings
    rewinds: list[int] = field(default_factory=list)
    """How many commits each superseded."""

    def __post_init__(self) -> None:
        super().__init__(self.batch)
        self.world = World(WINDOWED)
        self.world.add_shard()

    def run(self, script: list[Action]) -> World:
        for action in script:
            try:
                getattr(self, f"_{action.verb}")(action)
            except HeadraceError:
                assert unfinished(place_of(self.world)), "refused, though no rewind is half-way"
            if not self._is_being_replaced():
                self.world.check_readers()
        self._end_rewind()
        self.world.drain()
        self.world.check_complete()
        check_log(self.world)
        check_lateness(self.world)
        return self.world

    def _is_being_replaced(self) -> bool:
        """An operator died between completing a file and deleting the one that it takes the place of: readers of bare
        paths see both until somebody settles, as they do beside any batch command."""
        place = place_of(self.world)
        return unfinished(place) is not None and any(one.replaces for one in place.chain.after(0))

    def _put(self, action: Action) -> None:
        """Of any time: some come late."""
        event_id = f"event-{next(self.world.event_ids)}"
        at_ms = self.world.now_ms - 600_000 * (action.second % 4)
        self.world.put_lines(self._open_shard(action.first), {event_id: _line(event_id, at_ms)})

    def _flow(self, action: Action) -> None:
        """Readings come, and a worker commits what it may read."""
        self._put(action)
        self._put_twice(Action("put_twice", action.second))
        self._take(action)
        self._gather(action)
        self._work(action)

    def _rewind(self, action: Action) -> None:
        self._go_back(back_to(self.world, action.first * 12 + action.second))

    def _rewind_to_record(self, action: Action) -> None:
        point = back_to_record(self.world, action.first, action.second)
        log, _ = self.world.clients(Steps())
        generation = log.generation(self.world.pipeline.name)
        known = {chain.shard_id for chain in log.chains(self.world.pipeline.name, generation, self.world.created_ms)}
        if point is not None and point.shard_id in known:
            self._go_back(point)

    def _go_back(self, point: Point) -> None:
        self.rewinds.append(rewind(self.world, point).commits)

    def _crash_rewind(self, action: Action) -> None:
        """The operator dies before or after one of their calls."""
        try:
            rewind(
                self.world, back_to(self.world, action.first), Steps(crash_at=20 + 12 * action.first + action.second)
            )
        except Crash:
            return

    def _backfill(self, action: Action) -> None:
        self._gather_rows(CommitKind.BACKFILL, action)

    def _compact(self, action: Action) -> None:
        self._gather_rows(CommitKind.COMPACTION, action)

    def _gather_rows(self, kind: CommitKind, action: Action) -> None:
        """Of a few commits that came one after the other, all of them visible; never while a rewind is half-way."""
        open_generation(place_of(self.world).log, self.world.pipeline.name)
        commits = sorted(standing(self.world).commits.items())
        whole = [one for one, found in commits if self._is_visible(found) and self._may_be_gathered(kind, found)]
        begin = action.first % max(1, len(whole))
        if chosen := whole[begin : begin + 1 + action.second % 3]:
            gather_rows(self.world, kind, chosen)

    def _is_visible(self, found: Commit) -> bool:
        files = [file for file in found.files if file.bucket == BUCKETS["processed"]]
        return bool(files) and all((file.bucket, file.key) in self.world.s3.objects for file in files)

    @staticmethod
    def _may_be_gathered(kind: CommitKind, found: Commit) -> bool:
        """Backfills leave compactions alone: what they bring is not theirs to retire."""
        return found.kind is not CommitKind.COMPACTION or kind is CommitKind.COMPACTION

    def _pass_time(self, action: Action) -> None:
        self.world.now_s += 400.0 * action.first

    def _end_rewind(self) -> None:
        if unfinished(place_of(self.world)) is not None:
            rewind(self.world, Point(to_ms=self.world.now_ms + 1))
