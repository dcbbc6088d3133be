"""A river of real flights, told to a log and a lake by the shipped committer: corrupt lines, repeated and late packs,
several shards, several commits. In memory, or in a local AWS."""

from __future__ import annotations

import io
import itertools
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from headrace_batch.committing import Draft, commit, new_attempt, upload
from headrace_batch.place import Place
from headrace_batch.rewriting import standing_files
from headrace_consumers.commit.committer import Committer
from headrace_consumers.commit.segments import Segment
from headrace_consumers.commitlog import keys
from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.commitlog.model import Chain, Commit, CommitKind, Link
from headrace_consumers.commitlog.tip import Tip
from headrace_consumers.lake.objects import EncodedFile, PendingFile
from headrace_consumers.lake.parquet import encoded
from headrace_consumers.lake.s3 import S3Store
from headrace_consumers.pipeline import Pipeline
from headrace_consumers.records import KinesisRecord
from headrace_consumers.settings import BatchSettings
from headrace_consumers.windows.merging import merged
from headrace_local.corruption import is_chosen, spoil
from headrace_local.flights.data import unpack_data
from headrace_local.flights.source import FlightsSource, SourceSettings
from headrace_local.pipelines import flights
from headrace_producers.contracts import contract_of
from headrace_producers.wire.envelope import encode_line
from headrace_producers.wire.lane import Lane, pack_key
from tests.consumers.commitlog.tables import TABLE
from tests.fakes.dynamodb import MemoryDynamo
from tests.fakes.s3 import MemoryS3
from tests.fakes.steps import Steps
from tests.fakes.streams import shard_id

BUCKETS = {"raw": "raw", "processed": "processed", "curated": "curated"}
BORN_MS = 1_700_000_000_000
"""Packs arrive one a second from here on."""
CORRUPT_PERCENT = 1.0
LATE_PERCENT = 5.0
LINES_A_PACK = 25
PACKS_A_COMMIT = 12
_SHARDS = 3
T = TypeVar("T")


@cache
def packs(count: int) -> tuple[bytes, ...]:
    """So many packs of the year's events, some of them spoilt, some held back."""
    with tempfile.TemporaryDirectory() as folder:
        source = FlightsSource(
            unpack_data(Path(folder)), SourceSettings(count * LINES_A_PACK, late_percent=LATE_PERCENT)
        )
        try:
            events = itertools.islice(source.events(), count * LINES_A_PACK)
            lines = [_line(event_id, event) for event_id, event in events]
        finally:
            source.close()
    return tuple(b"".join(batch) for batch in in_batches(lines, LINES_A_PACK))


def in_batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[begin : begin + size] for begin in range(0, len(items), size))


def _line(event_id: str, event: msgspec.Struct) -> bytes:
    contract = contract_of(type(event))
    line = encode_line(event_id, "/flights/nyc", contract.type, getattr(event, contract.event_time), event)
    return spoil(event_id, line.rstrip(b"\n")) + b"\n" if is_chosen(event_id, CORRUPT_PERCENT) else line


