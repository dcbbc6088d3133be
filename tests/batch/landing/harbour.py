"""A place in memory, and files that come to it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, cast

import msgspec
import pyarrow.parquet as pq

from headrace_batch.place import Place
from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.lake.inbox import Inbox
from headrace_consumers.lake.s3 import S3Store
from headrace_consumers.landing import LandingSource
from headrace_consumers.pipeline import Grain, LakeTable, Pipeline
from headrace_consumers.windows import Tumbling, count
from headrace_producers.contracts import column, contract
from tests.consumers.commitlog.tables import TABLE
from tests.fakes.dynamodb import MemoryDynamo
from tests.fakes.s3 import MemoryS3
from tests.fakes.steps import Steps

BUCKETS = {"raw": "raw", "processed": "processed", "curated": "curated"}
CAME = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


@contract(name="crate.weighed", version=1, partition_key="depot", event_time="weighed_at")
class CrateWeighed(msgspec.Struct, frozen=True, kw_only=True):
    """A crate lay on a scale: one column of each type."""

    weighed_at: datetime
    depot: Annotated[str, column("Depot", min_length=1, max_length=12)]
    grams: Annotated[int, column("Weight", ge=0, le=90_000)] | None = None
    volume: Annotated[float, column("Volume", ge=0)] | None = None
    fee: Annotated[Decimal, column("Fee", precision=9, scale=2)] | None = None
    is_fragile: bool | None = None
    due: date | None = None
    kind: Literal["box", "roll"] | None = None


CRATES = LakeTable("crates", CrateWeighed, Grain.DAY, sort_by=("depot",))


@contract(name="depot.listed", version=1, partition_key="depot", event_time="as_of")
class DepotListed(msgspec.Struct, frozen=True, kw_only=True):
    """A list of depots names one."""

    as_of: datetime
    depot: Annotated[str, column("Depot", min_length=1, max_length=12)]
    town: Annotated[str, column("Town")] | None = None


DEPOTS = LandingSource(name="depots", table=LakeTable("depots", DepotListed, Grain.MONTH), as_of="as_of")


def crates(*sources: LandingSource) -> Pipeline:
    return Pipeline(
        name="crates_pipeline",
        stream="crates",
        tables=(CRATES,),
        windows=(Tumbling("weighed", table="crates", size_s=3600, by=("depot",), aggregates={"n": count()}),),
        landings=(DEPOTS, *sources),
    )


def source(**more: Any) -> LandingSource:
    return LandingSource(name="scales", table=CRATES, **more)


@dataclass(frozen=True)
class Sent:
    """A file in memory."""

    body: bytes
    name: str = "crates.csv"
    time: datetime = CAME

    @property
    def size_bytes(self) -> int:
        return len(self.body)

    def read(self) -> bytes:
        return self.body


@dataclass
class Harbour:
    """All that outlives a process that lands files."""

    pipeline: Pipeline
    dynamo: MemoryDynamo = field(default_factory=MemoryDynamo)
    s3: MemoryS3 = field(default_factory=MemoryS3)

    def place(self, steps: Steps | None = None) -> Place:
        """As one process sees it."""
        steps = steps or Steps()
        seen: Any = self.s3.as_seen_by(steps)
        store = S3Store(seen, BUCKETS)
        client: Any = self.dynamo.as_seen_by(steps)
        log = DynamoDbLog(client, TABLE, store)
        return Place(
            pipeline=self.pipeline,
            log=log,
            store=store,
            stream=cast("Any", None),
            aws=cast("Any", None),
            stream_created_ms=0,
            generation=log.generation(self.pipeline.name),
            owner="land@test-1",
        )

    def inbox(self, steps: Steps | None = None) -> Inbox:
        seen: Any = self.s3.as_seen_by(steps or Steps())
        return Inbox(seen)

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        return sorted(key for one, key in self.s3.objects if one == bucket and key.startswith(prefix))

    def rows(self, table: str, bucket: str = "processed") -> list[dict[str, Any]]:
        """What a reader of the lake sees."""
        found = [
            row
            for key in self.keys(bucket, f"{table}/")
            for row in pq.read_table(io.BytesIO(self.s3.objects[bucket, key].body), partitioning=None).to_pylist()
        ]
        return sorted(found, key=lambda row: (row["sequence_number"], row["record_index"]))

    def letters(self) -> list[dict[str, Any]]:
        return self.rows(self.pipeline.dead_letter_table)


def csv_of(header: str, rows: Sequence[str]) -> bytes:
    return "\n".join([header, *rows, ""]).encode()
