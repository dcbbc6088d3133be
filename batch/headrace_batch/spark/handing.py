"""Pieces of a big file as tasks of one job of Spark."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa

from headrace_batch.handed.pieces import Piece
from headrace_batch.handed.tasks import Errands, Staged, stage_piece
from headrace_batch.spark.failures import sentence_of
from headrace_batch.spark.stager import OpenS3
from headrace_consumers.aws_retry import COMMAND_PATIENCE_S, patience
from headrace_consumers.lake.inbox import Inbox
from headrace_consumers.loading import load_pipeline
from headrace_producers.errors import TerminalError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True, slots=True)
class PieceTask:
    """What travels to the workers."""

    pipeline: str
    """MODULE:PIPELINE, importable where the tasks run."""
    open_store: OpenS3
    job: Errands

    def batches(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Pieces in, Staged out: for mapInArrow."""
        pa.set_cpu_count(1)
        for batch in batches:
            staged = [self._staged(msgspec.json.decode(piece, type=Piece)) for piece in batch["piece"].to_pylist()]
            yield pa.RecordBatch.from_pydict({"staged": [msgspec.json.encode(one) for one in staged]})

    def _staged(self, piece: Piece) -> Staged:
        with patience(COMMAND_PATIENCE_S):
            store = self.open_store()
            return stage_piece(load_pipeline(self.pipeline), store, Inbox(self.open_store.client), self.job, piece)


@dataclass(frozen=True, slots=True)
class SparkPieces:
    session: SparkSession
    pipeline: str
    open_store: OpenS3

    def __call__(self, job: Errands, pieces: Sequence[Piece]) -> Sequence[Staged]:
        """Raises TerminalError."""
        from pyspark.errors import PySparkException

        if not pieces:
            return []
        task = PieceTask(self.pipeline, self.open_store, job)
        frame = self.session.createDataFrame(pa.table({"piece": [msgspec.json.encode(one) for one in pieces]}))
        try:
            made = frame.repartition(len(pieces)).mapInArrow(task.batches, "staged binary").collect()
        except PySparkException as error:
            raise TerminalError(sentence_of(f"landing a file of source {job.source}", str(error))) from None
        return [msgspec.json.decode(bytes(row["staged"]), type=Staged) for row in made]
