"""`headrace-consumers windows` as processes, against a local AWS: started twice, asked, ended."""

from __future__ import annotations

import io
import itertools
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest

from headrace_consumers.cli import execute
from headrace_consumers.commit.committer import Committer
from headrace_consumers.commit.segments import Segment
from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.commitlog.model import Chain
from headrace_consumers.commitlog.tip import Tip, read_tip
from headrace_consumers.kinesis import KinesisStream
from headrace_consumers.lake.s3 import S3Store
from headrace_consumers.operate.rereading import KinesisReader, Stretch
from headrace_consumers.settings import BatchSettings, LakeSettings
from tests.consumers.commitlog.tables import TABLE, make_table
from tests.consumers.runtime_process.aws import client, environment, local_aws
from tests.consumers.windows_service.windowed import windowed

ROOT = Path(__file__).parents[3]
PIPELINE = "tests.consumers.windows_service.windowed:windowed"
BUCKETS = LakeSettings().buckets
SHARD = "shardId-000000000000"
PATIENCE_S = 60.0
_numbers = itertools.count()


@dataclass(frozen=True)
class Stack:
    """A local AWS with a stream of one shard; `measure` is what producers and a worker would do."""

    endpoint: str
    kinesis: Any
    dynamodb: Any
    s3: Any

    def measure(self, *times: datetime) -> None:
        """Readings at these times, in the stream and committed."""
        records = [{"Data": _event(at), "PartitionKey": "Dover", "ExplicitHashKey": "0"} for at in times]
        self.kinesis.put_records(StreamName="tides", Records=records)
        store = S3Store(self.s3, BUCKETS)
        log = DynamoDbLog(self.dynamodb, TABLE, store)
        stream = KinesisStream(self.kinesis, "tides")
        chain = Chain("tides", log.generation("tides"), stream.identity().created_ms, SHARD)
        log.register(chain)
        log.start_position("tides", "TRIM_HORIZON")
        tip = read_tip(log, store, chain) or Tip()
        found = KinesisReader(self.kinesis, "tides").read(Stretch(SHARD, tip.position, 10**60, tip.sequence_number))
        committer = Committer(
            pipeline=windowed, limits=BatchSettings(), log=log, store=store, stream=stream,
            now_ms=lambda: time.time_ns() // 1_000_000, engine_id="engine",
        )  # fmt: skip
        assert committer.commit([Segment(chain, tip, 0, found)]).commit is not None

    def hours(self) -> list[dict[str, Any]]:
        """The rows of the hourly windows that a reader sees."""
        listed = self.s3.list_objects_v2(Bucket=BUCKETS["curated"], Prefix="hours/").get("Contents", [])
        bodies = [self.s3.get_object(Bucket=BUCKETS["curated"], Key=one["Key"])["Body"].read() for one in listed]
        return [row for body in bodies for row in pq.read_table(io.BytesIO(body)).to_pylist()]


def _event(at: datetime) -> bytes:
    text = at.isoformat()
    return msgspec.json.encode({
        "specversion": "1.0", "id": f"event-{next(_numbers)}", "source": "/test", "type": "tide.measured.v1",
        "time": text, "data": {"station": "Dover", "measured_at": text, "level_mm": 1},
    }) + b"\n"  # fmt: skip


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with local_aws(tmp_path_factory.mktemp("aws") / "aws.log") as endpoint:
        made = Stack(endpoint, client("kinesis", endpoint), client("dynamodb", endpoint), client("s3", endpoint))
        made.kinesis.create_stream(StreamName="tides", ShardCount=1)
        made.kinesis.get_waiter("stream_exists").wait(StreamName="tides", WaiterConfig={"Delay": 0.1})
        make_table(made.dynamodb)
        for bucket in BUCKETS.values():
            made.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        yield made
        for one in (made.kinesis, made.dynamodb, made.s3):
            one.close()


@dataclass(frozen=True)
class Process:
    """One windows service."""

    process: subprocess.Popen[bytes]
    log: Path

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.endswith("}")]

    def get(self, path: str) -> str:
        """From its own server; the first log line tells the port."""
        eventually(lambda: bool(self.lines()), "a log line")
        port = self.lines()[0]["metrics_port"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    def metric(self, name: str) -> float:
        [line] = [line for line in self.get("/metrics").splitlines() if line.startswith(f"{name} ")]
        return float(line.split()[1])


@contextmanager
def running(stack: Stack, folder: Path, name: str) -> Iterator[Process]:
    log = folder / f"{name}.log"
    program = "from headrace_consumers.cli import main; main()"
    env = environment(stack.endpoint) | {"HEADRACE_POLL_INTERVAL_S": "0.1", "HEADRACE_LOG_TABLE": TABLE}
    with log.open("wb") as output:
        command = [sys.executable, "-c", program, "windows", PIPELINE]
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=output, stderr=output)
        try:
            yield Process(process, log)
        finally:
            process.kill()
            process.wait(20)


def eventually(holds: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline_s, f"{what} did not come"
        time.sleep(0.1)


def test_two_services_at_once_put_every_window_out_once(stack: Stack, tmp_path: Path) -> None:
    """Whichever is faster; both tell how they are, and SIGTERM ends each with 0 after its step."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    old = now - timedelta(hours=5)
    with ExitStack() as stack_of_processes:
        services = [stack_of_processes.enter_context(running(stack, tmp_path, name)) for name in ("one", "two")]
        stack.measure(old, now)
        eventually(lambda: bool(stack.hours()), "the first window")
        stack.measure(old + timedelta(minutes=1))
        eventually(lambda: len(stack.hours()) > 1, "its revision")
        eventually(lambda: all(one.metric("headrace_low_watermark_seconds") > 0 for one in services), "both")
        assert all(json.loads(one.get("/healthz"))["state"] == "healthy" for one in services)
        assert sum(one.metric("headrace_windows_emitted_total") for one in services) == 1 + 3 + 1
        assert sum(one.metric("headrace_windows_revised_total") for one in services) == 1 + 3 + 1
        for one in services:
            one.process.terminate()
        assert [one.process.wait(PATIENCE_S) for one in services] == [0, 0]
    rows = sorted((row["revision"], row["window_start"], row["events"]) for row in stack.hours())
    assert rows == [(1, old, 1), (2, old, 2)]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["tests.consumers.windows_service.windowed:bare"], "declares no windows"),
        ([PIPELINE, "--stream", "nowhere"], "stream nowhere is not in this account"),
        ([PIPELINE, "--curated-bucket", "nowhere"], "bucket nowhere is not in this account"),
        ([PIPELINE, "--metrics-host", "192.0.2.1"], "metrics cannot be served on 192.0.2.1"),
    ],
)
def test_what_is_wrong_at_the_start_is_one_sentence(
    stack: Stack,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    sentence: str,
) -> None:
    """Before anything is served or written."""
    for name, value in (environment(stack.endpoint) | {"HEADRACE_LOG_TABLE": TABLE}).items():
        monkeypatch.setenv(name, value)
    assert execute(["windows", *arguments]) != 0
    said = capsys.readouterr().err
    assert (sentence in said, said.count("\n")) == (True, 1)
