"""Every option of the producer, frozen, with units in the names."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from headrace_producers.errors import SettingsError

KIB = 1024
MIB = 1024 * KIB
BILLING_UNIT_BYTES = 25 * KIB
"""Provisioned streams bill each record in units of this size."""
MAX_KEY_BYTES = 256
"""Kinesis counts the partition key, of at most 256 characters, into the record."""


class Compression(StrEnum):
    """How the data of a pack is compressed, as a whole; readers know it by its first bytes."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"
    """Needs the extra `headrace-producers[zstd]`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProducerSettings:
    """How much is held, how long, and how it is sent. SettingsError names the field that contradicts another."""

    source: str = "headrace-producers"
    """The CloudEvents source: who says so, e.g. the name of the application."""

    max_buffer_bytes: int = 64 * MIB
    """Encoded events that may wait in memory; with a spool only those that are not packed yet."""
    max_buffer_events: int = 500_000
    put_timeout_s: float = 10.0
    """How long put() waits for room before BufferFullError; 0 never waits."""

    linger_s: float = 0.2
    """The longest that an event waits for others to fill its pack."""
    pack_units: int = 10
    """A pack is cut just below this many billing units of 25 KiB, its partition key included."""
    max_pack_events: int = 10_000
    compression: Compression = Compression.NONE
    max_record_bytes: int = MIB
    """What the stream takes as one record, partition key included; a larger event is refused by put()."""
    max_call_records: int = 500
    max_call_bytes: int = 5 * MIB

    retry_initial_s: float = 0.1
    retry_max_s: float = 10.0
    """Waits between attempts double from the first to this, each drawn between half of it and the whole."""
    horizon_s: float = 3600.0
    """H: how long the consumers remember a silent lane. A pack once attempted is never sent again after half of it."""
    shard_map_min_age_s: float = 1.0
    """ListShards is not called more often than this."""

    spool_dir: Path | None = None
    """Where packs wait on disk; one folder belongs to one process. None keeps packs in memory."""
    max_spool_bytes: int = KIB * MIB
    """Past it packs are cut no more, and put() blocks as soon as the buffer is full too."""

    close_timeout_s: float = 30.0
    """How long leaving a `with` block waits for what is buffered."""

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            if getattr(self, name) <= 0:
                raise SettingsError(f"{name}: must be greater than 0")
        if self.put_timeout_s < 0 or self.close_timeout_s < 0 or self.linger_s < 0:
            raise SettingsError("put_timeout_s, close_timeout_s, linger_s: must not be negative")
        if not self.source:
            raise SettingsError("source: CloudEvents demands one; name the application")
        if self.pack_bytes > self.max_record_bytes - MAX_KEY_BYTES:
            raise SettingsError("pack_units: a pack of so many units of 25 KiB is larger than max_record_bytes")
        if self.max_record_bytes > min(self.max_call_bytes, self.max_buffer_bytes):
            raise SettingsError("max_record_bytes: larger than max_call_bytes or max_buffer_bytes")
        if self.retry_initial_s > self.retry_max_s:
            raise SettingsError("retry_initial_s: greater than retry_max_s")

    @property
    def pack_bytes(self) -> int:
        """Where a pack is cut, the partition key apart."""
        return self.pack_units * BILLING_UNIT_BYTES - MAX_KEY_BYTES

    @property
    def max_event_bytes(self) -> int:
        """The longest line that fits a record."""
        return self.max_record_bytes - MAX_KEY_BYTES

    @property
    def resend_limit_s(self) -> float:
        """The age of its first attempt past which a pack is not sent again."""
        return self.horizon_s / 2


_POSITIVE = (
    "max_buffer_bytes", "max_buffer_events", "pack_units", "max_pack_events", "max_record_bytes", "max_call_records",
    "max_call_bytes", "retry_initial_s", "retry_max_s", "horizon_s", "shard_map_min_age_s", "max_spool_bytes",
)  # fmt: skip
