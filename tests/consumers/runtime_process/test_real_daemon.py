"""The real MultiLangDaemon, relays and handoff, against a local AWS."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from headrace_consumers.runtime.daemon import (
    SOCKET_VARIABLE,
    DaemonJob,
    daemon_command,
    daemon_properties,
    endpoints_of,
    run_directory,
    write_launcher,
)
from headrace_consumers.runtime.handoff import HandoffListener, ShardPipes
from headrace_consumers.runtime.java import find_jars, find_java
from headrace_consumers.runtime.multilang import (
    CheckpointReply,
    Initialize,
    LeaseLost,
    LineBuffer,
    Message,
    ProcessRecords,
    ShardEnded,
    ShutdownRequested,
    decode_message,
    encode_checkpoint,
    encode_status,
)
from headrace_consumers.settings import KclSettings
from tests.consumers.runtime_process.aws import REGION, client, environment, local_aws

STREAM = "rivers"
APPLICATION = "headrace-test-g1-1"
RECORDS = 400
TABLES = (APPLICATION, f"{APPLICATION}-CoordinatorState", f"{APPLICATION}-WorkerMetricStats")
KCL = KclSettings(
    failover_time_ms=3_000, idle_between_reads_ms=250, shard_sync_interval_ms=1_000, cbor=False, max_records=100,
    protect_lease_tables=True,
)  # fmt: skip


@dataclass
class Shard:
    pipes: ShardPipes
    lines: LineBuffer = field(default_factory=LineBuffer)
    shard_id: str = ""
    last: str | None = None
    checkpointed: str | None = None
    received: list[bytes] = field(default_factory=list)

    def answer(self, message: Message) -> None:
        match message:
            case Initialize():
                self.shard_id = message.shard_id
                self._say(encode_status("initialize"))
            case ProcessRecords():
                self.received += [record.data for record in message.records]
                self.last = message.records[-1].sequence_number if message.records else self.last
                due = self.last is not None and self.last != self.checkpointed
                self._say(encode_checkpoint(self.last) if due else encode_status("processRecords"))
            case CheckpointReply():
                assert message.error is None
                self.checkpointed = message.sequence_number
                self._say(encode_status("processRecords"))
            case LeaseLost():
                self._say(encode_status("leaseLost"))
            case ShardEnded() | ShutdownRequested():
                self._say(encode_status("shutdownRequested"))

    def _say(self, line: bytes) -> None:
        os.write(self.pipes.write_fd, line)


class Loop:
    """The least engine there can be."""

    def __init__(self, listener: HandoffListener) -> None:
        self.shards: list[Shard] = []
        self.open = 0
        self._listener = listener
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)

    def turn(self) -> None:
        for key, _ in self._selector.select(0.5):
            if key.data is None:
                self._accept()
            else:
                self._read(key.data)

    def _accept(self) -> None:
        if (pipes := self._listener.accept()) is not None:
            self.open += 1
            self.shards.append(shard := Shard(pipes))
            self._selector.register(pipes.read_fd, selectors.EVENT_READ, shard)

    def _read(self, shard: Shard) -> None:
        if not (chunk := os.read(shard.pipes.read_fd, 1 << 16)):
            self._selector.unregister(shard.pipes.read_fd)
            shard.pipes.close_pipes()
            shard.pipes.release(0)
            self.open -= 1
            return
        for line in shard.lines.feed(chunk):
            shard.answer(decode_message(line))

    def until(self, done: Callable[[], bool], limit_s: float) -> None:
        deadline_s = time.monotonic() + limit_s
        while not done():
            assert time.monotonic() < deadline_s, "the daemon did not get there in time"
            self.turn()

    def close(self) -> None:
        self._selector.close()


def _put(kinesis: Any, data: list[bytes]) -> None:
    records = [{"Data": datum, "PartitionKey": str(number)} for number, datum in enumerate(data)]
    assert kinesis.put_records(StreamName=STREAM, Records=records)["FailedRecordCount"] == 0


def _start(directory: Path, endpoint: str, log: Path, job: DaemonJob) -> subprocess.Popen[bytes]:
    properties = directory / "daemon.properties"
    properties.write_text(daemon_properties(job, write_launcher(directory)))
    command = daemon_command(find_java({}), find_jars(), directory, properties, job.kcl)
    env = environment(endpoint) | {SOCKET_VARIABLE: str(directory / "engine.sock")}
    with log.open("wb") as output:
        return subprocess.Popen(command, env=env, stdout=output, stderr=output, stdin=subprocess.DEVNULL)


def _is_ours(table: Any) -> bool:
    """Paid by request and protected, as the properties say."""
    return bool(table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST" and table["DeletionProtectionEnabled"])


@pytest.mark.timeout(150)
def test_records_arrive_through_the_handoff_leases_get_checkpoints_and_relays_exit(tmp_path: Path) -> None:
    """Every record comes through a relay's pipe, checkpoints reach the lease table, SIGTERM ends cleanly."""
    directory = run_directory()
    listener = HandoffListener(str(directory / "engine.sock"))
    loop = Loop(listener)
    with local_aws(tmp_path / "aws.log") as endpoint:
        kinesis, dynamodb = client("kinesis", endpoint), client("dynamodb", endpoint)
        kinesis.create_stream(StreamName=STREAM, ShardCount=2)
        kinesis.get_waiter("stream_exists").wait(StreamName=STREAM, WaiterConfig={"Delay": 1})
        wanted = [f"record {number}".encode() for number in range(RECORDS)]
        _put(kinesis, wanted)
        job = DaemonJob(
            application_name=APPLICATION, stream=STREAM, region=REGION, start="TRIM_HORIZON", worker_id="worker-1",
            shutdown_grace_s=10.0, kcl=KCL, endpoints=endpoints_of(environment(endpoint)),
        )  # fmt: skip
        daemon = _start(directory, endpoint, tmp_path / "daemon.log", job)
        try:
            loop.until(lambda: sum(len(shard.received) for shard in loop.shards) == RECORDS, 90)
            relays = [process for process in psutil.Process(daemon.pid).children() if process.is_running()]
            assert len(relays) == len(loop.shards)
            loop.until(lambda: all(shard.checkpointed == shard.last for shard in loop.shards), 20)
            daemon.terminate()
            loop.until(lambda: loop.open == 0, 20)
            daemon.wait(20)
            _, alive = psutil.wait_procs(relays, timeout=10)
            assert not alive
        finally:
            daemon.kill()
            daemon.wait()
        assert sorted(datum for shard in loop.shards for datum in shard.received) == sorted(wanted)
        leases = dynamodb.scan(TableName=APPLICATION)["Items"]
        kept = {lease["leaseKey"]["S"]: lease["checkpoint"]["S"] for lease in leases}
        assert kept == {shard.shard_id: shard.checkpointed for shard in loop.shards}
        assert all(_is_ours(dynamodb.describe_table(TableName=table)["Table"]) for table in TABLES)
        assert b"failed to shutdown" not in (tmp_path / "daemon.log").read_bytes()
        assert b"record 1" not in (tmp_path / "daemon.log").read_bytes()
        kinesis.close()
        dynamodb.close()
    loop.close()
    listener.close()
