"""Every metric of the consumers: name, kind, unit, labels and one line of meaning."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    COUNTER = "counter"
    """Only rises; Prometheus appends `_total` to its name."""
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Severity(StrEnum):
    PAGE = "page"
    """Wakes a person: data is late, or will be lost, and nothing mends it by itself."""
    TICKET = "ticket"
    """Is looked at on the next working day."""


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    kind: Kind
    unit: str
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram, in `unit`."""
    severity: Severity | None = None
    """The gravest alarm that it raises; None where it only explains others. Alarms stand in `alarms`."""

    @property
    def exposed_name(self) -> str:
        """As Prometheus's text format has it, and CloudWatch after it. A histogram is one set of statistics there."""
        return f"{self.name}_total" if self.kind is Kind.COUNTER else self.name


_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_ROWS = (10.0, 100.0, 1e3, 1e4, 1e5, 1e6, 1e7)

RECORDS = Metric("headrace_records", Kind.COUNTER, "records", "Kinesis records that KCL delivered", ("shard",))
BYTES = Metric("headrace_bytes", Kind.COUNTER, "bytes", "Payload of those records", ("shard",))
LAG_MS = Metric(
    "headrace_lag_ms",
    Kind.GAUGE,
    "milliseconds",
    "How far the last answer was behind the shard's tip",
    ("shard",),
    severity=Severity.PAGE,
)
COMMITS = Metric(
    "headrace_commits", Kind.COUNTER, "commits", "Transactions that stand in the commit log", severity=Severity.PAGE
)
COMMIT_SECONDS = Metric(
    "headrace_commit_duration_seconds", Kind.HISTOGRAM, "seconds", "From staging to proven files", buckets=_SECONDS
)
BATCH_ROWS = Metric("headrace_batch_rows", Kind.HISTOGRAM, "rows", "Rows of one commit, all tables", buckets=_ROWS)
ROWS = Metric("headrace_rows", Kind.COUNTER, "rows", "Rows committed into lake tables")
FILES = Metric("headrace_files", Kind.COUNTER, "files", "Files of commits, raw files included")
FILE_BYTES = Metric("headrace_file_bytes", Kind.COUNTER, "bytes", "Size of those files")
REJECTS = Metric(
    "headrace_rejects", Kind.COUNTER, "events", "Dead letters committed", ("reason",), severity=Severity.PAGE
)
REPEATS = Metric("headrace_repeats_dropped", Kind.COUNTER, "records", "Packs that their lane had accepted before")
CHECKPOINTS = Metric("headrace_checkpoints", Kind.COUNTER, "checkpoints", "Checkpoints that KCL accepted")
CHECKPOINT_FAILURES = Metric(
    "headrace_checkpoint_failures",
    Kind.COUNTER,
    "checkpoints",
    "Checkpoints that KCL refused",
    ("error",),
    severity=Severity.TICKET,
)
MEMORY = Metric(
    "headrace_memory_bytes", Kind.GAUGE, "bytes", "Resident memory of the engine's process", severity=Severity.PAGE
)
BUFFER_BYTES = Metric(
    "headrace_buffer_bytes", Kind.GAUGE, "bytes", "Records held and not yet committed", severity=Severity.TICKET
)
BATCH_AGE_SECONDS = Metric(
    "headrace_batch_age_seconds",
    Kind.GAUGE,
    "seconds",
    "Age of the batch that is being committed; 0 while none is",
    severity=Severity.PAGE,
)
SHARDS = Metric("headrace_shards", Kind.GAUGE, "shards", "Shards leased to this worker")
PASSIVE_SHARDS = Metric(
    "headrace_passive_shards",
    Kind.GAUGE,
    "shards",
    "Shards that were fenced and wait for leaseLost",
    severity=Severity.TICKET,
)
FENCES = Metric(
    "headrace_fences",
    Kind.COUNTER,
    "fences",
    "Commits of a shard that another worker's link refused",
    severity=Severity.TICKET,
)
PENDING_FILES = Metric("headrace_pending_files", Kind.GAUGE, "files", "Files committed and not yet proven complete")
PENDING_AGE_SECONDS = Metric(
    "headrace_pending_age_seconds", Kind.GAUGE, "seconds",
    "Age of the oldest commit with files that are not yet proven complete; 0 while none is", severity=Severity.PAGE,
)  # fmt: skip
RESTARTS = Metric(
    "headrace_restarts", Kind.COUNTER, "restarts", "How often the supervisor started engine and daemon anew",
    severity=Severity.PAGE,
)  # fmt: skip
GAPS = Metric(
    "headrace_gaps", Kind.COUNTER, "gaps", "Gap links: records that had expired before they were read",
    severity=Severity.PAGE,
)  # fmt: skip
LATE = Metric(
    "headrace_late_events", Kind.COUNTER, "events", "Rows committed that came too late for windows",
    severity=Severity.TICKET,
)  # fmt: skip
BUFFER_LIMIT_BYTES = Metric(
    "headrace_buffer_limit_bytes", Kind.GAUGE, "bytes", "How many may be held before pipes are read no more"
)
RETENTION_MS = Metric(
    "headrace_retention_ms", Kind.GAUGE, "milliseconds", "How long the stream keeps records, as this engine found it"
)

