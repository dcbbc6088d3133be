"""The boto3 adapter, against botocore's own stub."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.exceptions import NoCredentialsError, NoRegionError, ReadTimeoutError
from botocore.stub import Stubber

from headrace_producers.boto import NO_RETRIES, BotoKinesis, BotoShardReader, connect, explain
from headrace_producers.errors import PutFailedError, TerminalError, TransientError
from headrace_producers.kinesis import Accepted, OpenShard, PutRecord, Refused

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[KinesisClient]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    made = boto3.session.Session().client("kinesis", region_name="us-east-1", config=NO_RETRIES)
    yield made
    made.close()


@pytest.fixture
def stub(client: KinesisClient) -> Iterator[Stubber]:
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def shard(number: int, *, is_open: bool = True) -> dict[str, object]:
    sequence = {"StartingSequenceNumber": "1"} | ({} if is_open else {"EndingSequenceNumber": "2"})
    return {
        "ShardId": f"shardId-{number:012d}",
        "HashKeyRange": {"StartingHashKey": str(number * 10), "EndingHashKey": str(number * 10 + 9)},
        "SequenceNumberRange": sequence,
    }


def test_records_go_out_as_they_are_and_answers_come_back_in_order(client: KinesisClient, stub: Stubber) -> None:
    """Accepted with shard and sequence number, or refused with a code."""
    answer = {
        "FailedRecordCount": 1,
        "Records": [
            {"ShardId": "shardId-000000000000", "SequenceNumber": "17"},
            {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "slow down"},
        ],
    }
    expected = {
        "StreamName": "s",
        "Records": [
            {"Data": b"one\n", "PartitionKey": "k1", "ExplicitHashKey": "5"},
            {"Data": b"two\n", "PartitionKey": "k2", "ExplicitHashKey": "6"},
        ],
    }
    stub.add_response("put_records", answer, expected)
    records = [PutRecord("k1", "5", b"one\n"), PutRecord("k2", "6", b"two\n")]
    assert BotoKinesis(client).put_records("s", records) == [
        Accepted("shardId-000000000000", "17"),
        Refused("ProvisionedThroughputExceededException"),
    ]


def test_open_shards_are_listed_over_all_pages(client: KinesisClient, stub: Stubber) -> None:
    """Closed ones are left out."""
    first = {"StreamName": "s", "ShardFilter": {"Type": "AT_LATEST"}}
    stub.add_response("list_shards", {"Shards": [shard(0), shard(1, is_open=False)], "NextToken": "n"}, first)
    stub.add_response("list_shards", {"Shards": [shard(2)]}, {"NextToken": "n"})
    assert BotoKinesis(client).list_open_shards("s") == [
        OpenShard("shardId-000000000000", 0, 9),
        OpenShard("shardId-000000000002", 20, 29),
    ]


def test_failures_carry_no_words_of_the_service(client: KinesisClient, stub: Stubber) -> None:
    """Its message may quote the request: only the code is told."""
    stub.add_client_error("put_records", "InternalFailure", "payload: secret")
    with pytest.raises(PutFailedError, match="InternalFailure") as caught:
        BotoKinesis(client).put_records("s", [PutRecord("k", "1", b"x")])
    assert "secret" not in str(caught.value)
    stub.add_client_error("list_shards", "ResourceNotFoundException")
    with pytest.raises(TerminalError, match="it does not exist"):
        BotoKinesis(client).list_open_shards("s")


def test_each_call_is_one_attempt(monkeypatch: pytest.MonkeyPatch, client: KinesisClient) -> None:
    """A retry by the SDK could send a pack after half of the horizon, unseen by the producer."""
    del client
    seen: list[str] = []

    class Failing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(self.headers["X-Amz-Target"])
            self.send_error(500)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
            del format, args

    with HTTPServer(("127.0.0.1", 0), Failing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        with pytest.raises(PutFailedError):
            connect().put_records("s", [PutRecord("k", "1", b"x")])
        server.shutdown()
    assert seen == ["Kinesis_20131202.PutRecords"]


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (NoRegionError(), TerminalError, "AWS_DEFAULT_REGION"),
        (NoCredentialsError(), TerminalError, "no AWS credentials"),
        (ReadTimeoutError(endpoint_url="http://x"), TransientError, "ReadTimeoutError"),
    ],
)
def test_what_an_operator_must_mend_is_terminal(error: Exception, kind: type[Exception], says: str) -> None:
    """Each with its advice."""
    told = explain("put", error)
    assert type(told) is kind
    assert says in str(told)


def test_the_reader_reads_pages(client: KinesisClient, stub: Stubber) -> None:
    """Shards closed and open, places, records."""
    reader = BotoShardReader(client, "s")
    stub.add_response("list_shards", {"Shards": [shard(0, is_open=False)], "NextToken": "n"}, {"StreamName": "s"})
    stub.add_response("list_shards", {"Shards": [shard(1)]}, {"NextToken": "n"})
    assert reader.shard_ids() == ["shardId-000000000000", "shardId-000000000001"]
    place = {"StreamName": "s", "ShardId": "shardId-000000000001", "ShardIteratorType": "LATEST"}
    stub.add_response("get_shard_iterator", {"ShardIterator": "here"}, place)
    assert reader.iterator("shardId-000000000001", from_start=False) == "here"
    record = {"SequenceNumber": "7", "PartitionKey": "k", "Data": b"x"}
    stub.add_response("get_records", {"Records": [record]}, {"ShardIterator": "here", "Limit": 1000})
    page = reader.read("shardId-000000000001", "here")
    assert (page.records[0].data, page.next_iterator) == (b"x", None)
    stub.add_client_error("get_records", "ProvisionedThroughputExceededException")
    with pytest.raises(TransientError):
        reader.read("shardId-000000000001", "here")
