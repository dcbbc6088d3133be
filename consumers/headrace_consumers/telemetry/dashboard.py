"""The overview of one pipeline: pure data, from which dashboards are generated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from headrace_consumers.telemetry import catalogue as c
from headrace_consumers.telemetry.alarms.alarm import Series, Service, Statistic, ours
from headrace_consumers.telemetry.alarms.aws import archive, log_table, service_of, stream, tasks_of, workgroup
from headrace_consumers.telemetry.catalogue import Metric


@dataclass(frozen=True, slots=True)
class Line:
    label: str
    series: Series


@dataclass(frozen=True, slots=True)
class Panel:
    title: str
    lines: tuple[Line, ...]
    stacked: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    title: str
    panels: tuple[Panel, ...]


def _line(service: Service, label: str, metric: Metric, statistic: Statistic, by: str = "") -> Line:
    return Line(label, replace(ours(metric, service, statistic), by=by))


_worker = partial(_line, Service.WORKER)
_windows = partial(_line, Service.WINDOWS)
_loader = partial(_line, Service.LOADER)
_AVERAGE, _MAXIMUM, _SUM = Statistic.AVERAGE, Statistic.MAXIMUM, Statistic.SUM

_FRESHNESS = Row("How fresh is the data?", (
    Panel("Lag of the worker, ms", (
        _worker("behind the tip", c.LAG_MS, _MAXIMUM),
        Line("iterator age of all readers", stream("GetRecords.IteratorAgeMilliseconds", _MAXIMUM)),
    )),
    Panel("Windows stand still since, s", (
        _windows("low watermark", c.LOW_WATERMARK_AGE_SECONDS, _MAXIMUM),
        _windows("a shard says nothing", c.SHARD_SILENCE_SECONDS, _MAXIMUM),
    )),
    Panel("Waits for its load since, s", (_loader("oldest commit", c.WAITING_SECONDS, _MAXIMUM),)),
))  # fmt: skip
_FLOW = Row("What comes in", (
    Panel("Records and rows", (
        _worker("records delivered", c.RECORDS, _SUM),
        _worker("rows committed", c.ROWS, _SUM),
        _worker("repeats dropped", c.REPEATS, _SUM),
        _worker("late for windows", c.LATE, _SUM),
    )),
    Panel("Dead letters by reason", (_worker("dead letters", c.REJECTS, _SUM, by="reason"),), stacked=True),
    Panel("Bytes", (
        _worker("of records", c.BYTES, _SUM),
        _worker("of files", c.FILE_BYTES, _SUM),
    )),
))  # fmt: skip
_COMMITS = Row("The commit path", (
    Panel("Commits and files", (
        _worker("commits", c.COMMITS, _SUM),
        _worker("files", c.FILES, _SUM),
        _worker("files pending", c.PENDING_FILES, _MAXIMUM),
    )),
    Panel("How long a commit takes, s", (
        _worker("average", c.COMMIT_SECONDS, _AVERAGE),
        _worker("the one in flight", c.BATCH_AGE_SECONDS, _MAXIMUM),
    )),
    Panel("Held in memory, bytes", (
        _worker("records held", c.BUFFER_BYTES, _MAXIMUM),
        _worker("limit", c.BUFFER_LIMIT_BYTES, _MAXIMUM),
        _worker("resident", c.MEMORY, _MAXIMUM),
    )),
))  # fmt: skip
_LEASES = Row("Leases and restarts", (
    Panel("Shards", (
        _worker("leased, the most of one worker", c.SHARDS, _MAXIMUM),
        _worker("passive", c.PASSIVE_SHARDS, _MAXIMUM),
    )),
    Panel("What went wrong", (
        _worker("fences", c.FENCES, _SUM),
        _worker("checkpoints refused", c.CHECKPOINT_FAILURES, _SUM),
        _worker("restarts", c.RESTARTS, _SUM),
        _worker("gaps", c.GAPS, _SUM),
    )),
    Panel("Throttled", (
        Line("writes to the stream", stream("WriteProvisionedThroughputExceeded", _SUM)),
        Line("reads from the stream", stream("ReadProvisionedThroughputExceeded", _SUM)),
        Line("writes to the commit log", log_table("WriteThrottleEvents", _SUM)),
        Line("reads from the commit log", log_table("ReadThrottleEvents", _SUM)),
    )),
))  # fmt: skip
_WINDOWS = Row("Windows", (
    Panel("Windows that came out", (
        _windows("new", c.WINDOWS_EMITTED, _SUM),
        _windows("revised", c.WINDOWS_REVISED, _SUM),
        _windows("deleted", c.WINDOWS_DELETED, _SUM),
    )),
    Panel("Open", (_windows("panes and sessions", c.WINDOWS_OPEN, _MAXIMUM),)),
    Panel("How long a step takes, s", (_windows("average", c.WINDOW_STEP_SECONDS, _AVERAGE),)),
))  # fmt: skip
_LOADS = Row("Loads", (
    Panel("Rows loaded", (_loader("rows", c.LOADED_ROWS, _SUM, by="table"),), stacked=True),
    Panel("How long a load takes, s", (_loader("average", c.LOAD_SECONDS, _AVERAGE),)),
    Panel("Files that are not loaded", (
        _loader("waiting", c.WAITING_FILES, _MAXIMUM),
        _loader("held", c.HELD_FILES, _MAXIMUM),
        _loader("quarantined", c.QUARANTINED_FILES, _SUM),
    )),
))  # fmt: skip
_COSTS = Row("What it costs is driven by", (
    Panel("Bytes through Kinesis and Firehose", (
        Line("into the stream", stream("IncomingBytes", _SUM)),
        Line("out of the stream", stream("GetRecords.Bytes", _SUM)),
        Line("into the archive", archive("DeliveryToS3.Bytes", _SUM)),
    )),
    Panel("Tasks and their CPU, %", tuple(
        line
        for service in Service
        for line in (
            Line(f"{service} tasks", tasks_of(service)("RunningTaskCount", _AVERAGE)),
            Line(f"{service} CPU", service_of(service)("CPUUtilization", _AVERAGE)),
        )
    )),
    Panel("Warehouse and commit log", (
        Line("RPU seconds", workgroup("ComputeSeconds", _SUM)),
        Line("write units of the log", log_table("ConsumedWriteCapacityUnits", _SUM)),
        Line("read units of the log", log_table("ConsumedReadCapacityUnits", _SUM)),
    )),
))  # fmt: skip

OVERVIEW = (_FRESHNESS, _FLOW, _COMMITS, _LEASES, _WINDOWS, _LOADS, _COSTS)
