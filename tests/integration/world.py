"""A running stack for tests: one local AWS for all of them, and in it a fresh stream, buckets and log for each."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from prometheus_client.parser import text_string_to_metric_families

from headrace_consumers.kinesis import KinesisStream
from headrace_consumers.runtime.job import application_name
from headrace_consumers.shards import Shard
from headrace_local import pipelines
from headrace_local.committed import Committed
from headrace_local.environment import AwsClients
from headrace_local.flights.data import FlightsData, unpack_data
from headrace_local.flights.reconcile import Reconciliation, reconcile
from headrace_local.flights.window_oracle import WindowVerdict, reconcile_windows
from headrace_local.folder import StackFolder
from headrace_local.lake_copy import copy_lake
from headrace_local.names import Names
from headrace_local.resources import Resources, create_resources
from headrace_local.sending import Sending, SendPlan, sending
from headrace_local.stack import StackPlan, owned_stack
from headrace_local.workers import LOCAL_SETTINGS, PIPELINE, Worker, WorkerPlan
from tests.integration.leases import forget_worker, write_leases

FAILOVER_S = 3.0
SETTINGS: Mapping[str, object] = {
    **LOCAL_SETTINGS,
    "failover_time_ms": int(FAILOVER_S * 1000),
    "max_batch_age_s": 2.0,
    "shutdown_grace_s": 20.0,
}
_POLL_S = 0.1
_GENERATION = 1
"""The first; no test begins another."""
_numbers = itertools.count(1)


@dataclass(frozen=True)
class LocalAws:
    """The local AWS of this session of tests."""

    folder: StackFolder
    clients: AwsClients
    data: FlightsData


@contextmanager
def local_aws() -> Iterator[LocalAws]:
    """Its folder's path is short, for Unix sockets live below it."""
    with tempfile.TemporaryDirectory(prefix="hrt-", dir="/tmp") as root:
        folder = StackFolder(f"tests-{os.getpid()}", Path(root))
        with owned_stack(folder, StackPlan("unused", shards=1)) as stack:
            yield LocalAws(folder, stack.clients, unpack_data(folder.path))
            stack.clients.close()


