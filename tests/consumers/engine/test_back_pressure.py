"""The real loop over real pipes, with a commit that stands still: what is read meanwhile, and what is not."""

from __future__ import annotations

import array
import fcntl
import os
import tempfile
import termios
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from headrace_consumers.aws import AwsClients
from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.lake.s3 import S3Store
from headrace_consumers.runtime.assembly import run_engine_on
from headrace_consumers.runtime.handoff import HandoffListener
from headrace_consumers.runtime.job import EngineJob
from headrace_consumers.settings import BatchSettings, LakeSettings, WorkerSettings
from headrace_consumers.telemetry.metrics import Metrics
from tests.consumers.engine.pulses import ARRIVAL_MS, EVENT, REFERENCE, pulses
from tests.fakes.daemon import (
    SHUTDOWN_LINE,
    ShardDaemon,
    daemon_of,
    initialize_line,
    record_of,
    records_line,
    start_relay,
)
from tests.fakes.dynamodb import MemoryDynamo
from tests.fakes.s3 import MemoryS3
from tests.fakes.steps import Steps
from tests.fakes.streams import ListedShards, shard_id

BUDGET_BYTES = 64 * 1024
LIMIT_S = 60


@contextmanager
def _engine(dynamo_steps: Steps) -> Iterator[str]:
    """The socket path of an engine in a thread; it ends with the block, after its shards."""
    with tempfile.TemporaryDirectory(prefix="hr-") as directory:
        path = f"{directory}/engine.sock"
        dynamo, listener, (control, release) = MemoryDynamo(), HandoffListener(path), os.pipe()
        fakes: dict[str, Any] = {
            "dynamodb": dynamo.as_seen_by(dynamo_steps),
            "kinesis": ListedShards(2),
            "s3": MemoryS3().as_seen_by(Steps()),
        }
        clients = AwsClients(**fakes)
        DynamoDbLog(clients.dynamodb, "log", S3Store(clients.s3, {})).generation(pulses.name)
        batch = BatchSettings(max_batch_bytes=BUDGET_BYTES, max_buffer_bytes=BUDGET_BYTES)
        job = EngineJob(
            pipeline=REFERENCE,
            settings=WorkerSettings(lake=LakeSettings(raw_bucket="raw", processed_bucket="processed"), batch=batch),
            socket_path=path, stream="pulses", stream_created_ms=1, retention_hours=24, generation=1, worker_id="w",
        )  # fmt: skip
        thread = threading.Thread(
            target=run_engine_on, args=(job, pulses, listener, control, Metrics()), kwargs={"clients": clients}
        )
        thread.start()
        try:
            yield path
        finally:
            os.close(release)
            thread.join(LIMIT_S)
            listener.close()
            os.close(control)


@contextmanager
def _shard(path: str, number: int) -> Iterator[ShardDaemon]:
    with start_relay(path) as relay:
        daemon = daemon_of(relay)
        daemon.tell(initialize_line(shard_id(number)))
        yield daemon
        daemon.close()


def _unread_bytes(daemon: ShardDaemon) -> int:
    found = array.array("i", [0])
    fcntl.ioctl(daemon.to_child, termios.FIONREAD, found)
    return found[0]


def test_a_full_budget_stops_the_pipes_but_for_one_line_a_shard() -> None:
    """While a commit stands still and the budget is full, a shard's next line stays in its pipe; a shard that holds
    nothing still gets one line in; once the commit goes on, all lines do."""
    commit_waits, commit_may_go_on = threading.Event(), threading.Event()

    def hold(call: str) -> None:
        if call == "TransactWriteItems":
            commit_waits.set()
            assert commit_may_go_on.wait(LIMIT_S)

    full = records_line([record_of(EVENT, "key", 1 + place, ARRIVAL_MS) for place in range(200)])
    more = records_line([record_of(EVENT, "key", 1001, ARRIVAL_MS)])
    with _engine(Steps(before_call=hold)) as path, ExitStack() as shards:
        first, second = (shards.enter_context(_shard(path, number)) for number in range(2))
        try:
            first.tell(full)
            assert commit_waits.wait(LIMIT_S)
            first.send(more)
            second.tell(more)
            second.send(records_line([]))
            assert (_unread_bytes(first), _unread_bytes(second)) == (len(more), len(records_line([])))
        finally:
            commit_may_go_on.set()
        first.await_answer("processRecords")
        second.await_answer("processRecords")
        for daemon, last in ((first, "1001"), (second, "1001")):
            daemon.tell(SHUTDOWN_LINE)
            assert daemon.checkpoints[-1] == last
