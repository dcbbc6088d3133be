"""A lake in memory with a stream that was committed, and batch commands that may die at any of their calls."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from types import SimpleNamespace
from typing import Annotated, Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec.structs import replace

from headrace_batch.committing import Draft, commit, new_attempt, upload
from headrace_batch.place import Place
from headrace_batch.retention.places import Kept
from headrace_batch.rewriting import StandingFile, opened_file
from headrace_consumers.commitlog.model import Commit, CommitKind, Replaced
from headrace_consumers.commitlog.standing import Standing
from headrace_consumers.commitlog.tip import read_tip
from headrace_consumers.lake.objects import EncodedFile
from headrace_consumers.lake.parquet import encoded
from headrace_consumers.pipeline import Grain, LakeTable, Pipeline
from headrace_consumers.windows import Tumbling, count
from headrace_producers.contracts import column, contract
from tests.fakes.steps import Steps
from tests.faults.simulation import World


@contract(name="visit.paid", version=1, partition_key="till", event_time="paid_at")
class VisitPaid(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody paid at a till."""

    till: Annotated[str, msgspec.Meta(min_length=1)]
    paid_at: datetime
    guest: Annotated[str, column("Who paid", personal=True, max_length=40)]
    cents: int


VISITS = Pipeline(
    name="visits",
    stream="visits",
    tables=(LakeTable("visits_paid", VisitPaid, Grain.DAY, ("till",)),),
    windows=(
        Tumbling("guests_daily", table="visits_paid", by=("guest",), aggregates={"visits": count()}, size_s=86_400),
    ),
)


KEPT = Kept(raw="raw", processed="processed", curated="curated")


def world_of(pipeline: Pipeline = VISITS) -> World:
    return World(pipeline=pipeline)


def place_of(world: World, steps: Steps | None = None, owner: str = "batch") -> Place:
    steps = steps or Steps()
    log, store = world.clients(steps)
    aws: Any = SimpleNamespace(s3=world.s3.as_seen_by(steps))
    return Place(
        pipeline=world.pipeline,
        log=log,
        store=store,
        stream=world,
        aws=aws,
        stream_created_ms=world.created_ms,
        generation=log.generation(world.pipeline.name),
        owner=owner,
    )


def paid(event_id: str, guest: str, at_ms: int, till: str = "bar") -> bytes:
    at = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat().replace("+00:00", "Z")
    data = {"till": till, "paid_at": at, "guest": guest, "cents": 250}
    event = {"specversion": "1.0", "id": event_id, "source": "/t", "type": "visit.paid.v1", "time": at, "data": data}
    return msgspec.json.encode(event) + b"\n"


def stream_commit(world: World, lines: dict[str, bytes]) -> str:
    """One more commit of the stream with these events, by a worker that goes on and on; its id."""
    if not world.workers:
        shard_id = world.add_shard()
        world.start_worker().lease(shard_id)
    ((_, worker),) = world.workers.items()
    worker.work()
    ((shard_id, _),) = worker.pipes.items()
    world.put_lines(shard_id, lines)
    worker.deliver(shard_id, 50)
    worker.work()
    world.now_s += 60.0
    worker.tick()
    worker.work()
    tip = read_tip(*world.clients(Steps()), world.chain(shard_id))
    assert tip is not None
    return tip.attempt_id


def visits(world: World, *guests: str, days_ago: int = 0) -> str:
    """One commit with a visit of each guest."""
    at_ms = world.now_ms - days_ago * 86_400_000
    ids = [f"event-{next(world.event_ids)}" for _ in guests]
    tills = ["bar", "door"]
    return stream_commit(
        world,
        {
            event_id: paid(event_id, guest, at_ms + number, tills[number % 2])
            for number, (event_id, guest) in enumerate(zip(ids, guests, strict=True))
        },
    )


