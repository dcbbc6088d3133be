"""The three commands from the command line, against a local AWS: log and lake are the real protocols."""

from __future__ import annotations

import functools
import io
import itertools
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import botocore.session
import msgspec
import pyarrow.parquet as pq
import pytest

from headrace_batch.cli import execute
from headrace_consumers.commit.committer import Committer
from headrace_consumers.commit.segments import Segment
from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.commitlog.model import Chain
from headrace_consumers.commitlog.tip import Tip, read_tip
from headrace_consumers.kinesis import KinesisStream
from headrace_consumers.lake.objects import EncodedFile
from headrace_consumers.lake.s3 import S3Store
from headrace_consumers.operate.rereading import KinesisReader, Stretch
from headrace_consumers.settings import BatchSettings
from tests.batch.upkeep.yard import VISITS, paid
from tests.consumers.commitlog.tables import TABLE, make_table
from tests.consumers.runtime_process.aws import client, environment, local_aws

PIPELINE = "tests.batch.upkeep.yard:VISITS"
BUCKETS = {"raw": "headrace-raw", "processed": "headrace-processed", "curated": "headrace-curated"}
SHARD = "shardId-000000000000"
LOADED_ONCE = functools.cache(botocore.session.create_loader)
DAY_MS = 86_400_000


@dataclass(frozen=True)
class Stack:
    """The local AWS with stream, log and buckets."""

    endpoint: str
    kinesis: Any
    dynamodb: Any
    s3: Any
    numbers: Iterator[int]

    @property
    def store(self) -> S3Store:
        return S3Store(self.s3, BUCKETS)

    def commit(self, *guests: str) -> str:
        """What a worker does with a visit of each guest; the commit's id."""
        stream, now_ms = KinesisStream(self.kinesis, "visits"), time.time_ns() // 1_000_000
        log = DynamoDbLog(self.dynamodb, TABLE, self.store)
        log.generation("visits")
        chain = Chain("visits", 1, stream.identity().created_ms, SHARD)
        log.register(chain)
        data = b"".join(paid(f"event-{next(self.numbers)}", guest, now_ms) for guest in guests)
        self.kinesis.put_record(StreamName="visits", Data=data, PartitionKey="bar")
        tip = read_tip(log, self.store, chain) or Tip()
        records = KinesisReader(self.kinesis, "visits").read(Stretch(SHARD, tip.position, 10**60, tip.sequence_number))
        committer = Committer(
            pipeline=VISITS, limits=BatchSettings(), log=log, store=self.store, stream=stream, now_ms=lambda: now_ms,
            engine_id="engine",
        )  # fmt: skip
        done = committer.commit([Segment(chain, tip, 0, records)]).commit
        assert done is not None
        return done.attempt_id

    def guests(self) -> list[str]:
        found = self.s3.list_objects_v2(Bucket=BUCKETS["processed"], Prefix="visits_paid/").get("Contents", [])
        bodies = (self.s3.get_object(Bucket=BUCKETS["processed"], Key=one["Key"])["Body"].read() for one in found)
        return sorted(guest for body in bodies for guest in pq.read_table(io.BytesIO(body))["guest"].to_pylist())


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with local_aws(tmp_path_factory.mktemp("aws") / "aws.log") as endpoint:
        kinesis, dynamodb, s3 = (client(service, endpoint) for service in ("kinesis", "dynamodb", "s3"))
        made = Stack(endpoint, kinesis, dynamodb, s3, itertools.count())
        made.kinesis.create_stream(StreamName="visits", ShardCount=1)
        made.kinesis.get_waiter("stream_exists").wait(StreamName="visits", WaiterConfig={"Delay": 0.1})
        make_table(made.dynamodb)
        for bucket in BUCKETS.values():
            made.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        yield made
        for one in (kinesis, dynamodb, s3):
            one.close()