WINDOW_STEPS = Metric(
    "headrace_window_steps", Kind.COUNTER, "steps", "Steps of the windows service", severity=Severity.PAGE
)
WINDOW_STEP_SECONDS = Metric(
    "headrace_window_step_duration_seconds",
    Kind.HISTOGRAM,
    "seconds",
    "From following the log to proven files",
    buckets=_SECONDS,
)
WINDOW_COMMITS = Metric("headrace_window_commits_merged", Kind.COUNTER, "commits", "Commits of workers that are merged")
WINDOWS_OPEN = Metric(
    "headrace_windows_open", Kind.GAUGE, "panes", "Panes and sessions, per key, whose windows are not all out"
)
WINDOWS_EMITTED = Metric("headrace_windows_emitted", Kind.COUNTER, "windows", "Windows that came out")
WINDOWS_REVISED = Metric(
    "headrace_windows_revised", Kind.COUNTER, "windows", "Windows that were out and came out again, with later events"
)
WINDOWS_DELETED = Metric(
    "headrace_windows_deleted", Kind.COUNTER, "windows", "Sessions that were out and became part of another"
)
LOW_WATERMARK_SECONDS = Metric(
    "headrace_low_watermark_seconds", Kind.GAUGE, "seconds",
    "Unix time up to which events are complete; minus infinity while a shard has said nothing",
)  # fmt: skip
LOW_WATERMARK_AGE_SECONDS = Metric(
    "headrace_low_watermark_age_seconds", Kind.GAUGE, "seconds", "Since when the low watermark has stood still",
    severity=Severity.PAGE,
)  # fmt: skip
SHARD_SILENCE_SECONDS = Metric(
    "headrace_shard_silence_seconds", Kind.GAUGE, "seconds",
    "Since when a shard that is to be read has brought neither commit nor heartbeat; the longest of all",
    severity=Severity.PAGE,
)  # fmt: skip

LOADS = Metric("headrace_loads", Kind.COUNTER, "loads", "Transactions of the loader that stand in the warehouse")
LOAD_SECONDS = Metric(
    "headrace_load_duration_seconds", Kind.HISTOGRAM, "seconds", "From the first look to the commit", buckets=_SECONDS
)
LOADED_ROWS = Metric("headrace_loaded_rows", Kind.COUNTER, "rows", "Rows copied into the warehouse", ("table",))
LOADED_FILES = Metric("headrace_loaded_files", Kind.COUNTER, "files", "Files copied into the warehouse", ("table",))
HELD_FILES = Metric(
    "headrace_held_files", Kind.GAUGE, "files", "Files that wait until their table fits", severity=Severity.TICKET
)
QUARANTINED_FILES = Metric(
    "headrace_quarantined_files", Kind.COUNTER, "files", "Files that cannot be loaded and wait for an operator",
    ("table",), severity=Severity.TICKET)  # fmt: skip
WAITING_SECONDS = Metric(
    "headrace_load_waiting_seconds",
    Kind.GAUGE,
    "seconds",
    "Age of the oldest commit that waits for its load",
    severity=Severity.PAGE,
)
WAITING_FILES = Metric("headrace_load_waiting_files", Kind.GAUGE, "files", "Files that wait for the next load")
WAREHOUSE_UP = Metric(
    "headrace_warehouse_up", Kind.GAUGE, "state", "1 while the warehouse answers, else 0", severity=Severity.PAGE
)
LOADERS_OVERTAKEN = Metric(
    "headrace_loader_overtaken",
    Kind.COUNTER,
    "times",
    "Another loader of the pipeline was faster",
    severity=Severity.TICKET,
)

LOAD_CATALOGUE = (
    LOADS, LOAD_SECONDS, LOADED_ROWS, LOADED_FILES, HELD_FILES, QUARANTINED_FILES, WAITING_SECONDS, WAITING_FILES,
    WAREHOUSE_UP, LOADERS_OVERTAKEN, MEMORY,
)  # fmt: skip
"""What the loader shows."""

WINDOWS_CATALOGUE = (
    WINDOW_STEPS, WINDOW_STEP_SECONDS, WINDOW_COMMITS, WINDOWS_OPEN, WINDOWS_EMITTED, WINDOWS_REVISED, WINDOWS_DELETED,
    LOW_WATERMARK_SECONDS, LOW_WATERMARK_AGE_SECONDS, SHARD_SILENCE_SECONDS, MEMORY,
)  # fmt: skip
"""What the windows service shows."""

CATALOGUE = (
    RECORDS, BYTES, LAG_MS, COMMITS, COMMIT_SECONDS, BATCH_ROWS, ROWS, FILES, FILE_BYTES, REJECTS, REPEATS, FENCES,
    CHECKPOINTS, CHECKPOINT_FAILURES, MEMORY, BUFFER_BYTES, BATCH_AGE_SECONDS, SHARDS, PASSIVE_SHARDS, PENDING_FILES,
    PENDING_AGE_SECONDS, RESTARTS, GAPS, LATE, BUFFER_LIMIT_BYTES, RETENTION_MS,
)  # fmt: skip
"""What an engine shows."""
