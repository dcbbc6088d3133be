"""A world in memory: a stream, a lease table, S3 and DynamoDB, and workers that run the real core and commit path.

Everything that a real worker does between KCL's messages and the AWS clients is the shipped code; what is simulated is
KCL (leases, delivery, checkpoints), time, and death. Schedules are lists of actions, so that hypothesis can draw and
shrink them, and a pinned schedule reads like its row in the list of failing schedules.
"""

from __future__ import annotations

import io
import itertools
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import pyarrow.parquet as pq

from headrace_consumers.commit.committer import Committer
from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.commitlog.model import Chain
from headrace_consumers.commitlog.rewinding import open_generation
from headrace_consumers.commitlog.tip import read_tip
from headrace_consumers.lake.s3 import S3Store
from headrace_consumers.pipeline import Grain, LakeTable, Pipeline
from headrace_consumers.records import KinesisRecord
from headrace_consumers.recovery import ShardOpener
from headrace_consumers.runtime.core import CoreSettings, EngineCore, Moment
from headrace_consumers.runtime.effects import (
    Answer,
    Checkpoint,
    CommitBatch,
    Effect,
    EndShard,
    Job,
    MarkGap,
    OpenShard,
)
from headrace_consumers.runtime.jobs import Workplace
from headrace_consumers.runtime.multilang import (
    CheckpointReply,
    Initialize,
    LeaseLost,
    Message,
    ProcessRecords,
    ShardEnded,
    ShutdownRequested,
)
from headrace_consumers.settings import BatchSettings
from headrace_consumers.shards import Shard, StreamIdentity
from headrace_producers.contracts import contract
from headrace_producers.errors import HeadraceError
from headrace_producers.wire.lane import Lane, pack_key
from tests.fakes.dynamodb import MemoryDynamo
from tests.fakes.s3 import MemoryS3
from tests.fakes.steps import Crash, Steps

BUCKETS = {"raw": "raw", "processed": "processed", "curated": "curated"}
HASHES = 1 << 128
BORN_MS = 1_700_000_000_000
RETENTION_HOURS = 24


@contract(name="tide.measured", version=1, partition_key="station", event_time="measured_at")
class TideMeasured(msgspec.Struct, frozen=True, kw_only=True):
    """The level of water at a station."""

    station: Annotated[str, msgspec.Meta(min_length=1)]
    measured_at: datetime
    level_mm: int


TIDES = Pipeline(name="tides", stream="tides", tables=(LakeTable("tides", TideMeasured, Grain.DAY),))


@dataclass
class Lease:
    """KCL's view of one shard."""

    checkpoint: str = "TRIM_HORIZON"
    owner: int | None = None
    ended: bool = False


@dataclass
class Application:
    """KCL's view of the stream under one application name."""

    start_ms: int = 0
    """AT_TIMESTAMP; 0 is TRIM_HORIZON. Shards that were closed before it are not read."""
    leases: dict[str, Lease] = field(default_factory=dict)


