"""The real engine over memory AWS, as a process: `python -m tests.fakes.engine_child PLAN`, PLAN as JSON.

Standard output says `ready`, later nothing; the end of standard input ends the engine. What is in S3 then is written
to a folder, and beside it what the process used for its work alone.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import Any

import msgspec

from headrace_consumers.aws import AwsClients
from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.lake.s3 import S3Store
from headrace_consumers.loading import load_pipeline
from headrace_consumers.runtime.assembly import run_engine_on
from headrace_consumers.runtime.handoff import HandoffListener
from headrace_consumers.runtime.job import EngineJob
from headrace_consumers.settings import BatchSettings, LakeSettings, WorkerSettings
from headrace_consumers.telemetry.metrics import Metrics
from tests.fakes.dynamodb import MemoryDynamo
from tests.fakes.s3 import MemoryS3
from tests.fakes.steps import Steps
from tests.fakes.streams import ListedShards

LAKE = LakeSettings(raw_bucket="raw", processed_bucket="processed", curated_bucket="curated")


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What the process shall do."""

    socket_path: str
    output: str
    """A folder that exists."""
    pipeline: str
    batch: BatchSettings = BatchSettings()
    shards: int = 1


class Usage(msgspec.Struct, frozen=True):
    """What the work took, start-up and imports left out."""

    cpu_s: float
    peak_rss_bytes: int


def main(plan: Plan) -> None:
    memory, dynamo = MemoryS3(), MemoryDynamo()
    clients = _clients(memory, dynamo, plan.shards)
    pipeline = load_pipeline(plan.pipeline)
    DynamoDbLog(clients.dynamodb, "log", S3Store(clients.s3, {})).generation(pipeline.name)
    listener = HandoffListener(plan.socket_path)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    before_s = cpu_s()
    run_engine_on(_job(plan), pipeline, listener, sys.stdin.fileno(), Metrics(), clients=clients)
    used = Usage(cpu_s() - before_s, peak_rss_bytes())
    listener.close()
    write_out(memory, Path(plan.output), used)


def cpu_s() -> float:
    """CPU seconds of this process so far, its threads and the kernel's work for it included."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_rss_bytes() -> int:
    """Of this program alone: the peak that getrusage tells is that of the process that started it, if it was higher."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def write_out(memory: MemoryS3, folder: Path, used: Usage) -> None:
    """Every object of S3 as a file, and `usage.json`."""
    for (bucket, key), found in memory.objects.items():
        path = folder / bucket / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(found.body)
    (folder / "usage.json").write_bytes(msgspec.json.encode(used))


def _clients(memory: MemoryS3, dynamo: MemoryDynamo, shards: int) -> AwsClients:
    fakes: dict[str, Any] = {
        "dynamodb": dynamo.as_seen_by(Steps()),
        "kinesis": ListedShards(shards),
        "s3": memory.as_seen_by(Steps()),
    }
    return AwsClients(**fakes)


def _job(plan: Plan) -> EngineJob:
    return EngineJob(
        pipeline=plan.pipeline,
        settings=WorkerSettings(lake=LAKE, batch=plan.batch),
        socket_path=plan.socket_path,
        stream="stream",
        stream_created_ms=1,
        retention_hours=24,
        generation=1,
        worker_id="worker",
    )


if __name__ == "__main__":
    main(msgspec.json.decode(sys.argv[1], type=Plan))
