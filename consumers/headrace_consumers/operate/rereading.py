"""Reading a stretch of a shard once more, straight from the stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from headrace_consumers.aws_retry import retried
from headrace_consumers.records import ROOT, KinesisRecord

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

MAX_RECORDS = 10_000
"""Kinesis' own limit for one call; 10 MiB end it earlier."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The records of a shard after `start` up to and including `end`."""

    shard_id: str
    start: int
    end: int
    start_sequence_number: str = ""
    """The stream's own text of `start`, where the log knows it: not every stream takes another one."""
    beginning: str = "TRIM_HORIZON"
    """Where the pipeline began to read, TRIM_HORIZON or an ISO 8601 time; stands for a `start` at the root."""


class RecordReader(Protocol):
    """Reads the stream without a lease: disturbs no worker but for the shard's read quota."""

    def read(self, stretch: Stretch) -> list[KinesisRecord]:
        """What the stream still has of the stretch, in order; may be less than was there once. Blocks."""
        ...


@dataclass(frozen=True, slots=True)
class KinesisReader:
    """RecordReader over boto3's client. Aggregates of the KPL come whole, as one record."""

    client: KinesisClient
    stream: str

    def read(self, stretch: Stretch) -> list[KinesisRecord]:
        return [record for record in self._until(stretch) if stretch.start < record.position <= stretch.end]

    def _until(self, stretch: Stretch) -> Iterator[KinesisRecord]:
        what = f"stream {self.stream}, shard {stretch.shard_id}, read again"
        at = {"StreamName": self.stream, "ShardId": stretch.shard_id, **_position(stretch)}
        iterator: str | None = retried(partial(self.client.get_shard_iterator, **at), what)["ShardIterator"]
        while iterator:
            page = retried(partial(self.client.get_records, ShardIterator=iterator, Limit=MAX_RECORDS), what)
            records = [_record(said) for said in page["Records"]]
            yield from records
            passed = bool(records) and records[-1].position >= stretch.end
            at_the_tip = not records and not page.get("MillisBehindLatest")
            iterator = None if passed or at_the_tip else page.get("NextShardIterator")


def _position(stretch: Stretch) -> dict[str, Any]:
    if stretch.start != ROOT:
        number = stretch.start_sequence_number or str(stretch.start)
        return {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": number}
    if stretch.beginning == "TRIM_HORIZON":
        return {"ShardIteratorType": "TRIM_HORIZON"}
    return {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": datetime.fromisoformat(stretch.beginning)}


def _record(said: Any) -> KinesisRecord:
    return KinesisRecord(
        data=said["Data"],
        partition_key=said["PartitionKey"],
        sequence_number=said["SequenceNumber"],
        approximate_arrival_timestamp=round(said["ApproximateArrivalTimestamp"].timestamp() * 1000),
    )
