"""What tasks do, wherever they run: read files, compute a group, write a partition's file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headrace_batch.transform.declare import EVENT_ID, EVENT_TIME, PARTITION, TABLE, Transform
from headrace_batch.transform.loading import load_transform
from headrace_batch.transform.stretch import Stretch
from headrace_consumers.errors import MissingFileError
from headrace_consumers.lake.objects import EncodedFile, ObjectStore, PendingFile
from headrace_consumers.lake.parquet import ROW_GROUP_ROWS, encoded
from headrace_consumers.stages import partition_values
from headrace_consumers.stages.schemas import INSTANT
from headrace_producers.errors import TerminalError

INPUT = pa.schema([("input", pa.binary())])
MADE = pa.schema([("made", pa.binary())])


class Input(msgspec.Struct, frozen=True):
    """A file to read, as it travels to a task."""

    commit_id: str
    file: PendingFile


@dataclass(frozen=True)
class Computing:
    """One run of a transform. Travels to tasks, which open the lake for themselves."""

    reference: str
    """MODULE:TRANSFORM, importable where the tasks run."""
    stretch: Stretch
    attempt_id: str
    open_store: Callable[[], ObjectStore]

    @cached_property
    def transform(self) -> Transform:
        return load_transform(self.reference)

    def __getstate__(self) -> dict[str, object]:
        """A transform is found where the task runs."""
        return {name: value for name, value in vars(self).items() if name != "transform"}

    def read(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """INPUT in, rows of the transform's `given` out. Raises MissingFileError."""
        pa.set_cpu_count(1)
        store = self.open_store()
        for batch in batches:
            for one in batch["input"].to_pylist():
                for rows in self._rows(store, msgspec.json.decode(one, type=Input)):
                    yield from rows.to_batches()

    def compute(self, group: pa.Table) -> pa.Table:
        """Rows of the transform's `returned`, of one group."""
        given = group.cast(self.transform.given)
        found = self.transform.function(given.sort_by([(EVENT_TIME, "ascending"), (EVENT_ID, "ascending")]))
        schema = self.transform.schema
        result = found.select(schema.names).cast(schema)
        times = result[self.transform.time]
        if times.null_count:
            raise TerminalError(f"{self.transform.time!r} is null in a row of its result")
        result = result.filter(self.stretch.has(times))
        values = partition_values(result[self.transform.time].cast(INSTANT), self.transform.partition_by)
        return result.append_column(PARTITION, values.cast(pa.string()))

    def write(self, rows: pa.Table) -> pa.Table:
        """MADE of one partition's rows: its file is uploaded, and no reader sees it."""
        value = rows[PARTITION][0].as_py()
        made = self.open_store().upload_pending(self._encoded(rows, value), self.attempt_id)
        return pa.Table.from_pydict({"made": [msgspec.json.encode(made)]}, MADE)

    def _rows(self, store: ObjectStore, one: Input) -> Iterator[pa.Table]:
        found = pq.ParquetFile(pa.BufferReader(_read(store, one)))
        given = self.transform.given
        there = [name for name in given.names if name in found.schema_arrow.names]
        within = self.stretch.earlier(self.transform.before)
        for batch in found.iter_batches(ROW_GROUP_ROWS, columns=there, use_threads=False):
            rows = pa.Table.from_batches([batch])
            yield self._given(rows.filter(within.has(rows[EVENT_TIME])), one.file.table)

    def _given(self, rows: pa.Table, table: str) -> pa.Table:
        given = self.transform.given
        said = {TABLE: pa.repeat(pa.scalar(table), len(rows))}
        columns = [said.get(field.name) or _column(rows, field) for field in given]
        whole = pa.Table.from_arrays(columns, schema=given)
        for name in self.transform.group_by:
            whole = whole.filter(pc.is_valid(whole[name]))
        return whole

    def _encoded(self, rows: pa.Table, value: str) -> EncodedFile:
        transform = self.transform
        schema = transform.schema
        ordered = rows.sort_by([(name, "ascending") for name in dict.fromkeys((*transform.sort_by, transform.time))])
        folder = f"{transform.partition_by.column}={value}"
        said = {"headrace.transform": transform.name, "headrace.attempt_id": self.attempt_id}
        return EncodedFile(
            table=transform.name,
            partition=folder,
            zone="curated",
            key=f"{transform.name}/{folder}/{self.attempt_id}.parquet",
            rows=rows.num_rows,
            body=encoded(ordered.select(schema.names).cast(schema).columns, schema.with_metadata(said)),
        )


def _column(rows: pa.Table, field: pa.Field) -> pa.ChunkedArray | pa.Array:
    """A file from before the contract had the column has nulls."""
    return rows[field.name].cast(field.type) if field.name in rows.column_names else pa.nulls(len(rows), field.type)


def _read(store: ObjectStore, one: Input) -> bytes:
    """A file that is not there is pending still, or another command took it out since the log was read."""
    try:
        return store.read(one.file.bucket, one.file.key)
    except MissingFileError:
        if not one.file.upload_id:
            raise
        store.complete(one.file, one.commit_id)
        return store.read(one.file.bucket, one.file.key)
