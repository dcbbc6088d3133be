"""The loader as a process: steps one after the other, over a session that may be lost at any time."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

from headrace_consumers.aws import UPLOAD_CONNECTIONS, AwsClients
from headrace_consumers.commit.attempts import new_attempt_id
from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.commitlog.following import Lineage
from headrace_consumers.errors import FencedError, WarehouseAwayError
from headrace_consumers.kinesis import KinesisStream
from headrace_consumers.lake.objects import TailReader
from headrace_consumers.lake.s3 import S3Store
from headrace_consumers.load.ledger import FileState, Ledger
from headrace_consumers.load.loading import Loading
from headrace_consumers.load.maintenance import Maintenance
from headrace_consumers.load.places import keyed_windows, places_of
from headrace_consumers.load.service import Loader, LoaderPlan, LoadReport
from headrace_consumers.pipeline import Pipeline
from headrace_consumers.settings import LakeSettings, LoadSettings, LogSettings, WarehouseSettings
from headrace_consumers.telemetry.load_metrics import LoadMetrics
from headrace_consumers.warehouse.session import Warehouse, WarehouseSession
from headrace_producers.errors import TransientError

_log = logging.getLogger(__name__)
_MOST_PATIENT_S = 10.0
"""Waits grow with how long the warehouse is away: what was committed meanwhile should not wait as long again."""


class LoadRunner:
    """Builds the loader from what the books say, and again wherever the warehouse, AWS or a rival interrupts it."""

    def __init__(
        self,
        pipeline: Pipeline,
        clients: AwsClients,
        warehouse: Warehouse,
        *,
        tails: TailReader,
        lake: LakeSettings,
        log: LogSettings,
        load: LoadSettings,
        target: WarehouseSettings,
        metrics: LoadMetrics,
    ) -> None:
        self._pipeline, self._warehouse, self._settings, self._target = pipeline, warehouse, load, target
        self._store = S3Store(clients.s3, lake.buckets, tails)
        self._log = DynamoDbLog(clients.dynamodb, log.log_table, self._store)
        self._stream = KinesisStream(clients.kinesis, load.stream or pipeline.stream)
        self._places = places_of(pipeline, lake)
        self._maintenance = Maintenance.of(load.maintenance)
        self._metrics = metrics
        self._pool = ThreadPoolExecutor(UPLOAD_CONNECTIONS // 2, thread_name_prefix="load")
        self._rests = False

    def run(self, stop: Event) -> None:
        """Blocks until `stop` is set; a step that has begun is finished. Raises what ends the loader early."""
        patience_s = self._settings.poll_interval_s
        while not stop.is_set():
            try:
                with self._session() as session:
                    loader = self._loader(session)
                    patience_s = self._settings.poll_interval_s
                    self._work(loader, stop)
            except FencedError as error:
                self._metrics.overtaken()
                _log.warning("starting over from the books", extra={"fields": {"error": str(error)}})
                stop.wait(self._settings.poll_interval_s)
            except TransientError as error:
                self._note(error)
                _log.warning("interrupted, trying again", extra={"fields": {"error": str(error), "in_s": patience_s}})
                stop.wait(patience_s)
                patience_s = min(2 * patience_s, _MOST_PATIENT_S)

    def _note(self, error: TransientError) -> None:
        if isinstance(error, WarehouseAwayError):
            self._metrics.away(str(error))
        else:
            self._metrics.interrupted(str(error))

    def _work(self, loader: Loader, stop: Event) -> None:
        while not stop.is_set():
            began_s = time.monotonic()
            report = loader.step()
            self._tell(report, time.monotonic() - began_s)
            if not report.more:
                stop.wait(self._settings.poll_interval_s)

    @contextmanager
    def _session(self) -> Iterator[WarehouseSession]:
        session = self._warehouse.connect()
        try:
            yield session
        finally:
            session.close()

    def _loader(self, session: WarehouseSession) -> Loader:
        name = self._pipeline.name
        lineage = Lineage(name, self._log.generation(name), self._stream.identity().created_ms)
        settings = self._settings
        plan = LoaderPlan(
            lineage=lineage,
            places=self._places,
            keyed=keyed_windows(self._pipeline),
            load_interval_s=settings.load_interval_s,
            max_load_bytes=settings.max_load_bytes,
            max_load_files=settings.max_load_files,
            held_retry_s=settings.held_retry_s,
            maintenance=self._maintenance,
        )
        ledger = Ledger(self._target.warehouse_schema, lineage)
        loading = Loading(ledger, self._store, self._target.copy_role, _now_ms, new_attempt_id)
        return Loader(plan, self._log, self._store, session, loading, now_ms=_now_ms, pool=self._pool)

    def _tell(self, report: LoadReport, duration_s: float) -> None:
        self._metrics.stepped(waiting_files=report.waiting_files, waiting_s=report.waiting_s, held=report.held)
        if report.in_maintenance != self._rests:
            self._rests = report.in_maintenance
            _log.info("maintenance begins: nothing is loaded" if self._rests else "maintenance is over")
        if report.loaded:
            rows: Counter[str] = Counter()
            for file in report.loaded:
                rows[file.table] += file.rows
            files = Counter(file.table for file in report.loaded)
            self._metrics.loaded(rows, files, duration_s)
            fields = {"rows": rows.total(), "files": files.total(), "tables": len(rows), "duration_s": duration_s}
            _log.info("loaded", extra={"fields": fields})
        if report.withdrawn.retired or report.withdrawn.erased:
            fields = {"retired": report.withdrawn.retired, "erased": report.withdrawn.erased}
            _log.info("rows were taken out", extra={"fields": fields})
        for entry in report.set_aside:
            if entry.state is FileState.QUARANTINED:
                self._metrics.quarantined(entry.file.table)
            _log.error("a file is not loaded", extra={"fields": {"file": entry.file.url, "state": entry.state.value,
                                                                 "reason": entry.reason}})  # fmt: skip


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
