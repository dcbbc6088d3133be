"""What a month costs, by events a second and bytes an event: quantities only; prices stand in prices.toml."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from headrace_consumers.settings import MIB, BatchSettings, KclSettings, LoadSettings, WindowsSettings
from headrace_producers.settings import ProducerSettings

HOURS = 730
SECONDS = HOURS * 3600
GB = 10**9
KB = 1024
ZONES = 3
PUT_UNIT = 25 * KB


@dataclass(frozen=True, kw_only=True)
class Size:
    """A pipeline and its load. What follows the first two lines are defaults of the product, of prod's env.hcl, or
    assumptions, which the page names."""

    events_per_s: int
    event_bytes: int = 500
    on_demand: bool = True
    workers: int = 2
    producers: int = 4
    tables: int = 3
    windows: int = 3
    partitions: int = 1
    worker_vcpu: float = 2.0
    worker_gb: float = 8.0
    base_rpus: int = 32
    load_interval_s: float = LoadSettings.load_interval_s
    load_duration_s: float = 10.0
    build_minutes_an_hour: float = 3.0
    """dbt's; what people ask comes on top."""
    kept_months: int = 12
    lake_share: float = 0.25
    """Of the bytes of events: as large are their rows as Parquet. Records as received the same once more."""

    @property
    def bytes_per_s(self) -> float:
        return self.events_per_s * self.event_bytes

    @property
    def gb(self) -> float:
        return self.bytes_per_s * SECONDS / GB

    @property
    def shards(self) -> int:
        """A shard takes 1 MB and 1,000 records a second, and is filled to two thirds; four are the least on demand."""
        least = 4 if self.on_demand else 2
        return max(least, math.ceil(self.bytes_per_s / (MIB * 2 / 3)))

    @property
    def pack_bytes(self) -> float:
        """A lane sends when its pack is full or has waited for long enough."""
        settings = ProducerSettings()
        lane = self.bytes_per_s / self.producers / self.shards
        return max(self.event_bytes, min(lane * settings.linger_s, settings.pack_units * PUT_UNIT))

    @property
    def packs(self) -> float:
        return self.bytes_per_s * SECONDS / self.pack_bytes

    @property
    def commits(self) -> float:
        """Of all workers: a batch closes by age or by bytes, whichever is first."""
        by_age = self.workers / BatchSettings.max_batch_age_s
        by_bytes = self.bytes_per_s / BatchSettings.max_batch_bytes
        return max(by_age, by_bytes) * SECONDS

    @property
    def files(self) -> int:
        """Of a commit: raw records, a file per table and partition, partials per window."""
        return 1 + self.tables * self.partitions + self.windows

    @property
    def window_commits(self) -> float:
        """The windows service follows the commits, at most once a poll."""
        return min(self.commits, SECONDS / WindowsSettings.poll_interval_s) if self.windows else 0


COMMIT_HEAD_BYTES = 100
FILE_BYTES = 485
"""Of a commit's item, per file: key, partition, upload id, checksums. Measured on the demo's commits."""
LINK_BYTES = 700


def commit_write_units(files: int, links: int) -> int:
    """A transaction costs two units per item and KB: the commit, one link per shard, and the generation's check."""
    items = [COMMIT_HEAD_BYTES + files * FILE_BYTES, *([LINK_BYTES] * links), 1]
    return sum(2 * math.ceil(size / KB) for size in items)


def _links(size: Size) -> int:
    """Shards are spread over the workers."""
    return math.ceil(size.shards / size.workers)


def log_write_units(size: Size) -> float:
    window_files = 2 * size.windows + 1
    streamed = size.commits * commit_write_units(size.files, _links(size))
    return streamed + size.window_commits * commit_write_units(window_files, 1)


def log_read_units(size: Size) -> float:
    """Windows service and loader ask every chain for its next link once a poll, consistently: a unit each."""
    polls = 1 / WindowsSettings.poll_interval_s + 1 / LoadSettings.poll_interval_s
    return polls * (size.shards + 2) * SECONDS


def lease_write_units(size: Size) -> float:
    """KCL renews each lease three times within the failover time, and writes each checkpoint."""
    renewals = 3 * 1000 / KclSettings.failover_time_ms * SECONDS
    return size.shards * renewals + size.commits * _links(size)


def s3_puts(size: Size) -> float:
    """A file is an upload begun, a part, and completed. Windows write rows and state; a load writes manifests."""
    loads = SECONDS / size.load_interval_s
    return 3 * (size.commits * size.files + size.window_commits * (2 * size.windows + 1)) + loads * size.tables


def s3_gets(size: Size) -> float:
    """Each file is proved once by its writer; the loader asks for footer and COPY, the windows service for partials."""
    loaded = size.tables * size.partitions
    return size.commits * (size.files + 2 * loaded + size.windows)


def active_share(size: Size) -> float:
    """A query is billed for a minute at least: so is a load. Builds run between loads as well as beside them."""
    loads = max(60.0, size.load_duration_s) / size.load_interval_s
    return min(1.0, loads + size.build_minutes_an_hour / 60)


def vcpus(size: Size) -> float:
    """Workers; windows and loader; dbt, which runs for a tenth of each hour."""
    return size.workers * size.worker_vcpu + 2 * 0.5 + 0.1 * 1.0


def memory_gb(size: Size) -> float:
    return size.workers * size.worker_gb + 2 * 2.0 + 0.1 * 2.0


