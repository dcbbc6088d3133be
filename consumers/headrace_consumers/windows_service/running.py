"""The windows service as a process: steps one after the other, until it is asked to stop."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from headrace_consumers.aws import UPLOAD_CONNECTIONS, AwsClients
from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.commitlog.following import Lineage
from headrace_consumers.errors import FencedError
from headrace_consumers.kinesis import KinesisStream
from headrace_consumers.lake.s3 import S3Store
from headrace_consumers.pipeline import Pipeline
from headrace_consumers.settings import LakeSettings, LogSettings, WindowsSettings
from headrace_consumers.telemetry.windows_metrics import WindowsMetrics
from headrace_consumers.windows_service.service import StepReport, WindowsPlan, WindowsService
from headrace_consumers.windows_service.watermarks import MINUS_INFINITY_US

_log = logging.getLogger(__name__)
_US_PER_S = 1_000_000


class WindowsRunner:
    """Builds the service from what the log says, and again wherever another one, or a rewind, was faster."""

    def __init__(
        self,
        pipeline: Pipeline,
        clients: AwsClients,
        lake: LakeSettings,
        log: LogSettings,
        windows: WindowsSettings,
        *,
        metrics: WindowsMetrics,
    ) -> None:
        self._pipeline = pipeline
        self._store = S3Store(clients.s3, lake.buckets)
        self._log = DynamoDbLog(clients.dynamodb, log.log_table, self._store)
        self._stream = KinesisStream(clients.kinesis, windows.stream or pipeline.stream)
        self._settings = windows
        self._metrics = metrics
        self._pool = ThreadPoolExecutor(UPLOAD_CONNECTIONS // 2, thread_name_prefix="upload")

    def run(self, stop: Event) -> None:
        """Blocks until `stop` is set; a step that has begun is finished. Raises what ends the service early."""
        while not stop.is_set():
            service = self._service()
            try:
                self._work(service, stop)
            except FencedError as error:
                _log.warning("starting over from the newest commit", extra={"fields": {"error": str(error)}})
                stop.wait(self._settings.poll_interval_s)

    def _work(self, service: WindowsService, stop: Event) -> None:
        while not stop.is_set():
            began_s = time.monotonic()
            report = service.step()
            self._tell(report, time.monotonic() - began_s)
            if not report.more:
                stop.wait(self._settings.poll_interval_s)

    def _service(self) -> WindowsService:
        name, created_ms = self._pipeline.name, self._stream.identity().created_ms
        plan = WindowsPlan(
            lineage=Lineage(name, self._log.generation(name), created_ms),
            windows=self._pipeline.windows,
            contracts={table.name: table.contract for table in self._pipeline.tables},
            max_disorder_us=int(self._pipeline.max_disorder_s * _US_PER_S),
            early_every_s=self._settings.early_every_s,
        )
        return WindowsService(
            plan, self._log, self._store, self._stream, now_ms=_now_ms, owner=self._settings.owner, pool=self._pool
        )

    def _tell(self, report: StepReport, duration_s: float) -> None:
        low_us = report.low_watermark_us
        self._metrics.stepped(
            merged=report.merged,
            open_panes=report.open_panes,
            held_back_by=report.held_back_by,
            duration_s=duration_s,
        )
        self._metrics.emitted(new=report.new, revised=report.revised, deleted=report.deleted)
        self._metrics.watermark(None if low_us == MINUS_INFINITY_US else low_us / _US_PER_S)
        if report.said is not None:
            self._metrics.shards_said(report.said)
        if report.committed:
            _log.info("windows committed", extra={"fields": _fields(report)})


def _fields(report: StepReport) -> dict[str, object]:
    return {
        "merged_commits": report.merged,
        "batch_commits": report.batch,
        "rebuilt_panes": report.rebuilt,
        "emitted": report.new,
        "revised": report.revised,
        "deleted": report.deleted,
        "open_panes": report.open_panes,
        "held_back_by": report.held_back_by,
    }


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
