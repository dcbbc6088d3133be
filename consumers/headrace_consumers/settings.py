"""Settings of the worker: frozen, validated once at the edge, passed down. Nothing here reads the environment."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from headrace_producers.errors import SettingsError

MIB = 1024 * 1024
MIN_FAILOVER_TIME_MS = 1_000
_PREFIX = re.compile(r"[a-z][a-z0-9_]{0,127}")


@dataclass(frozen=True, kw_only=True)
class LakeSettings:
    """Where files go. Buckets exist before the worker starts."""

    raw_bucket: str = "headrace-raw"
    processed_bucket: str = "headrace-processed"
    curated_bucket: str = "headrace-curated"

    @property
    def buckets(self) -> dict[str, str]:
        """Zone to bucket."""
        return {"raw": self.raw_bucket, "processed": self.processed_bucket, "curated": self.curated_bucket}


@dataclass(frozen=True, kw_only=True)
class CatalogSettings:
    """Where the lake's tables stand in the Glue Data Catalog."""

    catalog_prefix: str = "headrace"
    """Databases are `<prefix>_raw`, `<prefix>_processed` and `<prefix>_curated`; pipelines share them."""
    catalog_since: str = ""
    """ISO date. Athena sees partitions from here on, and from the bucket's first one where that is earlier. Where
    empty, months and days count from 2000, hours from a year before the table is made."""

    def __post_init__(self) -> None:
        if not _PREFIX.fullmatch(self.catalog_prefix):
            raise SettingsError(f"catalog_prefix {self.catalog_prefix!r}: lower-case letters, digits and _ please")
        _ = self.since

    def database(self, zone: str) -> str:
        return f"{self.catalog_prefix}_{zone}"

    @property
    def since(self) -> date | None:
        if not self.catalog_since:
            return None
        try:
            return date.fromisoformat(self.catalog_since)
        except ValueError:
            raise SettingsError(f"catalog_since {self.catalog_since!r} is no date such as 2013-01-31") from None


@dataclass(frozen=True, kw_only=True)
class LogSettings:
    """The commit log's DynamoDB table (string keys `pk` and `sk`)."""

    log_table: str = "headrace-log"


@dataclass(frozen=True, kw_only=True)
class BatchSettings:
    """When a batch closes, and how much may wait in memory."""

    max_batch_age_s: float = 30.0
    max_batch_bytes: int = 64 * MIB
    max_batch_rows: int = 1_000_000
    max_batch_partitions: int = 64
    max_buffer_bytes: int = 160 * MIB
    """One budget for all shards of the engine; pipes are not read while it is full."""
    max_unpacked_bytes: int = 64 * MIB
    """A compressed record that unpacks to more is a dead letter."""


@dataclass(frozen=True, kw_only=True)
class KclSettings:
    """What goes into the MultiLangDaemon's properties file."""

    worker_id: str = ""
    """Stable across restarts of the same task; drawn once where empty."""
    retrieval_mode: Literal["POLLING", "FANOUT"] = "POLLING"
    start: str = "TRIM_HORIZON"
    """TRIM_HORIZON, NOW (its time is written to the log once) or an ISO 8601 time. LATEST is refused."""
    failover_time_ms: int = 20_000
    idle_between_reads_ms: int = 1_000
    shard_sync_interval_ms: int = 30_000
    max_records: int = 100
    """Of one read; caps the daemon's lines. Enough for packed records; for single small events say up to 10000."""
    heap_mib: int = 512
    """KCL holds up to four reads of each shard, of at most 10 MB each."""
    cbor: bool = True
    """Off for emulators that lack it."""
    graceful_lease_handoff: bool = False
    """KCL's graceful handoff; 3.1.3 lacks fixes for leases that get stuck in it. The commit log fences all the same."""
    protect_lease_tables: bool = False
    """DynamoDB refuses to delete the tables that KCL makes, for as long as nobody takes this off them."""


@dataclass(frozen=True, kw_only=True)
class ServiceSettings:
    """How the service is watched and stopped."""

    metrics_port: int = 0
    """Port of /metrics and /healthz on `metrics_host`; 0 draws a free one and logs it."""
    metrics_host: str = "127.0.0.1"
    stall_limit_s: float = 300.0
    """Unhealthy, and restarted, when a batch is in hand or lag stands without progress for longer."""
    shutdown_grace_s: float = 25.0
    max_restarts_per_hour: int = 20
    state_dir: str = ""
    """Keeps a drawn worker id over restarts of the supervisor; empty keeps it in memory only. One worker at a time."""


