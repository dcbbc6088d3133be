"""ShardReader over boto3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from headrace_producers.boto import FAILURES, explain
from headrace_producers.reading import Page, Record

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient as BotoClient

_READS_ARE_SAFE_TO_RETRY = Config(retries={"total_max_attempts": 8, "mode": "standard"})


def connect(stream: str) -> BotoShardReader:
    """A reader as the environment configures it."""
    try:
        return BotoShardReader(boto3.session.Session().client("kinesis", config=_READS_ARE_SAFE_TO_RETRY), stream)
    except BotoCoreError as error:
        raise explain("connect to Kinesis", error) from error


class BotoShardReader:
    def __init__(self, client: BotoClient, stream: str) -> None:
        self._client = client
        self._stream = stream

    def shard_ids(self) -> Sequence[str]:
        request: dict[str, Any] = {"StreamName": self._stream}
        found: list[str] = []
        try:
            while True:
                page = self._client.list_shards(**request)
                found += [shard["ShardId"] for shard in page["Shards"]]
                if not page.get("NextToken"):
                    return found
                request = {"NextToken": page["NextToken"]}
        except FAILURES as error:
            raise explain(f"list the shards of stream {self._stream}", error) from error

    def iterator(self, shard_id: str, *, from_start: bool) -> str:
        try:
            answer = self._client.get_shard_iterator(
                StreamName=self._stream,
                ShardId=shard_id,
                ShardIteratorType="TRIM_HORIZON" if from_start else "LATEST",
            )
        except FAILURES as error:
            raise explain(f"read shard {shard_id} of stream {self._stream}", error) from error
        return answer["ShardIterator"]

    def read(self, shard_id: str, iterator: str) -> Page:
        try:
            answer = self._client.get_records(ShardIterator=iterator, Limit=1000)
        except FAILURES as error:
            raise explain(f"read shard {shard_id} of stream {self._stream}", error) from error
        records = [
            Record(shard_id, said["SequenceNumber"], said["PartitionKey"], said["Data"]) for said in answer["Records"]
        ]
        return Page(records, answer.get("NextShardIterator"))
