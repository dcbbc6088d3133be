"""A lake in memory with a stream that was committed, and batch commands that may die at any of their calls."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import pyarrow.parquet as pq

from headrace_batch.committing import Draft, commit, new_attempt
from headrace_batch.place import Place
from headrace_consumers.commitlog.model import Commit, CommitKind, Replaced
from headrace_consumers.commitlog.standing import Standing
from headrace_consumers.commitlog.tip import read_tip
from headrace_consumers.lake.objects import EncodedFile
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


def world_of(pipeline: Pipeline = VISITS) -> World:
    return World(pipeline=pipeline)


def place_of(world: World, steps: Steps | None = None, owner: str = "batch") -> Place:
    log, store = world.clients(steps or Steps())
    aws: Any = None
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


def visible(world: World) -> set[tuple[str, str]]:
    """All objects that a reader of bare paths sees, raw files and objects beside the log left out."""
    return {place for place in world.s3.objects if place[0] != "raw"}


def named(standing: Standing) -> set[tuple[str, str]]:
    return {(file.bucket, file.key) for one in standing.commits.values() for file in one.files if file.bucket != "raw"}


def rows_at(world: World, places: set[tuple[str, str]], table: str) -> Iterator[dict[str, Any]]:
    for bucket, key in sorted(places):
        if key.startswith(f"{table}/"):
            body = world.s3.objects[bucket, key].body
            yield from pq.ParquetFile(io.BytesIO(body)).read().to_pylist()


def seen_by_paths(world: World, table: str = "visits_paid") -> Counter[tuple[Any, ...]]:
    return Counter(map(known, rows_at(world, visible(world), table)))


def seen_by_log(world: World, table: str = "visits_paid") -> Counter[tuple[Any, ...]]:
    return Counter(map(known, rows_at(world, named(place_of(world).standing()), table)))


def known(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(sorted((name, str(value)) for name, value in row.items()))
