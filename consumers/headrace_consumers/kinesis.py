"""StreamView over boto3's Kinesis client."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from headrace_consumers.aws_retry import retried
from headrace_consumers.shards import Shard, StreamIdentity

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient


class KinesisStream:
    """One stream, by name."""

    def __init__(self, client: KinesisClient, name: str) -> None:
        self._client = client
        self._name = name

    def identity(self) -> StreamIdentity:
        answer = retried(
            lambda: self._client.describe_stream_summary(StreamName=self._name), f"stream {self._name}, describe"
        )
        summary = answer["StreamDescriptionSummary"]
        created_ms = int(summary["StreamCreationTimestamp"].timestamp() * 1000)
        return StreamIdentity(self._name, created_ms, summary["RetentionPeriodHours"])

    def shards(self) -> Mapping[str, Shard]:
        request: dict[str, Any] = {"StreamName": self._name}
        found: dict[str, Shard] = {}
        while True:
            page = retried(partial(self._client.list_shards, **request), f"stream {self._name}, list shards")
            found |= {shard["ShardId"]: _shard(shard) for shard in page["Shards"]}
            if not page.get("NextToken"):
                return found
            request = {"NextToken": page["NextToken"]}


def _shard(said: Mapping[str, Any]) -> Shard:
    hashes = said["HashKeyRange"]
    parents = (said.get("ParentShardId"), said.get("AdjacentParentShardId"))
    return Shard(
        shard_id=said["ShardId"],
        first_hash=int(hashes["StartingHashKey"]),
        last_hash=int(hashes["EndingHashKey"]),
        parents=tuple(parent for parent in parents if parent),
        closed="EndingSequenceNumber" in said["SequenceNumberRange"],
    )
