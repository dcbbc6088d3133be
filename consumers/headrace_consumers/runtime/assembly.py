"""Puts an engine together from its job: clients, log, store, committer, opener, core, threads, loop."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from headrace_consumers.aws import UPLOAD_CONNECTIONS, AwsClients, make_clients
from headrace_consumers.commit.committer import Committer
from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.commitlog.model import Commit
from headrace_consumers.kinesis import KinesisStream
from headrace_consumers.lake.s3 import S3Store
from headrace_consumers.pipeline import Pipeline
from headrace_consumers.recovery import ShardOpener
from headrace_consumers.runtime.core import CoreSettings, EngineCore
from headrace_consumers.runtime.engine import Engine, now
from headrace_consumers.runtime.handoff import HandoffListener
from headrace_consumers.runtime.job import EngineJob
from headrace_consumers.runtime.jobs import JobRunner, Workplace
from headrace_consumers.runtime.observer import MetricsObserver
from headrace_consumers.telemetry.metrics import Metrics

HOUR_MS = 3_600_000


def run_engine(
    job: EngineJob, pipeline: Pipeline, listener: HandoffListener, control_fd: int, metrics: Metrics
) -> None:
    """Blocks until the control pipe has ended and the daemon has closed its pipes. Raises what ends it early."""
    run_engine_on(job, pipeline, listener, control_fd, metrics, clients=make_clients())


def run_engine_on(
    job: EngineJob,
    pipeline: Pipeline,
    listener: HandoffListener,
    control_fd: int,
    metrics: Metrics,
    *,
    clients: AwsClients,
) -> None:
    """As run_engine, on these clients."""
    metrics.bounded(job.settings.batch.max_buffer_bytes, job.retention_hours * HOUR_MS)
    workplace = _workplace(job, pipeline, clients, metrics)
    jobs = JobRunner(workplace.do)
    core = EngineCore(_core_settings(job, pipeline))
    Engine(core, jobs, listener, control_fd, MetricsObserver(metrics, now())).run()


def _workplace(job: EngineJob, pipeline: Pipeline, clients: AwsClients, metrics: Metrics) -> Workplace:
    store = S3Store(clients.s3, job.settings.lake.buckets)
    log = DynamoDbLog(clients.dynamodb, job.settings.log.log_table, store)
    stream = KinesisStream(clients.kinesis, job.stream)
    pool = ThreadPoolExecutor(UPLOAD_CONNECTIONS // 2, thread_name_prefix="upload")

    def pending(commit: Commit, files: int) -> None:
        metrics.pending_files(commit.attempt_id, files, commit.written_ms)

    opener = ShardOpener(log, store, stream, _now_ms, job.worker_id, pool, pending)
    committer = Committer(
        pipeline=pipeline,
        limits=job.settings.batch,
        log=log,
        store=store,
        stream=stream,
        now_ms=_now_ms,
        engine_id=job.worker_id,
        pending=pending,
        moved=metrics.file_moved,
        pool=pool,
    )
    return Workplace(opener, committer)


def _core_settings(job: EngineJob, pipeline: Pipeline) -> CoreSettings:
    return CoreSettings(
        pipeline=pipeline.name,
        generation=job.generation,
        stream_created_ms=job.stream_created_ms,
        retention_ms=job.retention_hours * HOUR_MS,
        failover_s=job.settings.kcl.failover_time_ms / 1000,
        batch=job.settings.batch,
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