@dataclass
class World:
    """All that outlives a worker. `expected` counts every event id that the stream acknowledged once."""

    pipeline: Pipeline = TIDES
    dynamo: MemoryDynamo = field(default_factory=MemoryDynamo)
    s3: MemoryS3 = field(default_factory=MemoryS3)
    now_s: float = 1_000_000.0
    created_ms: int = BORN_MS
    generation: int = 1
    """The one that workers start in now."""
    listed: dict[str, Shard] = field(default_factory=dict)
    closed_ms: dict[str, int] = field(default_factory=dict)
    records: dict[str, list[KinesisRecord]] = field(default_factory=dict)
    applications: dict[int, Application] = field(default_factory=dict)
    """KCL's view, by generation: each has a lease table of its own."""
    expected: set[str] = field(default_factory=set)
    numbers: Counter[Lane] = field(default_factory=Counter)
    sequence: itertools.count[int] = field(default_factory=lambda: itertools.count(7))
    """Starts with one digit, so that text order and numeric order differ early."""
    event_ids: itertools.count[int] = field(default_factory=itertools.count)
    workers: dict[int, Worker] = field(default_factory=dict)
    worker_ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _decoded: dict[tuple[str, str], tuple[Any, list[dict[str, Any]]]] = field(default_factory=dict)

    @property
    def now_ms(self) -> int:
        return BORN_MS + int(self.now_s * 1000)

    # --- StreamView

    def identity(self) -> StreamIdentity:
        return StreamIdentity(self.pipeline.stream, self.created_ms, RETENTION_HOURS)

    def shards(self) -> Mapping[str, Shard]:
        return self.listed

    # --- KCL

    @property
    def leases(self) -> dict[str, Lease]:
        """Those of the newest generation that anybody started in."""
        return self.application(self.generation).leases

    def application(self, generation: int) -> Application:
        """Made when its first worker asks for it: the lease table is empty, and reading begins where the log says."""
        if generation not in self.applications:
            log, _ = self.clients(Steps())
            start = log.start_position(self.pipeline.name, "TRIM_HORIZON", generation)
            start_ms = 0 if start == "TRIM_HORIZON" else int(datetime.fromisoformat(start).timestamp() * 1000)
            open_then = [one for one in self.listed if self.closed_ms.get(one, start_ms) >= start_ms]
            self.applications[generation] = Application(start_ms, {shard_id: Lease() for shard_id in open_then})
        return self.applications[generation]

    # --- stream

    def add_shard(self, first_hash: int = 0, last_hash: int = HASHES - 1, parents: tuple[str, ...] = ()) -> str:
        shard_id = f"shardId-{len(self.records):012d}"
        self.listed[shard_id] = Shard(shard_id, first_hash, last_hash, parents)
        self.records[shard_id] = []
        for application in [self.application(self.generation), *self.applications.values()]:
            application.leases.setdefault(shard_id, Lease())
        return shard_id

    def put_pack(self, shard_id: str, events: int = 1, lane: Lane | None = None, times: int = 1) -> KinesisRecord:
        """A pack of new events, accepted `times` times because its answers were lost."""
        ids = [f"event-{next(self.event_ids)}" for _ in range(events)]
        return self.put_lines(shard_id, {event_id: _line(event_id, self.now_ms) for event_id in ids}, lane, times)

    def put_lines(
        self, shard_id: str, lines: Mapping[str, bytes], lane: Lane | None = None, times: int = 1
    ) -> KinesisRecord:
        """As `put_pack`, of these events: id to line."""
        lane = lane or Lane("producer", shard_id)
        self.numbers[lane] += 1
        self.expected.update(lines)
        data = b"".join(lines.values())
        for _ in range(times):
            record = self.put_record(shard_id, data, pack_key(lane, self.numbers[lane]))
        return record

    def put_record(self, shard_id: str, data: bytes, partition_key: str) -> KinesisRecord:
        record = KinesisRecord(
            data=data,
            partition_key=partition_key,
            sequence_number=str(next(self.sequence)),
            approximate_arrival_timestamp=self.now_ms,
        )
        self.records[shard_id].append(record)
        return record

    def split(self, shard_id: str) -> tuple[str, str]:
        parent = self.listed[shard_id]
        self.closed_ms[shard_id] = self.now_ms
        middle = (parent.first_hash + parent.last_hash) // 2
        self.listed[shard_id] = replace(parent, closed=True)
        return (
            self.add_shard(parent.first_hash, middle, (shard_id,)),
            self.add_shard(middle + 1, parent.last_hash, (shard_id,)),
        )

    def merge(self, left: str, right: str) -> str:
        first, second = self.listed[left], self.listed[right]
        self.closed_ms |= {left: self.now_ms, right: self.now_ms}
        self.listed[left], self.listed[right] = replace(first, closed=True), replace(second, closed=True)
        return self.add_shard(first.first_hash, second.last_hash, (left, right))

    def may_start(self, shard_id: str, leases: Mapping[str, Lease] | None = None) -> bool:
        """KCL starts a child once all of its parents' leases are at SHARD_END."""
        known = self.leases if leases is None else leases
        return all(known[parent].ended for parent in self.listed[shard_id].parents if parent in known)

    # --- readers

    def rows(self) -> list[dict[str, Any]]:
        """What a reader of the lake sees now: rows of the first table."""
        return self.rows_of(BUCKETS["processed"], self.pipeline.tables[0].name)

    def rows_of(self, bucket: str, table: str) -> list[dict[str, Any]]:
        """What a reader of this table sees now."""
        places = [place for place in self.s3.objects if place[0] == bucket and place[1].startswith(f"{table}/")]
        return [row for place in places for row in self._read(place)]

    def _read(self, place: tuple[str, str]) -> list[dict[str, Any]]:
        """An object is decoded once: readers look after each action."""
        stored = self.s3.objects[place]
        if self._decoded.get(place, (None, []))[0] is not stored:
            self._decoded[place] = (stored, pq.read_table(io.BytesIO(stored.body)).to_pylist())
        return self._decoded[place][1]

    def seen(self) -> Counter[str]:
        return Counter(row["event_id"] for row in self.rows())

    def check_readers(self) -> None:
        """I2 and I4 at any moment: no event twice, nothing that no commit names."""
        doubled = [event_id for event_id, times in self.seen().items() if times > 1]
        assert not doubled, f"readers see {doubled[:5]} more than once"
        committed = self.committed_keys()
        beside = ("/lanes/", "/commits/")
        visible = {place for place in self.s3.objects if not any(folder in place[1] for folder in beside)}
        loose = sorted(visible - committed)
        assert not loose, f"visible without a commit: {loose[:3]}"

    def check_complete(self) -> None:
        """I1 at the end: every acknowledged event is there, once."""
        self.check_readers()
        missing = self.expected - self.seen().keys()
        assert not missing, f"{len(missing)} events are missing, such as {sorted(missing)[:3]}"
        assert self.seen().keys() == self.expected

    def committed_keys(self) -> set[tuple[str, str]]:
        log, _ = self.clients(Steps())
        attempts = [pk.split("#")[1:] for pk, _ in self.dynamo.items if pk.startswith("commit#")]
        commits = [log.commit(pipeline, int(generation), attempt) for pipeline, generation, attempt in attempts]
        return {(file.bucket, file.key) for commit in commits if commit for file in commit.files}

    def chain(self, shard_id: str, generation: int | None = None) -> Chain:
        return Chain(self.pipeline.name, generation or self.generation, self.created_ms, shard_id)

    def tip_position(self, shard_id: str, generation: int | None = None) -> int:
        log, store = self.clients(Steps())
        tip = read_tip(log, store, self.chain(shard_id, generation))
        return tip.position if tip else 0

    def clients(self, steps: Steps) -> tuple[DynamoDbLog, S3Store]:
        client: Any = self.dynamo.as_seen_by(steps)
        s3: Any = self.s3.as_seen_by(steps)
        store = S3Store(s3, BUCKETS)
        return DynamoDbLog(client, "log", store), store

    # --- workers

    def start_worker(self, steps: Steps | None = None, batch: BatchSettings | None = None) -> Worker:
        """Raises RewindUnfinishedError."""
        self.generation = open_generation(self.clients(Steps())[0], self.pipeline.name)
        number = next(self.worker_ids)
        worker = Worker(self, number, steps or Steps(), batch or BatchSettings(max_batch_age_s=5.0))
        self.workers[number] = worker
        return worker

    def kill(self, worker: Worker) -> None:
        worker.dead = True
        self.workers.pop(worker.number, None)
        for lease in worker.leases.values():
            if lease.owner == worker.number:
                lease.owner = None

    def drain(self, batch: BatchSettings | None = None) -> None:
        """All old workers die; a healthy one reads everything that is left, to the end of every shard."""
        for worker in list(self.workers.values()):
            self.kill(worker)
        worker = self.start_worker(batch=batch)
        for _ in range(len(self.leases) + 1):
            for shard_id, lease in list(self.leases.items()):
                if not lease.ended and lease.owner is None and self.may_start(shard_id):
                    worker.lease(shard_id)
                    worker.work()
            for shard_id in list(worker.pipes):
                while worker.deliver(shard_id, 50):
                    worker.work()
            self.now_s += 60.0
            worker.tick()
            worker.work()
            for shard_id in list(worker.pipes):
                if self.listed.get(shard_id) and self.listed[shard_id].closed:
                    worker.end(shard_id)
                    worker.work()
        assert not worker.dead, "the healthy worker died"