@dataclass
class River:
    """One pipeline's log and lake. Every seventh pack comes twice."""

    log: DynamoDbLog
    store: S3Store
    s3: Any
    """A boto3 client, to look at what readers see."""
    stream: Any = None
    aws: Any = None
    pipeline: Pipeline = flights
    buckets: dict[str, str] = field(default_factory=lambda: BUCKETS)
    created_ms: int = BORN_MS
    tips: dict[str, Tip] = field(default_factory=dict)
    arrived: int = 0
    items: dict[tuple[str, str], Any] = field(default_factory=dict)
    """The log's, where it is in memory."""
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def flow(self, bodies: Sequence[bytes]) -> list[Commit]:
        """Commits these packs as they come, PACKS_A_COMMIT in each."""
        return [self.commit(batch) for batch in in_batches(bodies, PACKS_A_COMMIT)]

    def commit_pending(self, bodies: Sequence[bytes]) -> Commit:
        """Dies before its files are completed."""
        whole, self.store = self.store, Unfinished(self.s3, self.buckets)
        try:
            return self.commit(bodies)
        finally:
            self.store = whole

    def commit(self, bodies: Sequence[bytes]) -> Commit:
        records: dict[str, list[KinesisRecord]] = {}
        for body in bodies:
            number = next(self._numbers)
            shard = shard_id(number % _SHARDS)
            for _ in range(2 if number % 7 == 0 else 1):
                records.setdefault(shard, []).append(self._record(shard, number, body))
        return self.commit_records(records)

    def commit_records(self, records: dict[str, list[KinesisRecord]]) -> Commit:
        segments = [Segment(self.chain(shard), self.tip(shard), 0, held) for shard, held in sorted(records.items())]
        outcome = self._committer().commit(segments)
        assert outcome.commit is not None
        self.tips |= outcome.tips
        return outcome.commit

    def _record(self, shard: str, number: int, body: bytes) -> KinesisRecord:
        self.arrived += 1
        key = pack_key(Lane("river", shard), number)
        return KinesisRecord(body, key, str(self.arrived), None, BORN_MS + 1000 * self.arrived)

    def _committer(self) -> Committer:
        return Committer(
            pipeline=self.pipeline, limits=BatchSettings(), log=self.log, store=self.store, stream=self.stream,
            now_ms=lambda: BORN_MS + 1000 * self.arrived, engine_id="engine",
        )  # fmt: skip

    def chain(self, shard: str) -> Chain:
        chain = Chain(self.pipeline.name, 1, self.created_ms, shard)
        self.log.generation(chain.pipeline)
        self.log.register(chain)
        return chain

    def tip(self, shard: str) -> Tip:
        return self.tips.get(shard, Tip())

    def place(self, pipeline: Pipeline | None = None) -> Place:
        return Place(
            pipeline=pipeline or self.pipeline, log=self.log, store=self.store, stream=self.stream, aws=self.aws,
            stream_created_ms=self.created_ms, generation=self.log.generation(self.pipeline.name), owner="batch-1",
        )  # fmt: skip

    # --- readers

    def content(self) -> dict[str, list[Any]]:
        """What readers see, table by table, by position and without the commit's id; windows by what their partials
        come to."""
        tables = [
            *(table.name for table in self.pipeline.tables),
            self.pipeline.dead_letter_table,
            self.pipeline.late_table,
        ]
        found = {name: _sorted(self.rows(name)) for name in tables}
        for window in self.pipeline.windows:
            contract = self.pipeline.table(window.table).contract
            partials = self._read("curated", f"{self.pipeline.partials_table}/{window.folder}/")
            found[window.name] = merged(window, contract, partials).to_pylist()
        return found

    def rows(self, table: str) -> list[dict[str, Any]]:
        return [row for part in self._read("processed", f"{table}/") for row in part.to_pylist()]

    def _read(self, zone: str, prefix: str) -> list[pa.Table]:
        bucket = self.buckets[zone]
        listed = self.s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        keys = [one["Key"] for one in listed]
        return [_read_one(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read(), key) for key in keys]

    def raw_arrivals_ms(self, file: PendingFile) -> list[int]:
        body = self.s3.get_object(Bucket=file.bucket, Key=file.key)["Body"].read()
        times: pa.ChunkedArray = pq.read_table(io.BytesIO(body))["arrival_time"]
        return [time // 1000 for time in times.cast(pa.int64()).to_pylist()]

    def compact(self, table: str) -> None:
        """All files of the table in one, in which each row names the commit that brought it."""
        place, standing = self.place(), self.place().standing()
        attempt_id = new_attempt(place)
        held = [one for one in standing_files(standing) if one.file.table == table]
        bodies = [self.s3.get_object(Bucket=one.file.bucket, Key=one.file.key)["Body"].read() for one in held]
        whole = pa.concat_tables([pq.read_table(io.BytesIO(body)) for body in bodies])
        model = held[0].file
        key = f"{table}/{model.partition}/{attempt_id}-compacted.parquet"
        body = encoded(whole.columns, whole.schema.with_metadata({}))
        file = EncodedFile(table, model.partition, "processed", key, whole.num_rows, body, rewritten=True)
        draft = Draft(
            attempt_id=attempt_id, kind=CommitKind.COMPACTION, files=upload(place, [file], attempt_id),
            replaces=tuple(one.replaced for one in held),
        )  # fmt: skip
        commit(place, draft, standing.position, lambda _: False)

    def lose(self, file: PendingFile) -> None:
        self.s3.delete_object(Bucket=file.bucket, Key=file.key)

    def forget_link(self, link: Link) -> None:
        """It has expired."""
        del self.items[keys.chain_key(link.chain), keys.padded(link.start)]


class Unfinished(S3Store):
    """Uploads, and completes nothing."""

    def complete(self, file: PendingFile, attempt_id: str) -> None:
        """As if it had died."""


def _read_one(body: bytes, key: str) -> pa.Table:
    """With the partition's folder as a column: it is of the content, too."""
    table = pq.read_table(io.BytesIO(body))
    return table.append_column("folder", pa.repeat(pa.scalar(key.split("/")[1]), table.num_rows))


def _sorted(rows: Sequence[dict[str, Any]]) -> list[Any]:
    for row in rows:
        del row["commit_id"]
    return sorted(rows, key=lambda row: (row["shard_id"], int(row["sequence_number"]), row["record_index"]))


def memory_river(pipeline: Pipeline = flights) -> River:
    table = MemoryDynamo()
    dynamo: Any = table.as_seen_by(Steps())
    s3: Any = MemoryS3().as_seen_by(Steps())
    store = S3Store(s3, BUCKETS)
    return River(DynamoDbLog(dynamo, TABLE, store), store, s3, pipeline=pipeline, items=table.items)
