"""When the records of a commit arrived, by its raw file: links know the last one's time only, and roughly."""

from __future__ import annotations

import io
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from msgspec.structs import replace

from headrace_consumers.commit.completing import complete_pending
from headrace_consumers.commitlog.model import Commit, is_raw
from headrace_consumers.errors import MissingFileError
from headrace_consumers.lake.objects import ObjectStore


def latest_ms(store: ObjectStore, commit: Commit) -> int | None:
    """Of all its records; None where the raw file cannot be read."""
    arrivals = _arrivals(store, commit)
    return None if arrivals is None else _ms(pc.max(arrivals["arrival_time"]))


def earliest_ms(store: ObjectStore, commit: Commit, shard_id: str) -> int | None:
    """Of its records of one shard; None where the raw file cannot be read."""
    arrivals = _arrivals(store, commit)
    if arrivals is None:
        return None
    return _ms(pc.min(arrivals.filter(pc.equal(arrivals["shard_id"], shard_id))["arrival_time"]))


def _arrivals(store: ObjectStore, commit: Commit) -> pa.Table | None:
    """A raw file stays whatever becomes of its commit: one that is pending may be completed."""
    raw = next((file for file in commit.files if is_raw(commit, file)), None)
    if raw is None:
        return None
    try:
        complete_pending(store, replace(commit, files=(raw,)))
        body = store.read(raw.bucket, raw.key)
    except MissingFileError:
        return None
    return pq.read_table(io.BytesIO(body), columns=["shard_id", "arrival_time"], use_threads=False)


def _ms(found: pa.Scalar) -> int | None:
    at: datetime | None = found.as_py()
    return int(at.timestamp() * 1000) if at else None
