"""Runs of a transform in memory, groups computed by the functions that Spark's tasks call: partitions, deaths, and
others that come between."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from headrace_batch.committing import Draft, commit, new_attempt, settle, upload
from headrace_batch.place import Place
from headrace_batch.retention.expiring import Ages, Expired, expire
from headrace_batch.retention.places import Kept
from headrace_batch.transform.computing import INPUT, Computing, Input
from headrace_batch.transform.declare import PARTITION
from headrace_batch.transform.planning import Plan, make_plan
from headrace_batch.transform.running import run
from headrace_batch.transform.stretch import FIRST, LAST, Stretch
from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.commitlog.model import CommitKind
from headrace_consumers.errors import FencedError
from headrace_consumers.grain import Grain
from headrace_consumers.lake.objects import EncodedFile, PendingFile
from headrace_consumers.lake.s3 import S3Store
from headrace_consumers.records import ROOT
from headrace_local.pipelines import flights
from headrace_producers.errors import SettingsError
from tests.batch.backfill.river import BUCKETS, River, packs
from tests.batch.transform.daily import daily
from tests.consumers.commitlog.tables import TABLE
from tests.fakes.dynamodb import MemoryDynamo
from tests.fakes.s3 import MemoryS3
from tests.fakes.steps import Crash, Steps

KEPT = Kept(raw="raw", processed="processed", curated="curated")
ALL = Stretch.around(FIRST, LAST, Grain.DAY)
Between = Callable[[], object]


def river_of(s3: MemoryS3, dynamo: MemoryDynamo, steps: Steps | None = None) -> River:
    steps = steps or Steps()
    seen: Any = s3.as_seen_by(steps)
    client: Any = dynamo.as_seen_by(steps)
    store = S3Store(seen, BUCKETS)
    aws: Any = type("Aws", (), {"s3": seen})()
    return River(DynamoDbLog(client, TABLE, store), store, seen, aws=aws)


@pytest.fixture
def river() -> River:
    """Two days of flights."""
    found = river_of(MemoryS3(), MemoryDynamo())
    found.flow(packs(60))
    return found


def compute(place: Place, between: Between = lambda: None) -> Callable[[Plan, str], Sequence[PendingFile]]:
    def files(plan: Plan, attempt_id: str) -> Sequence[PendingFile]:
        task = Computing("tests.batch.transform.daily:daily", plan.stretch, attempt_id, lambda: place.store)
        inputs = [msgspec.json.encode(Input(one.commit.attempt_id, one.file)) for one in plan.inputs]
        given = pa.Table.from_batches(
            task.read([pa.RecordBatch.from_pydict({"input": inputs}, INPUT)]), daily.given
        )  # fmt: skip
        found = pa.concat_tables(task.compute(group) for group in _groups(given, "tailnum"))
        made = [task.write(group)["made"][0].as_py() for group in _groups(found, PARTITION)]
        between()
        return [msgspec.json.decode(one, type=PendingFile) for one in made]

    return files


def _groups(rows: pa.Table, key: str) -> list[pa.Table]:
    ordered = rows.sort_by(key)
    ends = pc.run_end_encode(ordered[key].combine_chunks()).run_ends.to_pylist()
    return [ordered.slice(begin, end - begin) for begin, end in pairwise([0, *ends])]


def transform(place: Place, stretch: Stretch = ALL, between: Between = lambda: None) -> None:
    settle(place)
    run(place, daily, make_plan(place, daily, KEPT, stretch), compute(place, between), "a test")


def files(river: River) -> dict[str, list[dict[str, Any]]]:
    page = river.s3.list_objects_v2(Bucket="curated", Prefix=f"{daily.name}/")
    keys = [one["Key"] for one in page.get("Contents", [])]
    bodies = {key: river.s3.get_object(Bucket="curated", Key=key)["Body"].read() for key in keys}
    return {key: pq.read_table(io.BytesIO(body), partitioning=None).to_pylist() for key, body in bodies.items()}


def by_day(river: River) -> dict[str, list[dict[str, Any]]]:
    """No day has two files."""
    found = files(river)
    days = {key.split("/")[1]: rows for key, rows in found.items()}
    assert len(days) == len(found)
    return days


def uploads(river: River) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = river.s3.list_multipart_uploads(Bucket="curated", Prefix="").get("Uploads", [])
    return found


def expired(place: Place, *, dry_run: bool = True) -> list[Expired]:
    """By a clock that is a year ahead."""
    now_ms = place.now_ms() + 365 * 86_400_000
    return list(expire(place, KEPT, Ages(), now_ms, no_loader=True, dry_run=dry_run))


def day(number: int) -> Stretch:
    start = datetime(2013, 1, number, tzinfo=UTC)
    return Stretch.around(start, start + timedelta(days=1), Grain.DAY)


def test_days_one_by_one_come_to_what_all_at_once_do(river: River) -> None:
    """Each looks back beyond its beginning; and only its own file is another one afterwards."""
    transform(river.place())
    whole, keys = by_day(river), set(files(river))
    assert len(whole) == 2
    assert sum(row["returns"] for rows in whole.values() for row in rows) > 10
    for name in sorted(whole):
        transform(river.place(), day(int(name[-2:])))
        gone, came = keys - set(files(river)), set(files(river)) - keys
        assert [key.split("/")[1] for key in gone] == [key.split("/")[1] for key in came] == [name]
        keys = set(files(river))
    assert by_day(river) == whole


def test_files_whose_commits_expired_are_read_like_the_others(river: River) -> None:
    """The log has forgotten them, the lake has not."""
    transform(river.place())
    whole, commits = by_day(river), len(river.unretired())
    for shard in river.tips:
        for link in list(river.log.links_after(river.chain(shard), ROOT))[:-1]:
            river.log.expire(link, with_commit=True)
    assert len(river.unretired()) == 1 < commits
    transform(river.place())
    assert by_day(river) == whole


def test_a_run_that_dies_anywhere_leaves_all_or_nothing() -> None:
    """Readers see what they saw or what is new, never both; the next run is as if none had died; expiry finds the
    uploads of the dead."""
    first = river_of(MemoryS3(), MemoryDynamo())
    first.flow(packs(60)[:12])
    transform(first.place())
    old = by_day(first)
    died = found = 0
    for step in range(0, 2000, 5):
        s3, dynamo = MemoryS3(), MemoryDynamo()
        river = river_of(s3, dynamo)
        river.flow(packs(60)[:12])
        transform(river.place())
        river.flow(packs(60)[12:24])
        steps = Steps(crash_at=step)
        try:
            transform(river_of(s3, dynamo, steps).place())
        except Crash:
            died += 1
            place = river.place()
            settle(place)
            seen = by_day(river)
            standing = [one for one in place.standing().commits.values() if one.kind is CommitKind.TRANSFORM]
            assert {file.key for one in standing for file in one.files} == set(files(river))
            assert (seen == old) == (len(standing) == 1)
            transform(place)
            left = {one["Key"] for one in uploads(river) if one["Key"].startswith(daily.name)}
            told = {one.what.partition("curated/")[2] for one in expired(place) if one.kind == "upload"}
            assert left <= told
            found += len(left)
        if step > 2 * steps.calls:
            break
    assert died > 10
    assert found


def retire(river: River) -> None:
    place = river.place()
    old = river.unretired()[0]
    draft = Draft(attempt_id=new_attempt(place), kind=CommitKind.REWIND, files=(), retires=(old,))
    commit(place, draft, place.chain.position(), lambda _: True)


def forget(river: River) -> None:
    place = river.place()
    draft = Draft(attempt_id=new_attempt(place), kind=CommitKind.FORGET, files=())
    commit(place, draft, place.chain.position(), lambda _: True)


def land(river: River) -> None:
    place = river.place()
    attempt_id = new_attempt(place)
    file = EncodedFile("planes", "event_month=2013-01", "processed", f"planes/x/{attempt_id}.parquet", 1, b"x")
    draft = Draft(attempt_id=attempt_id, kind=CommitKind.LANDING, files=upload(place, [file], attempt_id))
    commit(place, draft, place.chain.position(), lambda _: True)


@pytest.mark.parametrize("between", [retire, forget, lambda river: transform(river.place())])
def test_what_changes_its_rows_meanwhile_fences_a_run(river: River, between: Callable[[River], None]) -> None:
    """Nothing of it stands, nor of its uploads; run again it is right."""
    transform(river.place())
    with pytest.raises(FencedError, match="run the command again"):
        transform(river.place(), between=lambda: between(river))
    assert not [one for one in uploads(river) if one["Key"].startswith(daily.name)]
    transform(river.place())
    again = by_day(river)
    transform(river.place())
    assert by_day(river) == again


def test_what_only_adds_rows_goes_with_a_run(river: River) -> None:
    transform(river.place(), between=lambda: land(river))
    kinds = [one.kind for one in river.place().chain.after(0)]
    assert kinds == [CommitKind.LANDING, CommitKind.TRANSFORM]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": "flights_departed"}, "has a table of this name"),
        ({"name": "rotations"}, "has a table of this name"),
        ({"name": "No"}, "no name"),
        ({"sources": ("nowhere",)}, "unknown sources"),
        ({"sources": ()}, "no sources"),
        ({"columns": ("tailnum", "temp")}, "'temp' is in no source"),
        ({"columns": ("tailnum", "event_time")}, "is given anyway"),
        ({"group_by": ("carrier",)}, "group_by"),
        ({"time": "flights"}, "must be a column of its result"),
        ({"sort_by": ("nothing",)}, "unknown columns"),
        ({"before": timedelta(-1)}, "negative"),
    ],
)
def test_wrong_declarations_are_refused(wrong: dict[str, Any], sentence: str) -> None:
    assert daily.pipeline is flights
    with pytest.raises(SettingsError, match=sentence):
        replace(daily, **wrong)