@dataclass(frozen=True, kw_only=True)
class WindowsSettings:
    """How the windows service follows the log."""

    stream: str = ""
    """Overrides the pipeline's stream."""
    poll_interval_s: float = 1.0
    """How long it waits where the log has nothing new."""
    early_every_s: float = 0.0
    """How often windows that are not out are shown as they are; 0 never."""
    metrics_port: int = 0
    """Port of /metrics and /healthz on `metrics_host`; 0 draws a free one and logs it."""
    metrics_host: str = "127.0.0.1"
    stall_limit_s: float = 300.0
    """Unhealthy, and ended, when no step has ended for longer."""
    owner: str = "windows"
    """Who wrote, in the links of its chain."""


@dataclass(frozen=True, kw_only=True)
class LoadSettings:
    """How the loader follows the log, and when it loads."""

    stream: str = ""
    """Overrides the pipeline's stream."""
    load_interval_s: float = 60.0
    """A load is due so long after the first commit that waits for it."""
    max_load_bytes: int = 1024 * MIB
    """Or with so much waiting."""
    max_load_files: int = 2_000
    poll_interval_s: float = 1.0
    """How long it waits where the log has nothing new."""
    held_retry_s: float = 60.0
    """How often files are tried again that did not fit."""
    maintenance: str = ""
    """Spans of UTC in which nothing is loaded: `sun 03:00-04:00, 23:50-00:10`; every day where none is named."""
    metrics_port: int = 0
    """Port of /metrics and /healthz on `metrics_host`; 0 draws a free one and logs it."""
    metrics_host: str = "127.0.0.1"
    stall_limit_s: float = 900.0
    """Unhealthy, and ended, when no step has ended for longer."""


@dataclass(frozen=True, kw_only=True)
class WarehouseSettings:
    """How the warehouse is reached, and where in it the loader writes."""

    warehouse_host: str = ""
    warehouse_port: int = 5439
    warehouse_database: str = ""
    warehouse_user: str = ""
    warehouse_password: str = field(default="", repr=False)
    """From HEADRACE_WAREHOUSE_PASSWORD alone: everybody on a machine may read its command lines."""
    warehouse_ssl: bool = True
    """TLS with a certificate that is verified, its name too. Off for the local warehouse only."""
    warehouse_timeout_s: int = 900
    """A connection on which a statement says nothing for longer counts as lost."""
    warehouse_schema: str = "staging"
    copy_role: str = "default"
    """The role that COPY reads the lake with: an ARN, or the cluster's default."""


@dataclass(frozen=True, kw_only=True)
class WorkerSettings:
    """Everything that `headrace-consumers run` needs beside the pipeline itself."""

    stream: str = ""
    """Overrides the pipeline's stream."""
    lake: LakeSettings = field(default_factory=LakeSettings)
    log: LogSettings = field(default_factory=LogSettings)
    batch: BatchSettings = field(default_factory=BatchSettings)
    kcl: KclSettings = field(default_factory=KclSettings)
    service: ServiceSettings = field(default_factory=ServiceSettings)

    def __post_init__(self) -> None:
        _check(self)


def _check(settings: WorkerSettings) -> None:
    batch, kcl = settings.batch, settings.kcl
    for name in ("max_batch_age_s", "max_batch_bytes", "max_batch_rows", "max_batch_partitions", "max_unpacked_bytes"):
        if getattr(batch, name) <= 0:
            raise SettingsError(f"{name} must be above 0")
    if batch.max_buffer_bytes < batch.max_batch_bytes:
        raise SettingsError("max_buffer_bytes must be at least max_batch_bytes, or a batch could never fill")
    if kcl.start.upper() == "LATEST":
        raise SettingsError(
            "start LATEST loses what comes before the first checkpoint; say NOW, TRIM_HORIZON or a time"
        )
    require_start(kcl.start)
    if kcl.failover_time_ms < MIN_FAILOVER_TIME_MS:
        raise SettingsError(f"failover_time_ms must be at least {MIN_FAILOVER_TIME_MS}")


def require_start(start: str) -> None:
    """SettingsError where it is no position from which a worker can begin."""
    if start.upper() in ("TRIM_HORIZON", "NOW"):
        return
    try:
        has_offset = datetime.fromisoformat(start).tzinfo is not None
    except ValueError:
        has_offset = False
    if not has_offset:
        raise SettingsError(f"start {start!r} is neither TRIM_HORIZON, NOW nor an ISO 8601 time with an offset")
