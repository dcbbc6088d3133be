"""A transform as one job of Spark: tasks read files, rows go to their groups, and results to their partitions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa

from headrace_batch.spark.failures import sentence_of
from headrace_batch.transform.computing import INPUT, MADE, Computing, Input
from headrace_batch.transform.declare import PARTITION, spark_schema
from headrace_batch.transform.planning import Plan
from headrace_consumers.lake.objects import PendingFile
from headrace_producers.errors import TerminalError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_TASKS_A_CORE = 4


@dataclass(frozen=True, slots=True)
class SparkTransform:
    session: SparkSession
    computing: Computing

    def files(self, plan: Plan) -> Sequence[PendingFile]:
        """Uploaded, and seen by no reader. Raises TerminalError; it quotes no value."""
        from pyspark.errors import PySparkException

        try:
            made = self._job(plan).collect()
        except PySparkException as error:
            raise TerminalError(sentence_of(f"transform {self.computing.transform.name}", str(error))) from None
        return [msgspec.json.decode(bytes(row["made"]), type=PendingFile) for row in made]

    def _job(self, plan: Plan) -> DataFrame:
        transform, computing = self.computing.transform, self.computing
        inputs = [msgspec.json.encode(Input(one.commit.attempt_id, one.file)) for one in plan.inputs]
        self.session.conf.set("spark.sql.session.timeZone", "UTC")
        tasks = min(len(inputs), _TASKS_A_CORE * int(self.session.sparkContext.defaultParallelism))
        return (
            self.session.createDataFrame(pa.Table.from_pydict({"input": inputs}, INPUT))
            .repartition(tasks)
            .mapInArrow(computing.read, spark_schema(transform.given))
            .groupBy(*transform.group_by)
            .applyInArrow(_called(computing.compute), spark_schema(transform.returned))
            .groupBy(PARTITION)
            .applyInArrow(_called(computing.write), spark_schema(MADE))
        )


def _called(method: Callable[[pa.Table], pa.Table]) -> Callable[[pa.Table], pa.Table]:
    """Spark takes a method's `self` for a group's key."""

    def call(rows: pa.Table) -> pa.Table:
        return method(rows)

    return call
