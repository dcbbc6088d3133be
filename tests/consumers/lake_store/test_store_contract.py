"""What every ObjectStore promises: S3Store over the fake in memory, and over the real protocol of a local AWS."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from headrace_consumers.commit.links import MAX_INLINE_LANE_BYTES, with_stored_lanes
from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.commitlog.tip import read_tip, tip_before
from headrace_consumers.errors import MissingFileError
from headrace_consumers.lake.objects import EncodedFile, PendingFile
from headrace_consumers.lake.s3 import PART_BYTES, S3Store
from headrace_consumers.stages.staged import LaneState
from tests.consumers.commitlog.links import fresh_chain, link
from tests.consumers.commitlog.tables import TABLE, make_table, memory_client
from tests.consumers.runtime_process.aws import client as aws_client
from tests.consumers.runtime_process.aws import local_aws
from tests.fakes.s3 import MemoryS3
from tests.fakes.steps import Steps

BUCKETS = {"raw": "raw", "processed": "processed", "curated": "curated"}
_names = itertools.count()


@dataclass
class Lake:
    """The store, and what a reader of the lake sees."""

    s3: Any
    dynamodb: Any

    @property
    def store(self) -> S3Store:
        return S3Store(self.s3, BUCKETS)

    def visible(self, file: PendingFile) -> bytes | None:
        listed = self.s3.list_objects_v2(Bucket=file.bucket, Prefix=file.key).get("Contents", [])
        if not listed:
            return None
        body: bytes = self.s3.get_object(Bucket=file.bucket, Key=file.key)["Body"].read()
        return body


@pytest.fixture(
    scope="module", params=["memory", "memory that remembers completed uploads", "local aws"]
)  # fmt: skip
def lake(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    if request.param != "local aws":
        s3: Any = MemoryS3(forgets_completed=request.param == "memory").as_seen_by(Steps())
        yield Lake(s3, memory_client())
        return
    with local_aws(tmp_path_factory.mktemp("aws") / "aws.log") as endpoint:
        real = Lake(aws_client("s3", endpoint), aws_client("dynamodb", endpoint))
        for bucket in BUCKETS.values():
            real.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        make_table(real.dynamodb)
        yield real
        real.s3.close()
        real.dynamodb.close()


def encoded(body: bytes = b"columns", zone: str = "processed") -> EncodedFile:
    key = f"tides/event_date=2026-01-01/{next(_names)}.parquet"
    return EncodedFile(table="tides", partition="event_date=2026-01-01", zone=zone, key=key, rows=1, body=body)


def test_a_pending_upload_is_invisible(lake: Lake) -> None:
    """No reader sees a file before its commit completes it; then whole."""
    pending = lake.store.upload_pending(encoded(), "a")
    assert lake.visible(pending) is None
    assert (lake.store.is_pending(pending), lake.store.is_complete(pending, "a")) == (True, False)
    lake.store.complete(pending, "a")
    assert lake.visible(pending) == b"columns"
    assert (lake.store.is_complete(pending, "a"), pending.bytes, pending.bucket) == (True, 7, "processed")


def test_completing_twice_is_completing_once(lake: Lake) -> None:
    """Whoever comes second, and after a lost answer, finds what stands."""
    pending = lake.store.upload_pending(encoded(), "a")
    for _ in range(3):
        lake.store.complete(pending, "a")
    assert lake.visible(pending) == b"columns"


def test_a_file_of_several_parts_comes_whole(lake: Lake) -> None:
    """Parts are joined in order, and the checksum is that of the whole."""
    body = b"\x00" * PART_BYTES + b"\x01" * 10
    pending = lake.store.upload_pending(encoded(body), "a")
    assert len(pending.etags) == 2
    lake.store.complete(pending, "a")
    assert lake.visible(pending) == body


@pytest.mark.parametrize(
    "other", [{"bytes": 8}, {"sha256": "00"}, {"key": "tides/elsewhere"}], ids=["size", "checksum", "key"]
)
def test_head_proves_size_checksum_and_place(lake: Lake, other: dict[str, Any]) -> None:
    """An object that differs from what the log says is not ours, whatever its name."""
    pending = lake.store.upload_pending(encoded(), "a")
    lake.store.complete(pending, "a")
    assert not lake.store.is_complete(msgspec.structs.replace(pending, **other), "a")


def test_head_proves_the_attempt(lake: Lake) -> None:
    """An object of another attempt is not ours."""
    pending = lake.store.upload_pending(encoded(), "a")
    lake.store.complete(pending, "a")
    assert not lake.store.is_complete(pending, "b")


def test_an_aborted_upload_is_gone(lake: Lake) -> None:
    """Abort may be repeated; completing afterwards names the missing file and the way out."""
    pending = lake.store.upload_pending(encoded(), "a")
    lake.store.abort(pending)
    lake.store.abort(pending)
    assert not lake.store.is_pending(pending)
    with pytest.raises(MissingFileError, match="repair"):
        lake.store.complete(pending, "a")
    assert lake.visible(pending) is None


def test_a_lost_object_is_missing_and_comes_back_by_a_new_upload(lake: Lake) -> None:
    """What repair relies on: the same key and attempt, another upload."""
    file = encoded()
    first = lake.store.upload_pending(file, "a")
    lake.store.complete(first, "a")
    lake.s3.delete_object(Bucket=first.bucket, Key=first.key)
    assert (lake.store.is_complete(first, "a"), lake.store.is_pending(first)) == (False, False)
    with pytest.raises(MissingFileError):
        lake.store.complete(first, "a")
    second = lake.store.upload_pending(file, "a")
    lake.store.complete(second, "a")
    assert lake.visible(second) == b"columns"


@pytest.mark.parametrize("zone", BUCKETS)
def test_what_was_completed_is_read_back(lake: Lake, zone: str) -> None:
    """By any follower, from the bucket of its zone; what is pending, or deleted, is not there for it."""
    pending = lake.store.upload_pending(encoded(zone=zone), "a")
    with pytest.raises(MissingFileError, match=pending.key):
        lake.store.read(pending.bucket, pending.key)
    lake.store.complete(pending, "a")
    assert (pending.bucket, lake.store.read(pending.bucket, pending.key)) == (BUCKETS[zone], b"columns")
    for _ in range(2):
        lake.store.delete(pending.bucket, pending.key)
    with pytest.raises(MissingFileError, match=pending.key):
        lake.store.read(pending.bucket, pending.key)


def test_big_lane_tables_live_beside_the_link(lake: Lake) -> None:
    """A link with many lanes stays small in the log, and whoever reads the chain gets all lanes back."""
    chain = fresh_chain()
    log = DynamoDbLog(lake.dynamodb, TABLE, lake.store)
    log.generation(chain.pipeline)
    lanes = {f"producer-{number:06d}/shardId-000000000000": LaneState(number, 7) for number in range(2_000)}
    full = msgspec.structs.replace(link(chain, 0, 10), lanes=lanes, lanes_full=True)
    assert len(msgspec.json.encode(lanes)) > MAX_INLINE_LANE_BYTES
    stored = with_stored_lanes(full, lake.store)
    assert len(msgspec.json.encode(stored)) < 1_000
    change = msgspec.structs.replace(link(chain, 10, 20, "b", 1), lanes={"late/shard": LaneState(1, 8)})
    assert with_stored_lanes(change, lake.store) == change
    log.append(None, [stored], "engine")
    log.append(None, [change], "engine")
    tip = read_tip(log, lake.store, chain)
    assert tip is not None
    assert (tip.position, tip.ordinal, dict(tip.lanes)) == (20, 2, lanes | change.lanes)
    assert dict(tip_before(log, lake.store, change).lanes) == lanes