INTERFACES = 6
KEYS = 8
ALARM_METRICS = 74
COMPOSITE_ALARMS = 15
CUSTOM_METRICS = 60
LOG_GB_PER_TASK = 1.5


@dataclass(frozen=True)
class Row:
    """One line of a table: how many units of what price."""

    name: str
    price: str
    units: Callable[[Size], float]


def _kinesis_in(size: Size) -> float:
    """On demand each record is rounded up to the next KB."""
    return size.packs * math.ceil(size.pack_bytes / KB) * KB / GB if size.on_demand else 0


KINESIS = (
    Row("Kinesis: the stream", "stream_hour", lambda size: HOURS * size.on_demand),
    Row("Kinesis: data in", "on_demand_in_gb", _kinesis_in),
    Row("Kinesis: data out", "on_demand_out_gb", lambda size: size.gb * size.on_demand),
    Row("Kinesis: kept for a week", "retention_on_demand_gb_month", lambda size: size.gb * 6 / 30 * size.on_demand),
    Row("Kinesis: shards", "shard_hour", lambda size: size.shards * HOURS * (not size.on_demand)),
    Row(
        "Kinesis: units of 25 KB", "put_unit_million",
        lambda size: size.packs * math.ceil(size.pack_bytes / PUT_UNIT) / 1e6 * (not size.on_demand),
    ),
    Row(
        "Kinesis: shards kept for a week", "retention_shard_hour",
        lambda size: size.shards * HOURS * (not size.on_demand),
    ),
)  # fmt: skip
STORAGE = (
    Row("S3: storage", "s3_gb_month", lambda size: 2 * size.lake_share * size.gb * size.kept_months),
    Row("S3: PUT and the like", "s3_put_thousand", lambda size: s3_puts(size) / 1e3),
    Row("S3: GET and the like", "s3_get_thousand", lambda size: s3_gets(size) / 1e3),
)
WAREHOUSE = (
    Row("Redshift Serverless: RPUs", "rpu_hour", lambda size: size.base_rpus * HOURS * active_share(size)),
    Row("Redshift: storage", "warehouse_gb_month", lambda size: size.lake_share * size.gb * size.kept_months),
)
FIXED = (
    Row("Interface endpoints", "endpoint_zone_hour", lambda _: INTERFACES * ZONES * HOURS),
    Row("Interface endpoints: data", "endpoint_gb", lambda size: size.gb),
    Row("KMS: keys", "key_month", lambda _: KEYS),
    Row("CloudWatch: alarms", "alarm_metric_month", lambda _: ALARM_METRICS),
    Row("CloudWatch: alarms of alarms", "composite_alarm_month", lambda _: COMPOSITE_ALARMS),
    Row("CloudWatch: metrics", "metric_month", lambda _: CUSTOM_METRICS),
)
HEADRACE = (
    *KINESIS,
    Row("Commit log: writes", "write_unit_million", lambda size: log_write_units(size) / 1e6),
    Row("Commit log: reads", "read_unit_million", lambda size: log_read_units(size) / 1e6),
    Row("KCL's leases: writes", "write_unit_million", lambda size: lease_write_units(size) / 1e6),
    *STORAGE,
    Row("CloudTrail: data events", "trail_event_hundred_thousand", lambda size: (s3_puts(size) + s3_gets(size)) / 1e5),
    Row("Fargate: vCPUs", "vcpu_hour", lambda size: vcpus(size) * HOURS),
    Row("Fargate: memory", "memory_gb_hour", lambda size: memory_gb(size) * HOURS),
    *WAREHOUSE,
    *FIXED,
    Row("CloudWatch: logs", "log_gb", lambda size: (size.workers + 3) * LOG_GB_PER_TASK),
)


def _firehose_gb(size: Size) -> float:
    """Records are rounded up to the next 5 KB."""
    step = 5 * KB
    return size.packs * math.ceil(size.pack_bytes / step) * step / GB


def _firehose_puts(size: Size) -> float:
    """A file per table and 300 s or 128 MB, three requests each."""
    files = max(SECONDS / 300, size.lake_share * size.gb * GB / (128 * 10**6))
    return 3 * files * size.tables


FIREHOSE = (
    *KINESIS,
    Row("Firehose: data", "firehose_gb", _firehose_gb),
    Row("Firehose: conversion to Parquet", "firehose_conversion_gb", _firehose_gb),
    STORAGE[0],
    Row("S3: PUT and the like", "s3_put_thousand", lambda size: _firehose_puts(size) / 1e3),
    *WAREHOUSE,
    *FIXED,
)


def flink_kpus(size: Size) -> float:
    """A KPU has one vCPU and 4 GB: as many as our workers and windows have vCPUs, and one that orchestrates."""
    return size.workers * size.worker_vcpu + 1 + 1


FLINK = (
    *KINESIS,
    Row("Managed Flink: KPUs", "kpu_hour", lambda size: flink_kpus(size) * HOURS),
    *STORAGE,
    *WAREHOUSE,
    *FIXED,
)

SIZES = (
    Size(events_per_s=100, base_rpus=8, worker_vcpu=1.0, worker_gb=4.0, load_interval_s=900.0),
    Size(events_per_s=5_000),
    Size(events_per_s=50_000, on_demand=False, workers=6, producers=20, base_rpus=64, load_duration_s=30.0),
)
