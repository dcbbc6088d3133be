"""KinesisClient and ShardReader over boto3. Region, credentials and AWS_ENDPOINT_URL are boto3's own business."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError, NoRegionError

from headrace_producers.errors import HeadraceError, PutFailedError, TerminalError, TransientError
from headrace_producers.kinesis import Accepted, Answer, OpenShard, PutRecord, Refused
from headrace_producers.reading import Page, Record

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient as BotoClient

NO_RETRIES = Config(
    retries={"total_max_attempts": 1, "mode": "standard"}, connect_timeout=5, read_timeout=10, tcp_keepalive=True
)
"""One attempt a call: a retry that the producer does not know of could come after half of the horizon."""

_READS_ARE_SAFE_TO_RETRY = Config(retries={"total_max_attempts": 8, "mode": "standard"})

FAILURES = (BotoCoreError, ClientError, HTTPClientError)
"""All that a boto3 call raises."""


def connect() -> BotoKinesis:
    """A client as the environment configures it; TerminalError when it names no region."""
    try:
        return BotoKinesis(boto3.session.Session().client("kinesis", config=NO_RETRIES))
    except BotoCoreError as error:
        raise explain("connect to Kinesis", error) from error


class BotoKinesis:
    """Each call is one attempt. Thread-safe, as boto3's clients are."""

    def __init__(self, client: BotoClient) -> None:
        self._client = client

    def put_records(self, stream: str, records: Sequence[PutRecord]) -> Sequence[Answer]:
        entries: list[Any] = [
            {"Data": record.data, "PartitionKey": record.partition_key, "ExplicitHashKey": record.explicit_hash_key}
            for record in records
        ]
        try:
            answer = self._client.put_records(StreamName=stream, Records=entries)
        except FAILURES as error:
            raise PutFailedError(str(explain(f"put into stream {stream}", error))) from error
        return [_answer(entry) for entry in answer["Records"]]

    def list_open_shards(self, stream: str) -> Sequence[OpenShard]:
        request: dict[str, Any] = {"StreamName": stream, "ShardFilter": {"Type": "AT_LATEST"}}
        shards: list[OpenShard] = []
        try:
            while True:
                page = self._client.list_shards(**request)
                shards += [_shard(said) for said in page["Shards"] if _is_open(said)]
                if not page.get("NextToken"):
                    return shards
                request = {"NextToken": page["NextToken"]}
        except FAILURES as error:
            raise explain(f"list the shards of stream {stream}", error) from error


def connect_reader(stream: str) -> BotoShardReader:
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


def explain(what: str, error: Exception) -> HeadraceError:
    """One sentence on what failed and what to do; boto3's own message may quote the request, so it stays out."""
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "unknown")
        if code == "ResourceNotFoundException":
            return TerminalError(f"cannot {what}: it does not exist; check its name, the region and AWS_ENDPOINT_URL")
        return TransientError(f"cannot {what}: Kinesis answered {code}")
    if isinstance(error, NoRegionError):
        return TerminalError(f"cannot {what}: no region is set; set AWS_DEFAULT_REGION")
    if isinstance(error, NoCredentialsError):
        return TerminalError(f"cannot {what}: no AWS credentials were found; configure them as for the AWS CLI")
    return TransientError(
        f"cannot {what}: the endpoint gave no answer ({type(error).__name__}); check AWS_ENDPOINT_URL"
    )


def _answer(entry: Any) -> Answer:
    if code := entry.get("ErrorCode"):
        return Refused(code)
    return Accepted(entry["ShardId"], entry["SequenceNumber"])


def _is_open(said: Any) -> bool:
    return "EndingSequenceNumber" not in said["SequenceNumberRange"]


def _shard(said: Any) -> OpenShard:
    hashes = said["HashKeyRange"]
    return OpenShard(said["ShardId"], int(hashes["StartingHashKey"]), int(hashes["EndingHashKey"]))
