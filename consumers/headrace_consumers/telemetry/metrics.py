"""What the engine tells about itself: one small method per thing that happens, counted in a registry of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from threading import Lock

from headrace_consumers.telemetry import catalogue as c
from headrace_consumers.telemetry.health import Snapshot
from headrace_consumers.telemetry.registered import RegisteredMetrics


class Metrics(RegisteredMetrics):
    """Thread-safe; no method blocks. `snapshot` is what /healthz and the watchdog judge. `now_ms` is the wall clock."""

    def __init__(self, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        super().__init__(c.CATALOGUE)
        self._now_ms = now_ms
        self._pending: dict[str, tuple[int, int]] = {}
        self._pending_lock = Lock()
        self._gauges[c.PENDING_FILES.name].set_function(self._pending_files)
        self._gauges[c.PENDING_AGE_SECONDS.name].set_function(self._pending_age_s)
        self.snapshot: Snapshot | None = None
        self.moved_s = 0.0
        """When a file of a commit was last uploaded or completed, by the monotonic clock."""

    def delivered(self, shard_id: str, records: int, data_bytes: int, millis_behind_latest: int | None) -> None:
        """KCL handed over records, perhaps none."""
        self._count(c.RECORDS, records, shard_id)
        self._count(c.BYTES, data_bytes, shard_id)
        if millis_behind_latest is not None:
            self._gauges[c.LAG_MS.name].labels(shard_id).set(millis_behind_latest)

    def committed(self, rows: int, files: int, file_bytes: int, duration_s: float) -> None:
        """One transaction stands, and its files are proven complete."""
        self._count(c.COMMITS, 1)
        self._count(c.ROWS, rows)
        self._count(c.FILES, files)
        self._count(c.FILE_BYTES, file_bytes)
        self._histograms[c.COMMIT_SECONDS.name].observe(duration_s)
        self._histograms[c.BATCH_ROWS.name].observe(rows)

    def rejected(self, by_reason: Mapping[str, int]) -> None:
        for reason, count in by_reason.items():
            self._count(c.REJECTS, count, reason)

    def repeats_dropped(self, count: int) -> None:
        self._count(c.REPEATS, count)

    def fenced(self, shards: int) -> None:
        self._count(c.FENCES, shards)

    def checkpointed(self) -> None:
        self._count(c.CHECKPOINTS, 1)

    def checkpoint_failed(self, error: str) -> None:
        """`error` is the Java class that KCL named."""
        self._count(c.CHECKPOINT_FAILURES, 1, error)

    def late(self, count: int) -> None:
        self._count(c.LATE, count)

    def gap_marked(self) -> None:
        self._count(c.GAPS, 1)

    def pending_files(self, commit_id: str, count: int, written_ms: int) -> None:
        """Of one commit, so many are not yet proven complete."""
        with self._pending_lock:
            others = {known: pending for known, pending in self._pending.items() if known != commit_id}
            self._pending = {**others, commit_id: (count, written_ms)} if count else others

    def file_moved(self) -> None:
        """A file of the commit in flight was uploaded or completed."""
        self.moved_s = time.monotonic()

    def restarted(self, restarts: int) -> None:
        """So often in this worker's life, before this engine."""
        self._count(c.RESTARTS, restarts)

    def bounded(self, buffer_bytes: int, retention_ms: int) -> None:
        """What this engine may hold, and how long the stream keeps records."""
        self._gauges[c.BUFFER_LIMIT_BYTES.name].set(buffer_bytes)
        self._gauges[c.RETENTION_MS.name].set(retention_ms)

    def looked(self, snapshot: Snapshot) -> None:
        """The engine's loop came round: its state, for gauges and health."""
        self.snapshot = snapshot
        self._gauges[c.BUFFER_BYTES.name].set(snapshot.held_bytes)
        self._gauges[c.SHARDS.name].set(snapshot.shards)
        self._gauges[c.PASSIVE_SHARDS.name].set(snapshot.passive_shards)
        self._gauges[c.BATCH_AGE_SECONDS.name].set(snapshot.batch_age_s)

    def shard_gone(self, shard_id: str) -> None:
        """The lease went elsewhere: its lag is no longer ours to tell. Its counters stay."""
        self._gauges[c.LAG_MS.name].remove_by_labels({"shard": shard_id})

    def _pending_files(self) -> float:
        return sum(count for count, _ in self._pending.values())

    def _pending_age_s(self) -> float:
        oldest_ms = min((written_ms for _, written_ms in self._pending.values()), default=None)
        return 0.0 if oldest_ms is None else (self._now_ms() - oldest_ms) / 1000
