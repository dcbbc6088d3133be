"""A local AWS with a stream in it, and `headrace-consumers windows` as processes on it."""

from __future__ import annotations

import io
import itertools
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq

from headrace_consumers.commit.committer import Committer
from headrace_consumers.commit.segments import Segment
from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.commitlog.following import Lineage
from headrace_consumers.commitlog.tip import Tip, read_tip
from headrace_consumers.kinesis import KinesisStream
from headrace_consumers.lake.s3 import S3Store
from headrace_consumers.operate.rereading import KinesisReader, Stretch
from headrace_consumers.pipeline import Pipeline
from headrace_consumers.settings import BatchSettings, LakeSettings
from tests.consumers.commitlog.tables import TABLE, make_table
from tests.consumers.runtime_process.aws import client, environment, local_aws, tails
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
    pipeline: Pipeline

    @property
    def store(self) -> S3Store:
        return S3Store(self.s3, BUCKETS, tails(self.endpoint))

    @property
    def log(self) -> DynamoDbLog:
        return DynamoDbLog(self.dynamodb, TABLE, self.store)

    @property
    def lineage(self) -> Lineage:
        created_ms = KinesisStream(self.kinesis, "tides").identity().created_ms
        return Lineage("tides", self.log.generation("tides"), created_ms)

    def measure(self, *times: datetime) -> None:
        """Readings at these times, in the stream and committed."""
        self.put(*map(event, times))

    def put(self, *payloads: bytes) -> None:
        """A record of each, in the stream and committed."""
        records = [{"Data": payload, "PartitionKey": "Dover", "ExplicitHashKey": "0"} for payload in payloads]
        self.kinesis.put_records(StreamName="tides", Records=records)
        log, store, chain = self.log, self.store, self.lineage.chain(SHARD)
        log.register(chain)
        log.start_position("tides", "TRIM_HORIZON")
        tip = read_tip(log, store, chain) or Tip()
        found = KinesisReader(self.kinesis, "tides").read(Stretch(SHARD, tip.position, 10**60, tip.sequence_number))
        committer = Committer(
            pipeline=self.pipeline, limits=BatchSettings(), log=log, store=store,
            stream=KinesisStream(self.kinesis, "tides"), now_ms=lambda: time.time_ns() // 1_000_000, engine_id="engine",
        )  # fmt: skip
        assert committer.commit([Segment(chain, tip, 0, found)]).commit is not None

    def rows(self, window: str) -> list[dict[str, Any]]:
        """What a reader of the curated zone sees of a window."""
        bodies = [
            self.s3.get_object(Bucket=bucket, Key=key)["Body"].read() for bucket, key in self.curated(f"{window}/")
        ]
        return [row for body in bodies for row in pq.read_table(io.BytesIO(body)).to_pylist()]

    def curated(self, prefix: str) -> set[tuple[str, str]]:
        """Bucket and key of all objects of the curated zone that begin so."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKETS["curated"], Prefix=prefix)
        return {(BUCKETS["curated"], one["Key"]) for page in pages for one in page.get("Contents", [])}


def event(at: datetime) -> bytes:
    text = at.isoformat()
    return msgspec.json.encode({
        "specversion": "1.0", "id": f"event-{next(_numbers)}", "source": "/test", "type": "tide.measured.v1",
        "time": text, "data": {"station": "Dover", "measured_at": text, "level_mm": 1},
    }) + b"\n"  # fmt: skip


@contextmanager
def local_stack(folder: Path, pipeline: Pipeline = windowed) -> Iterator[Stack]:
    """An empty one, while it lives."""
    with local_aws(folder / "aws.log") as endpoint:
        kinesis, dynamodb, s3 = (client(service, endpoint) for service in ("kinesis", "dynamodb", "s3"))
        made = Stack(endpoint, kinesis, dynamodb, s3, pipeline)
        made.kinesis.create_stream(StreamName="tides", ShardCount=1)
        made.kinesis.get_waiter("stream_exists").wait(StreamName="tides", WaiterConfig={"Delay": 0.1})
        make_table(made.dynamodb)
        for bucket in BUCKETS.values():
            made.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        yield made
        for one in (kinesis, dynamodb, s3):
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


def service_environment(endpoint: str) -> dict[str, str]:
    return environment(endpoint) | {"HEADRACE_POLL_INTERVAL_S": "0.1", "HEADRACE_LOG_TABLE": TABLE}


@contextmanager
def running(endpoint: str, log: Path, pipeline: str = PIPELINE) -> Iterator[Process]:
    """The service, until it is killed at the end."""
    program = "from headrace_consumers.cli import main; main()"
    with log.open("wb") as output:
        command = [sys.executable, "-c", program, "windows", pipeline]
        process = subprocess.Popen(command, cwd=ROOT, env=service_environment(endpoint), stdout=output, stderr=output)
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
