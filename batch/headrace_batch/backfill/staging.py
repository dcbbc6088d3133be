"""What a task does, wherever it runs: reads the raw files of a unit, stages them, and uploads what they come to."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pyarrow as pa

from headrace_batch.backfill.leaving_out import POSITIONS, LeftOut
from headrace_batch.backfill.raw_files import Source, read_whole
from headrace_batch.backfill.restaging import RawCommit, encode, read_raw, restage
from headrace_consumers.commitlog.model import Counts, Erasure
from headrace_consumers.lake.objects import EncodedFile, ObjectStore, PendingFile
from headrace_consumers.pipeline import Pipeline
from headrace_producers.errors import HeadraceError, TransientError

_CONNECTIONS = 8


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """One unit, as it travels to a task."""

    attempt_id: str
    sources: tuple[Source, ...]
    redriven: bytes = b""
    """Positions as an Arrow stream; empty where there are none."""
    erased: tuple[Erasure, ...] = ()


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: files that are uploaded, and that no reader sees. Or why nothing did."""

    files: tuple[PendingFile, ...] = ()
    counts: Counts = Counts()
    failure: str = ""
    passes: bool = False
    """Of a failure: the same again may succeed later."""


def do(pipeline: Pipeline, store: ObjectStore, work: Work, max_unpacked_bytes: int) -> Made:
    """Blocks on the network. What is expected to go wrong comes back as a sentence."""
    try:
        restaged = restage(pipeline, _raw_commits(store, work), _left_out(work), max_unpacked_bytes)
        files = _uploaded(store, encode(pipeline, restaged, work.attempt_id), work.attempt_id)
    except HeadraceError as error:
        return Made(failure=str(error), passes=isinstance(error, TransientError))
    return Made(files=files, counts=restaged.counts)


def _uploaded(store: ObjectStore, files: Iterator[EncodedFile], attempt_id: str) -> tuple[PendingFile, ...]:
    """Side by side; uploads begin while later files are still being made."""
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        return tuple(pool.map(lambda file: store.upload_pending(file, attempt_id), files))


def _raw_commits(store: ObjectStore, work: Work) -> Iterator[RawCommit]:
    for commit_id, file in work.sources:
        yield read_raw(read_whole(store, commit_id, file), f"s3://{file.bucket}/{file.key}")


def _left_out(work: Work) -> LeftOut:
    redriven = pa.ipc.open_stream(work.redriven).read_all() if work.redriven else POSITIONS.empty_table()
    return LeftOut(redriven, work.erased)


def as_stream(positions: pa.Table) -> bytes:
    """For `Work.redriven`."""
    if not positions.num_rows:
        return b""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, positions.schema) as writer:
        writer.write_table(positions)
    body: bytes = sink.getvalue().to_pybytes()
    return body
