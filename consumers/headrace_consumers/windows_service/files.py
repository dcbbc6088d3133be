"""State, manifests and curated windows as files of a commit, and state back again."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from headrace_consumers.lake.objects import EncodedFile, PendingFile
from headrace_consumers.windows_service.emitting import curated_schema
from headrace_consumers.windows_service.manifest import Manifest, StoredPartition, encode_manifest
from headrace_consumers.windows_service.spans import Partitions, last_close_us, times
from headrace_consumers.windows_service.state import WindowState
from headrace_consumers.windows_service.tables import encoded
from headrace_consumers.windows_service.watermarks import MINUS_INFINITY_US

MANIFEST = "manifest"
ZONE = "curated"


def state_table(pipeline: str) -> str:
    return f"{pipeline}_windows_state"


def curated_files(state: WindowState, rows: pa.Table, attempt_id: str) -> Iterator[EncodedFile]:
    """One file per partition of the window's start."""
    window = state.window
    commit = pa.array([attempt_id], pa.string()).take(pa.array(np.zeros(len(rows), np.int64)))
    whole = rows.append_column("commit_id", commit).cast(curated_schema(window, state.contract))
    starts = rows.select(["window_start"]).rename_columns(["start_us"])
    found = Partitions.of(window, starts)
    for name in sorted(found.names):
        folder = f"{window.partition_by.column}={name}"
        yield _file(window.name, folder, f"{window.name}/{folder}/{attempt_id}.parquet", _rows_in(whole, found, name))


def state_files(state: WindowState, pipeline: str, attempt_id: str) -> list[EncodedFile]:
    """What the dirty partitions hold, all of them together: panes, and which windows are out."""
    folder = state.window.folder
    where = f"{state_table(pipeline)}/{folder}/{attempt_id}"
    panes, emitted = state.changed()
    return [
        _file(state_table(pipeline), folder, f"{where}-panes.parquet", panes),
        _file(state_table(pipeline), folder, f"{where}-emitted.parquet", emitted),
    ]


def manifest_file(manifest: Manifest, pipeline: str, attempt_id: str) -> EncodedFile:
    key = f"{state_table(pipeline)}/{MANIFEST}/{attempt_id}.json"
    return EncodedFile(state_table(pipeline), MANIFEST, ZONE, key, 0, encode_manifest(manifest))


def stored_partitions(state: WindowState, panes: PendingFile, emitted: PendingFile) -> dict[str, StoredPartition]:
    """Where the dirty partitions stand once these files do; empty ones stand nowhere."""
    tables = state.changed()
    places = [Partitions.of(state.window, table) for table in tables]
    names = {name for place in places for name in place.names}
    found: dict[str, StoredPartition] = {}
    for name in sorted(names):
        parts = [_rows_in(table, place, name) for table, place in zip(tables, places, strict=True)]
        found[name] = StoredPartition(panes.bucket, panes.key, emitted.key, *_extent(state, *parts))
    return found


def _rows_in(table: pa.Table, places: Partitions, name: str) -> pa.Table:
    return table.filter(pa.array(places.are_in({name}), pa.bool_()))


def _extent(state: WindowState, panes: pa.Table, emitted: pa.Table) -> tuple[int, int, int]:
    """The first start, the last end, and the last close."""
    starts = np.concatenate([times(panes, "start_us"), times(emitted, "start_us")])
    ends = np.concatenate([times(panes, "end_us"), times(emitted, "end_us")])
    return int(starts.min()), int(ends.max()), int(last_close_us(state.window, panes).max(initial=MINUS_INFINITY_US))


def _file(table: str, folder: str, key: str, rows: pa.Table) -> EncodedFile:
    return EncodedFile(table, folder, ZONE, key, len(rows), encoded(rows))