def _line(event_id: str, at_ms: int) -> bytes:
    at = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat().replace("+00:00", "Z")
    data = {"station": "Dover", "measured_at": at, "level_mm": 1}
    event = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/test",
        "type": "tide.measured.v1",
        "time": at,
        "data": data,
    }
    return msgspec.json.encode(event) + b"\n"


class Worker:
    """One engine: the shipped core and commit path, driven by a simulated daemon. Jobs wait until `work` runs them."""

    def __init__(self, world: World, number: int, steps: Steps, batch: BatchSettings) -> None:
        self.world = world
        self.number = number
        self.steps = steps
        self.dead = False
        self.failure: BaseException | None = None
        self.jobs: deque[Job] = deque()
        self.pipes: dict[str, int] = {}
        self.next_record: dict[str, int] = {}
        self.in_hand: dict[str, str] = {}
        self.checkpoint_errors: deque[str] = deque()
        self.effects: list[Effect] = []
        self.generation = world.generation
        self._pipe_numbers = itertools.count(number * 1000)
        log, store = world.clients(steps)
        log.generation(world.pipeline.name)
        engine_id = f"engine-{number}"
        opener = ShardOpener(log, store, world, lambda: world.now_ms, engine_id)
        committer = Committer(
            pipeline=world.pipeline,
            limits=batch,
            log=log,
            store=store,
            stream=world,
            now_ms=lambda: world.now_ms,
            engine_id=engine_id,
            pause=lambda _s: None,
        )
        self.workplace = Workplace(opener, committer)
        self.core = EngineCore(
            CoreSettings(
                pipeline=world.pipeline.name,
                generation=self.generation,
                stream_created_ms=world.created_ms,
                retention_ms=RETENTION_HOURS * 3_600_000,
                failover_s=10.0,
                batch=batch,
            )
        )

    @property
    def moment(self) -> Moment:
        return Moment(self.world.now_s, self.world.now_ms)

    @property
    def leases(self) -> dict[str, Lease]:
        return self.world.application(self.generation).leases

    # --- what the daemon does

    def lease(self, shard_id: str) -> None:
        """Takes the lease, whoever had it: the loser is told only when its own daemon notices."""
        lease = self.leases[shard_id]
        lease.owner = self.number
        pipe = next(self._pipe_numbers)
        self.pipes[shard_id] = pipe
        self.next_record[shard_id] = self._first(shard_id, lease)
        self._send(shard_id, Initialize(shard_id, lease.checkpoint, None), "initialize")

    def _first(self, shard_id: str, lease: Lease) -> int:
        """The number of the record that KCL begins with."""
        records = self.world.records[shard_id]
        if lease.checkpoint.isdecimal():
            return sum(record.position <= int(lease.checkpoint) for record in records)
        start_ms = self.world.application(self.generation).start_ms
        begin = (n for n, record in enumerate(records) if record.approximate_arrival_timestamp >= start_ms)
        return next(begin, len(records))

    def deliver(self, shard_id: str, count: int) -> int:
        """The next records of the shard, if its last message was answered; how many."""
        if shard_id not in self.pipes or shard_id in self.in_hand:
            return 0
        begin = self.next_record[shard_id]
        batch = self.world.records[shard_id][begin : begin + count]
        self.next_record[shard_id] = begin + len(batch)
        self._send(shard_id, ProcessRecords(batch, 0), "processRecords")
        return len(batch)

    def lose(self, shard_id: str) -> None:
        """The daemon notices that the lease is another's."""
        if shard_id in self.pipes and shard_id not in self.in_hand:
            self._send(shard_id, LeaseLost(), "leaseLost")
            if not self.dead:
                self._close(shard_id)

    def end(self, shard_id: str) -> None:
        """The shard's last record was delivered."""
        at_end = self.next_record.get(shard_id) == len(self.world.records[shard_id])
        if shard_id in self.pipes and shard_id not in self.in_hand and at_end:
            self._send(shard_id, ShardEnded(), "shardEnded")

    def shut_down(self) -> None:
        for shard_id in list(self.pipes):
            if shard_id not in self.in_hand:
                self._send(shard_id, ShutdownRequested(), "shutdownRequested")

    def tick(self) -> None:
        self._guard(lambda: self.core.tick(self.moment))

    def work(self, jobs: int = 1_000) -> None:
        """Runs waiting jobs, and those that they lead to."""
        while self.jobs and jobs and not self.dead:
            jobs -= 1
            job = self.jobs.popleft()
            self._guard(lambda job=job: self._finish(job))  # type: ignore[misc]

    # --- plumbing

    def _finish(self, job: Job) -> None:
        result: Any = self.workplace.do(job)
        told: dict[type, Callable[..., None]] = {
            OpenShard: self.core.opened,
            CommitBatch: self.core.batch_finished,
            EndShard: self.core.shard_ended,
            MarkGap: self.core.gap_marked,
        }
        if type(job) in told:
            told[type(job)](job, result, self.moment)

    def _send(self, shard_id: str, message: Message, action: str) -> None:
        self.in_hand[shard_id] = action
        self._guard(lambda: self.core.receive(self.pipes[shard_id], message, self.moment))

    def _guard(self, call: Callable[[], None]) -> None:
        """Crash-only: whatever is raised ends the process. Assertions of the test go through."""
        if self.dead:
            return
        try:
            call()
            self._perform()
        except (Crash, HeadraceError) as failure:
            self.failure = failure
            self.world.kill(self)

    def _perform(self) -> None:
        shard_of = {pipe: shard_id for shard_id, pipe in self.pipes.items()}
        for effect in self.core.drain():
            self.effects.append(effect)
            match effect:
                case Answer(pipe=pipe):
                    shard_id = shard_of.get(pipe, "")
                    if self.in_hand.pop(shard_id, None) == "shardEnded":
                        self._close(shard_id)
                case Checkpoint(pipe=pipe, sequence_number=sequence_number):
                    self._checkpoint(shard_of[pipe], pipe, sequence_number)
                case _:
                    self.jobs.append(effect)

    def _checkpoint(self, shard_id: str, pipe: int, sequence_number: str | None) -> None:
        error = self._judge_checkpoint(shard_id, sequence_number)
        self.core.receive(pipe, CheckpointReply(sequence_number, None, error), self.moment)
        if error == "ThrottlingException":
            self.world.now_s += 1.0
            self.core.tick(self.moment)
        self._perform()

    def _judge_checkpoint(self, shard_id: str, sequence_number: str | None) -> str | None:
        lease = self.leases[shard_id]
        if lease.owner != self.number:
            return "ShutdownException"
        if self.checkpoint_errors:
            return self.checkpoint_errors.popleft()
        if sequence_number is None:
            lease.ended = True
            lease.owner = None
            return None
        position = int(sequence_number)
        assert position <= self.world.tip_position(shard_id, self.generation), "a checkpoint passed the chain's tip"
        lease.checkpoint = sequence_number
        return None

    def _close(self, shard_id: str) -> None:
        self.core.closed(self.pipes.pop(shard_id))
        self.in_hand.pop(shard_id, None)
