"""An in-memory Kinesis at the level of boto3's client: reading only, over records that a test put there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from headrace_consumers.records import KinesisRecord
from tests.fakes.steps import client_error

PAGE = 3
"""Few records a page, so that every reader has to turn pages."""


class MemoryKinesis:
    """Reads `records` (shard id to records in order); those up to `trimmed` have expired."""

    def __init__(self, records: Mapping[str, list[KinesisRecord]]) -> None:
        self._records = records
        self.trimmed = 0

    def get_shard_iterator(self, *, ShardId: str, ShardIteratorType: str, **at: Any) -> dict[str, Any]:  # noqa: N803 - boto3's names
        if ShardId not in self._records:
            raise client_error("ResourceNotFoundException", "GetShardIterator")
        match ShardIteratorType:
            case "AFTER_SEQUENCE_NUMBER":
                position = int(at["StartingSequenceNumber"])
            case "AT_TIMESTAMP":
                position = self._before(ShardId, at["Timestamp"])
            case _:
                position = 0
        return {"ShardIterator": f"{ShardId}/{position}"}

    def get_records(self, *, ShardIterator: str, Limit: int) -> dict[str, Any]:  # noqa: N803
        shard_id, position = ShardIterator.split("/")
        floor = max(int(position), self.trimmed)
        left = [record for record in self._records[shard_id] if record.position > floor]
        page, rest = left[: min(Limit, PAGE)], left[min(Limit, PAGE) :]
        after = page[-1].position if page else floor
        return {
            "Records": [_said(record) for record in page],
            "NextShardIterator": f"{shard_id}/{after}",
            "MillisBehindLatest": 1000 * len(rest),
        }

    def _before(self, shard_id: str, at: datetime) -> int:
        early = [r.position for r in self._records[shard_id] if r.approximate_arrival_timestamp < at.timestamp() * 1000]
        return max(early, default=0)


def _said(record: KinesisRecord) -> dict[str, Any]:
    return {
        "Data": record.data,
        "PartitionKey": record.partition_key,
        "SequenceNumber": record.sequence_number,
        "ApproximateArrivalTimestamp": datetime.fromtimestamp(record.approximate_arrival_timestamp / 1000, UTC),
    }
