"""Units of a backfill as jobs of Spark: one task each, whose Python worker does the work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa

from headrace_batch.backfill.staging import Made, Work, do
from headrace_consumers.aws import make_clients
from headrace_consumers.aws_retry import COMMAND_PATIENCE_S, patience
from headrace_consumers.lake.objects import ObjectStore
from headrace_consumers.lake.s3 import S3Store
from headrace_consumers.loading import load_pipeline

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from pyspark.sql import SparkSession

_held = threading.local()


@dataclass(frozen=True, slots=True)
class OpenS3:
    """How a task opens the lake, with AWS's environment where it runs."""

    region: str
    buckets: Mapping[str, str]

    def __call__(self) -> S3Store:
        """Workers are used again, and so are their connections."""
        return S3Store(self.client, self.buckets)

    @property
    def client(self) -> S3Client:
        if not hasattr(_held, "s3"):
            _held.s3 = make_clients(self.region).s3
        client: S3Client = _held.s3
        return client


@dataclass(frozen=True, slots=True)
class SparkTask:
    """What travels to the workers."""

    pipeline: str
    """MODULE:PIPELINE, importable where the tasks run."""
    open_store: Callable[[], ObjectStore]
    max_unpacked_bytes: int

    def batches(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Work in, Made out: for mapInArrow."""
        pa.set_cpu_count(1)
        for batch in batches:
            made = [self._do(msgspec.json.decode(work, type=Work)) for work in batch["work"].to_pylist()]
            yield pa.RecordBatch.from_pydict({"made": [msgspec.json.encode(one) for one in made]})

    def _do(self, work: Work) -> Made:
        with patience(COMMAND_PATIENCE_S):
            return do(load_pipeline(self.pipeline), self.open_store(), work, self.max_unpacked_bytes)


@dataclass(frozen=True, slots=True)
class SparkStager:
    """Stager on a session."""

    session: SparkSession
    task: SparkTask
    parallel: int = 0
    """How many units at once; as many as the session has cores where 0."""

    @property
    def width(self) -> int:
        return self.parallel or int(self.session.sparkContext.defaultParallelism)

    def stage(self, work: Work) -> Made:
        frame = self.session.createDataFrame(pa.table({"work": [msgspec.json.encode(work)]}))
        [row] = frame.mapInArrow(self.task.batches, "made binary").collect()
        return msgspec.json.decode(bytes(row["made"]), type=Made)