@pytest.fixture(autouse=True)
def env(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(botocore.session, "create_loader", LOADED_ONCE)
    for name, value in environment(stack.endpoint).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HEADRACE_LOG_TABLE", TABLE)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    code = execute(list(arguments))
    said = capsys.readouterr()
    return code, said.out, said.err


def test_compact(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    """Rehearsed, done, and nothing left to do; the rows are the same."""
    for name in ("cal", "dee", "eli"):
        stack.commit(name)
    before = stack.guests()
    arguments = ["compact", PIPELINE, "--table", "visits_paid", "--older-than", "0s"]
    code, _, err = run(capsys, *arguments)
    assert (code, err.count("\n"), "say --no-loader where there is none" in err) == (2, 1, True)
    arguments.append("--no-loader")
    fresh = run(capsys, "compact", PIPELINE, "--table", "visits_paid", "--no-loader", "--json")
    assert (fresh[0], fresh[1], "that is not older than --older-than" in fresh[2]) == (0, "", True)
    assert "would become one" in run(capsys, *arguments, "--dry-run")[1]
    code, out, _ = run(capsys, *arguments, "--json")
    assert (code, msgspec.json.decode(out)["rows"]) == (0, len(before))
    assert "1 files with none beside them that they fit together with" in run(capsys, *arguments)[1]
    assert stack.guests() == before
    assert run(capsys, "compact", PIPELINE, "--table", "nothing")[0] == 2
    assert "'12 parsecs' is no duration" in run(capsys, "compact", PIPELINE, "--older-than", "12 parsecs")[2]


def test_forget(stack: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The value comes by standard input, and is told nowhere."""
    stack.commit("ann", "bob")
    arguments = ["forget", PIPELINE, "--table", "visits_paid", "--reason", "asked", "--no-loader"]
    assert "would leave" in run(capsys, *arguments, "--key", "guest=ann", "--dry-run")[1]
    assert "ann" in stack.guests()
    monkeypatch.setattr(sys, "stdin", io.StringIO("ann\n"))
    code, out, err = run(capsys, *arguments, "--key", "guest", "--key-from-stdin", "--json")
    said = msgspec.json.decode(out)
    assert (code, "ann" in out + err) == (0, False)
    assert {one["table"]: one["rows"] for one in said["tables"]} == {"visits_paid": 1, "visits_partials": 1}
    assert any("until the raw zone's retention ends" in one for one in said["stays"])
    assert "ann" not in stack.guests()
    code, _, err = run(capsys, *arguments, "--key", "till=bar")
    assert (code, "marked are: guest" in err) == (2, True)
    assert "--key must be COLUMN=VALUE" in run(capsys, *arguments, "--key", "guest")[2]


def test_expire(stack: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty days later: an upload that never became a commit goes, a file that no commit names is told first."""
    stack.commit("fay")
    before = stack.guests()
    attempt_id = f"{time.time_ns() // 1_000_000:012x}{'ab' * 8}"
    for name in ("x", "y"):
        key = f"visits_paid/event_date=2026-01-01/{attempt_id}-{name}.parquet"
        pending = stack.store.upload_pending(EncodedFile("visits_paid", "", "processed", key, 1, b"x"), attempt_id)
    stack.store.complete(pending, attempt_id)
    now_ns = time.time_ns() + 40 * DAY_MS * 1_000_000
    monkeypatch.setattr("headrace_batch.place.time", SimpleNamespace(time_ns=lambda: now_ns))
    arguments = ["expire", PIPELINE, "--no-loader"]
    assert run(capsys, *arguments, "--dry-run")[1].endswith("1 upload, 1 orphan only told\n")
    code, out, _ = run(capsys, *arguments, "--orphans", "--json")
    kinds = [msgspec.json.decode(line)["kind"] for line in out.splitlines()]
    assert (code, kinds) == (0, ["upload", "orphan"])
    assert run(capsys, *arguments)[1] == "nothing to expire\n"
    assert stack.guests() == before
    assert "30 at least" in run(capsys, *arguments, "--links-days", "7")[2]