def landed(place: Place, name: str, *, replaces: Sequence[Replaced] = (), retires: Sequence[str] = ()) -> Commit:
    """A batch commit with one small file."""
    attempt_id = new_attempt(place)
    file = EncodedFile("notes", "", "processed", f"notes/{name}-{attempt_id}", 1, name.encode())
    pending = place.store.upload_pending(file, attempt_id)
    draft = Draft(
        attempt_id=attempt_id,
        kind=CommitKind.BACKFILL if retires else CommitKind.LANDING,
        files=(pending,),
        retires=tuple(retires),
        replaces=tuple(replaces),
    )
    return commit(place, draft, place.chain.position(), lambda _: True)


def make_pending(world: World, commit_id: str) -> Commit:
    """The commit as a writer leaves it that dies after its transaction: uploaded, not completed."""
    place, client = place_of(world), world.s3.as_seen_by(Steps())
    before = place.standing().commits[commit_id]
    files = []
    for file in before.files:
        found = world.s3.objects.pop((file.bucket, file.key))
        where = {"Bucket": file.bucket, "Key": file.key}
        upload_id = client.create_multipart_upload(**where, Metadata=found.metadata)["UploadId"]
        client.upload_part(UploadId=upload_id, PartNumber=1, Body=found.body)
        files.append(replace(file, upload_id=upload_id))
    pending = replace(before, files=tuple(files))
    assert place.log.replace_files(before, pending)
    return pending


def visible(world: World) -> set[tuple[str, str]]:
    """All objects that a reader of bare paths sees, raw files and objects beside the log left out."""
    return {place for place in world.s3.objects.copy() if place[0] != "raw"}


def named(standing: Standing) -> set[tuple[str, str]]:
    return {(file.bucket, file.key) for one in standing.commits.values() for file in one.files if file.bucket != "raw"}


def rows_of(bodies: Mapping[tuple[str, str], bytes], table: str) -> Iterator[dict[str, Any]]:
    for (_, key), body in sorted(bodies.items()):
        if key.startswith(f"{table}/"):
            yield from pq.ParquetFile(io.BytesIO(body)).read().to_pylist()


def rows_at(world: World, places: set[tuple[str, str]], table: str) -> Iterator[dict[str, Any]]:
    return rows_of({place: world.s3.objects[place].body for place in places}, table)


def seen_by_paths(world: World, table: str = "visits_paid") -> Counter[tuple[Any, ...]]:
    """What there is at one moment: other threads of the command go on meanwhile."""
    bodies = {place: found.body for place, found in world.s3.objects.copy().items() if place[0] != "raw"}
    return Counter(map(known, rows_of(bodies, table)))


def seen_by_log(world: World, table: str = "visits_paid") -> Counter[tuple[Any, ...]]:
    return Counter(map(known, rows_at(world, named(place_of(world).standing()), table)))


def known(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(sorted((name, str(value)) for name, value in row.items()))


class Landed(StrEnum):
    """In which order the rows of a file come."""

    AS_THEY_ARE = "as they are"
    REVERSED = "reversed"


def landed_visits(place: Place, like: StandingFile, name: str, order: Landed = Landed.AS_THEY_ARE) -> Commit:
    """A batch commit that brings rows such as this file has, under its own name."""
    attempt_id = new_attempt(place)
    rows = opened_file(place, like).read()
    if order is Landed.REVERSED:
        rows = rows.take(list(range(len(rows)))[::-1])
    ids = pa.array([f"{name}-{number}" for number in range(len(rows))], pa.string())
    rows = rows.set_column(rows.schema.get_field_index("event_id"), rows.schema.field("event_id"), ids)
    commits = pa.array([attempt_id] * len(rows), pa.string())
    rows = rows.set_column(rows.schema.get_field_index("commit_id"), rows.schema.field("commit_id"), commits)
    key = f"{like.file.table}/{like.file.partition}/{attempt_id}.parquet"
    file = EncodedFile(
        like.file.table, like.file.partition, "processed", key, len(rows), encoded(rows.columns, rows.schema)
    )
    draft = Draft(attempt_id=attempt_id, kind=CommitKind.LANDING, files=upload(place, [file], attempt_id))
    return commit(place, draft, place.chain.position(), lambda _: True)