class World:
    """One test's stream with its workers and its source. Every wait has a limit, and tells what it waited for."""

    def __init__(self, aws: LocalAws, shards: int) -> None:
        number = next(_numbers)
        self.aws = aws
        names = Names.found_by(aws.clients, f"test-{number}")
        self.resources = Resources.named(names, pipelines.flights.name, shards)
        create_resources(aws.clients, self.resources)
        self.committed = Committed(aws.clients, self.resources)
        self._number = number
        self._workers: list[Worker] = []
        self._windows: Worker | None = None

    def lease_shards_to(self, *names: str) -> None:
        """Before any worker starts: the workers of these names shall find the shards leased to them, by turns."""
        owners = [self._role(name) for name in names]
        write_leases(self.aws.clients.dynamodb, self._application(), self._open_shards(), owners)

    def start_worker(self, name: str = "a") -> Worker:
        """A worker of this name; the same name again is the same worker to KCL."""
        worker = Worker(self._plan(), self._role(name))
        self._workers.append(worker)
        return worker

    @contextmanager
    def sending(self, flights: int, rate: float) -> Iterator[Sending]:
        """Real flights at so many events a second, in the background."""
        with sending(SendPlan(self.resources.stream, flights, rate), self.aws.folder, self.aws.clients) as flow:
            yield flow

    def running(self) -> list[Worker]:
        return [worker for worker in self._workers if worker.process.poll() is None]

    def wait_until_read(self, timeout_s: float = 120.0) -> None:
        """Until a worker has opened every shard."""
        self.wait(lambda: len(self._refreshed().shards) == self.resources.shards, "every shard to be opened", timeout_s)

    def wait_until_shared(self, timeout_s: float = 120.0) -> None:
        """Until every shard is read, each worker has a lease of its own, and one of them is KCL's leader."""
        self.wait_until_read(timeout_s)
        roles = {worker.role for worker in self._workers}
        self.wait(lambda: set(self._lease_owners().values()) == roles, "leases for every worker", timeout_s)
        self.wait(lambda: self._leader() in roles, "a leader")

    def lease_tables(self) -> set[str]:
        """KCL's own, which it makes where they are missing."""
        names = self.aws.clients.dynamodb.list_tables()["TableNames"]
        return {name for name in names if name.startswith(self._application())}

    def delete_lease_tables(self) -> set[str]:
        """As an accident does; their names."""
        names = self.lease_tables()
        for name in names:
            self.aws.clients.dynamodb.delete_table(TableName=name)
        return names

    def follower(self) -> Worker:
        """A worker that is not KCL's leader: whose death delays no assignment of leases."""
        leader = self._leader()
        return next(worker for worker in self.running() if worker.role != leader)

    def forget(self, worker: Worker) -> None:
        """KCL's leader counts this worker as dead from now on, until it reports again."""
        forget_worker(self.aws.clients.dynamodb, self._application(), worker.role)

    def last_committed_by(self, worker: Worker) -> set[str]:
        """The shards whose newest link is this worker's."""
        return {shard for shard, progress in self._refreshed().shards.items() if progress.owner == worker.role}

    def metric(self, worker: Worker, name: str) -> float:
        """One figure of the worker's /metrics, summed over its labels."""
        port = re.search(r'"metrics_port":([0-9]+)', self.aws.folder.log_path(worker.role).read_text())
        assert port, f"{worker.role} has logged no port"
        with urllib.request.urlopen(f"http://127.0.0.1:{port[1]}/metrics", timeout=5) as answer:
            families = text_string_to_metric_families(answer.read().decode())
            return sum(sample.value for family in families for sample in family.samples if sample.name == name)

    def wait_for_commits(self, more_events: int = 1, timeout_s: float = 100.0) -> None:
        """Until so many events more than now are committed."""
        self.committed.refresh()
        wanted = self.committed.events + more_events
        self.wait(lambda: self._committed() >= wanted, f"{wanted} committed events", timeout_s)

    def wait_until_drained(self, flow: Sending, timeout_s: float = 100.0) -> None:
        """Until all is sent and committed."""
        self.wait(flow.finished.is_set, "the source's end", timeout_s)
        flow.require_sound()
        sent = flow.counters.put_events
        self.wait(lambda: self._committed() >= sent, f"{sent} committed events", timeout_s)

    def wait(self, condition: Callable[[], bool], what: str, timeout_s: float = 60.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                words = "\n".join(f"{worker.role}:\n{worker.last_words()}" for worker in self._workers)
                raise AssertionError(
                    f"waited {timeout_s:.0f} s for {what}; committed {self._committed()}; the workers:\n{words}"
                )
            time.sleep(_POLL_S)

    def split_first_shard(self) -> str:
        """Splits it in the middle; answers the parent."""
        shard = self._open_shards()[0]
        middle = (shard.first_hash + shard.last_hash) // 2 + 1
        self.aws.clients.kinesis.split_shard(
            StreamName=self.resources.stream, ShardToSplit=shard.shard_id, NewStartingHashKey=str(middle)
        )
        return shard.shard_id

    def merge_first_shards(self) -> set[str]:
        """Merges two neighbours; answers the parents."""
        left, right = (shard.shard_id for shard in self._open_shards()[:2])
        self.aws.clients.kinesis.merge_shards(
            StreamName=self.resources.stream, ShardToMerge=left, AdjacentShardToMerge=right
        )
        return {left, right}

    def ended_shards(self) -> set[str]:
        """Those whose chains have a terminal link."""
        return {shard for shard, progress in self._refreshed().shards.items() if progress.ended}

    def rewind(self, to: str) -> str:
        """By the command, as an operator would; what it said."""
        line = [
            str(Path(sys.executable).with_name("headrace-batch")),
            "rewind",
            PIPELINE,
            "--to",
            to,
            "--reason",
            "test",
        ]
        env = self._plan().environment("operator")
        done = subprocess.run(line, env=env, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start_windows(self) -> None:
        """The windows service, beside all workers."""
        self._windows = Worker(self._plan(), f"windows-{self._number}", command="windows")

    def kill_windows(self) -> None:
        assert self._windows is not None, "start_windows() comes first"
        self._windows.kill()

    def settle_windows(self, timeout_s: float = 90.0) -> None:
        """Until all that is committed is merged and every window is out; then the service stops cleanly."""
        assert self._windows is not None, "start_windows() comes first"
        self.wait(lambda: self._refreshed().windows().complete, "every window", timeout_s)
        self._windows.ask_to_stop()
        self._windows.require_stopped()

    def reconcile_windows(self, flights: int) -> WindowVerdict:
        """Compares the windows with the CSV files; asserts that each is there once and right."""
        clients, resources = self.aws.clients, self.resources
        root = self.aws.folder.path
        lake = copy_lake(clients, resources.processed_bucket, root / f"lake-{self._number}")
        curated = copy_lake(clients, resources.curated_bucket, root / f"curated-{self._number}")
        verdict = reconcile_windows(self.aws.data, flights, lake, curated)
        assert verdict.ok, verdict.sentence()
        return verdict

    def reconcile(self, flights: int) -> Reconciliation:
        """Compares the lake with the CSV files; asserts that each event is there once, and that lake and log agree."""
        self.committed.refresh()
        root = self.aws.folder.path / f"lake-{self._number}"
        lake = copy_lake(self.aws.clients, self.resources.processed_bucket, root)
        verdict = reconcile(self.aws.data, flights, lake)
        assert verdict.ok, verdict.sentence()
        assert lake.keys == self.committed.processed_keys().keys()
        assert self.committed.gaps == 0
        return verdict

    def _plan(self) -> WorkerPlan:
        return WorkerPlan(self.aws.folder, self.aws.clients.endpoint, self.resources, settings=SETTINGS)

    def close(self) -> None:
        for worker in [*self._workers, *([self._windows] if self._windows else [])]:
            worker.kill()
        self.aws.clients.kinesis.delete_stream(StreamName=self.resources.stream)

    def _committed(self) -> int:
        return self._refreshed().events

    def _refreshed(self) -> Committed:
        self.committed.refresh()
        return self.committed

    def _open_shards(self) -> list[Shard]:
        shards = KinesisStream(self.aws.clients.kinesis, self.resources.stream).shards().values()
        return sorted((shard for shard in shards if not shard.closed), key=lambda shard: shard.first_hash)

    def _role(self, name: str) -> str:
        return f"worker-{self._number}{name}"

    def _application(self) -> str:
        created_ms = KinesisStream(self.aws.clients.kinesis, self.resources.stream).identity().created_ms
        return application_name(pipelines.flights.name, _GENERATION, created_ms)

    def _leader(self) -> str:
        leader = self._table("-CoordinatorState", "key").get("Leader")
        return str(leader["ownerName"]["S"]) if leader else ""

    def _lease_owners(self) -> dict[str, str]:
        return {shard: lease.get("leaseOwner", {}).get("S", "") for shard, lease in self._table("", "leaseKey").items()}

    def _table(self, suffix: str, key: str) -> dict[str, Mapping[str, Any]]:
        """One of KCL's own tables; empty while there is none."""
        try:
            found = self.aws.clients.dynamodb.scan(TableName=f"{self._application()}{suffix}")
        except self.aws.clients.dynamodb.exceptions.ResourceNotFoundException:
            return {}
        return {item[key]["S"]: item for item in found["Items"]}


def engine_of(worker: Worker) -> psutil.Process:
    return _child(worker, lambda command: "headrace_consumers.runtime.engine_process" in command)


def daemon_of(worker: Worker) -> psutil.Process:
    return _child(worker, lambda command: "MultiLangDaemon" in command and "tether" not in command)


def family_of(worker: Worker) -> list[psutil.Process]:
    """The worker and everything below it."""
    parent = psutil.Process(worker.process.pid)
    return [parent, *parent.children(recursive=True)]


def _child(worker: Worker, is_it: Callable[[str], bool]) -> psutil.Process:
    found = [process for process in family_of(worker)[1:] if is_it(" ".join(process.cmdline()))]
    assert len(found) == 1, f"{len(found)} such processes below {worker.role}"
    return found[0]
