"""What the windows service writes down with each commit: how far it is, and where its state stands."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from headrace_consumers.errors import NewerFormatError
from headrace_consumers.records import ROOT
from headrace_consumers.windows_service.watermarks import MINUS_INFINITY_US, ShardProgress

FORMAT = 2
WITHOUT_GENERATIONS = 1
"""Its shards are those of the generation that its commit is of, and it forgot sessions that were taken back."""


class StoredPartition(msgspec.Struct, frozen=True, array_like=True):
    """The state of one window's partition, in two files of the commit that wrote it last."""

    bucket: str
    panes_key: str
    emitted_key: str
    low_us: int
    """No pane and no window that is out begins before it."""
    high_us: int
    """None of them ends after it."""
    closes_us: int
    """When the last window that its panes are part of closes."""

    @property
    def files(self) -> set[tuple[str, str]]:
        return {(self.bucket, self.panes_key), (self.bucket, self.emitted_key)}


class WindowCounts(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of one window's windows, per key; early rows count nowhere. State that is older than the counts begins at 0."""

    open: int = 0
    """With events, and not out after this commit."""
    emitted: int = 0
    """Windows that came out, ever; one that comes back after its tombstone counts again."""
    revised: int = 0
    """Revisions after the first, ever; tombstones not among them."""
    deleted: int = 0
    """Tombstones, ever."""

    @property
    def closed(self) -> int:
        """Out, and not taken back."""
        return self.emitted - self.deleted


class StoredWindow(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state of one window."""

    declared: str
    """Its declaration: state of another one cannot be gone on with."""
    emitted_up_to_us: int = MINUS_INFINITY_US
    """Every window that closes up to here is out."""
    partitions: dict[str, StoredPartition] = {}
    counts: WindowCounts = WindowCounts()
    first_revision: int = 1
    """Of windows that are not known to have been out: above all tombstones that were forgotten."""


class Manifest(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state after one commit."""

    format: int = 1
    """FORMAT, as `encode_manifest` writes it; 1 where it is not stated."""
    progress: dict[int, dict[str, ShardProgress]] = {}
    """How far each shard's chain is merged, by generation."""
    batch_position: int = ROOT
    """The same of the batch chain."""
    low_watermark_us: int = MINUS_INFINITY_US
    held_back_by: str = ""
    """The shard whose watermark was the least at this commit; empty where none counted."""
    windows: dict[str, StoredWindow] = {}

    @property
    def shards(self) -> Mapping[str, ShardProgress]:
        """Those of the newest generation, whose watermarks count."""
        return self.progress[max(self.progress)] if self.progress else {}

    @property
    def files(self) -> set[tuple[str, str]]:
        """Bucket and key of all state that it names."""
        stored = (partition for window in self.windows.values() for partition in window.partitions.values())
        return {file for partition in stored for file in partition.files}


class _Header(msgspec.Struct):
    format: int = 1


class _WithoutGenerations(msgspec.Struct, frozen=True):
    progress: dict[str, ShardProgress] = {}
    low_watermark_us: int = MINUS_INFINITY_US
    held_back_by: str = ""
    windows: dict[str, StoredWindow] = {}


def encode_manifest(manifest: Manifest) -> bytes:
    return msgspec.json.encode(replace(manifest, format=FORMAT))


def decode_manifest(body: bytes, generation: int) -> Manifest:
    """`generation` is that of its commit. Raises NewerFormatError where a newer Headrace wrote it."""
    found = msgspec.json.decode(body, type=_Header).format
    if found > FORMAT:
        raise NewerFormatError(f"the windows' manifest has format {found}, this version reads up to {FORMAT}")
    if found == WITHOUT_GENERATIONS:
        return _with_generation(msgspec.json.decode(body, type=_WithoutGenerations), generation)
    return msgspec.json.decode(body, type=Manifest)


def _with_generation(old: _WithoutGenerations, generation: int) -> Manifest:
    return Manifest(
        progress={generation: old.progress} if old.progress else {},
        low_watermark_us=old.low_watermark_us,
        held_back_by=old.held_back_by,
        windows={name: _above_the_forgotten(stored) for name, stored in old.windows.items()},
    )


def _above_the_forgotten(stored: StoredWindow) -> StoredWindow:
    """No window has had more revisions than all have had together."""
    counts = stored.counts
    return replace(stored, first_revision=counts.revised + counts.deleted + 2) if counts.deleted else stored
