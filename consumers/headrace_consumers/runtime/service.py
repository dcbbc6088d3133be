"""`headrace-consumers run`: everything that one worker needs, put together."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from headrace_consumers.errors import RewindUnfinishedError
from headrace_consumers.pipeline import Pipeline
from headrace_consumers.preflight import Aws, Ground, connect, survey
from headrace_consumers.runtime.daemon import (
    SOCKET_VARIABLE,
    DaemonJob,
    daemon_command,
    daemon_properties,
    endpoints_of,
    run_directory,
    write_launcher,
)
from headrace_consumers.runtime.java import find_jars, find_java
from headrace_consumers.runtime.job import ENGINE_ENVIRONMENT, EngineJob, encode_job
from headrace_consumers.runtime.leader_lock import LeaderLock
from headrace_consumers.runtime.life import LifePlan
from headrace_consumers.runtime.supervisor import Outcome, supervise
from headrace_consumers.runtime.worker_id import identify
from headrace_consumers.settings import WorkerSettings
from headrace_consumers.telemetry.listening import listen

_log = logging.getLogger(__name__)
ENGINE_COMMAND = (sys.executable, "-m", "headrace_consumers.runtime.engine_process")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPlan:
    """Plans each life of one worker; the generation is read from the log each time."""

    reference: str
    pipeline: Pipeline
    settings: WorkerSettings
    worker_id: str
    aws: Aws
    java: Path
    jars: Path
    directory: Path
    env: Mapping[str, str]
    http_fd: int

    def __call__(self, socket_path: Path, restarts: int) -> LifePlan:
        ground = survey(self.aws, self.pipeline, self.settings, datetime.now(UTC))
        application = ground.application_name(self.pipeline.name)
        return LifePlan(
            engine_command=ENGINE_COMMAND,
            engine_job=encode_job(self._engine_job(ground, socket_path, restarts)),
            daemon_command=self._daemon_command(self._daemon_job(ground, application)),
            engine_env={**ENGINE_ENVIRONMENT, **self._child_env()},
            daemon_env=self._child_env() | {SOCKET_VARIABLE: str(socket_path)},
            shutdown_grace_s=self.settings.service.shutdown_grace_s,
            pass_fds=(self.http_fd,),
            chore=LeaderLock(self.aws.dynamodb, application).check,
        )

    def _child_env(self) -> dict[str, str]:
        """Both SDKs find the region that we found."""
        return {**self.env, "AWS_REGION": self.aws.region, "AWS_DEFAULT_REGION": self.aws.region}

    def _engine_job(self, ground: Ground, socket_path: Path, restarts: int) -> EngineJob:
        return EngineJob(
            pipeline=self.reference,
            settings=self.settings,
            socket_path=str(socket_path),
            stream=ground.stream.name,
            stream_created_ms=ground.stream.created_ms,
            retention_hours=ground.stream.retention_hours,
            generation=ground.generation,
            worker_id=self.worker_id,
            supervisor_pid=os.getpid(),
            restarts=restarts,
            http_fd=self.http_fd,
        )

    def _daemon_job(self, ground: Ground, application: str) -> DaemonJob:
        return DaemonJob(
            application_name=application,
            stream=ground.stream.name,
            region=self.aws.region,
            start=ground.start,
            worker_id=self.worker_id,
            shutdown_grace_s=self.settings.service.shutdown_grace_s,
            kcl=self.settings.kcl,
            endpoints=endpoints_of(self.env),
        )

    def _daemon_command(self, job: DaemonJob) -> list[str]:
        properties = self.directory / "daemon.properties"
        properties.write_text(daemon_properties(job, write_launcher(self.directory)))
        return daemon_command(self.java, self.jars, self.directory, properties, job.kcl)


def serve(reference: str, pipeline: Pipeline, settings: WorkerSettings, env: Mapping[str, str]) -> Outcome:
    """Blocks until the service ends. Raises HeadraceError for what is wrong before the first start."""
    service, directory = settings.service, run_directory()
    identity = identify(settings.kcl.worker_id, service.state_dir)
    try:
        aws = connect(env)
        with suppress(RewindUnfinishedError):  # the first life waits for it
            survey(aws, pipeline, settings, datetime.now(UTC))
        # Held by the supervisor, so that the port stays the same over restarts; engines inherit it.
        with listen(service.metrics_host, service.metrics_port) as listening:
            plan = WorkerPlan(
                reference=reference, pipeline=pipeline, settings=settings, worker_id=identity.worker_id, aws=aws,
                java=find_java(env), jars=find_jars(), directory=directory, env=env, http_fd=listening.fileno(),
            )  # fmt: skip
            _log.info("the worker starts", extra={"fields": {"pipeline": pipeline.name, "worker_id": plan.worker_id,
                "metrics_port": listening.getsockname()[1]}})  # fmt: skip
            return asyncio.run(supervise(plan, directory, service.max_restarts_per_hour))
    finally:
        identity.close()
        shutil.rmtree(directory, ignore_errors=True)
