"""Units of a backfill as jobs of Spark: one task each, whose Python worker does the work."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa

from headrace_batch.backfill.staging import Made, Work, do
from headrace_consumers.aws import make_clients
from headrace_consumers.aws_retry import COMMAND_PATIENCE_S, patience
from headrace_consumers.lake.s3 import S3Store
from headrace_consumers.loading import load_pipeline

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_held = threading.local()


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """All that a task needs beside AWS's own environment."""

    pipeline: str
    """MODULE:PIPELINE, importable where the tasks run."""
    region: str
    buckets: dict[str, str]
    max_unpacked_bytes: int


@dataclass(frozen=True, slots=True)
class SparkTask:
    """What travels to the workers."""

    ground: Ground

    def batches(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Work in, Made out: for mapInArrow."""
        pa.set_cpu_count(1)
        for batch in batches:
            made = [self._do(msgspec.json.decode(work, type=Work)) for work in batch["work"].to_pylist()]
            yield pa.RecordBatch.from_pydict({"made": [msgspec.json.encode(one) for one in made]})

    def _do(self, work: Work) -> Made:
        with patience(COMMAND_PATIENCE_S):
            return do(load_pipeline(self.ground.pipeline), self._store(), work, self.ground.max_unpacked_bytes)

    def _store(self) -> S3Store:
        """Workers are used again, and so are their connections."""
        if not hasattr(_held, "s3"):
            _held.s3 = make_clients(self.ground.region).s3
        return S3Store(_held.s3, self.ground.buckets)


@dataclass(frozen=True, slots=True)
class SparkStager:
    """Stager on a session."""

    session: SparkSession
    ground: Ground
    parallel: int = 0
    """How many units at once; as many as the session has cores where 0."""

    @property
    def width(self) -> int:
        return self.parallel or int(self.session.sparkContext.defaultParallelism)

    def stage(self, work: Work) -> Made:
        frame = self.session.createDataFrame(pa.table({"work": [msgspec.json.encode(work)]}))
        task = SparkTask(self.ground)
        [row] = frame.mapInArrow(task.batches, "made binary").collect()
        return msgspec.json.decode(bytes(row["made"]), type=Made)
