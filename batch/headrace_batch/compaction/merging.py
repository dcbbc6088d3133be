"""Sorted files to one sorted file: a merge of many streams by vectors, a row group at a time.

The keys of all rows are read first, and give the order of them all. Since each file is sorted, a row group of the
result takes the next so many rows of each: so no more of a file is decoded at a time than is due.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from headrace_batch.compaction.planning import Group
from headrace_batch.place import Place
from headrace_batch.rewriting import Rewriting, opened_file
from headrace_consumers.lake.objects import EncodedFile
from headrace_consumers.lake.parquet import ROW_GROUP_ROWS, repeating
from headrace_consumers.lake.sorting import ranks

_BUFFERED_ROWS = 2 * ROW_GROUP_ROWS
"""Decoded of all files together."""
_LEAST_ROWS = 1_024
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Merged:
    file: EncodedFile
    held: frozenset[str]
    """The commits whose rows it has."""


def merged(place: Place, group: Group, keys: Sequence[str], attempt_id: str) -> Merged:
    """Rows that are equal in all keys stay in the order of their commits. Raises FencedError,
    MissingFileError."""
    texts = repeating(group.schema)
    files = [opened_file(place, source, texts) for source in group.sources]
    model = group.sources[0].file
    new = Rewriting(group.schema, group.origin, texts=texts)
    for rows in merged_rows(files, keys):
        new.write(rows)
    (file,) = new.close(model, place.store.zone_of(model.bucket), attempt_id)
    return Merged(file, new.held)


def merged_rows(files: Sequence[pq.ParquetFile], keys: Sequence[str]) -> Iterator[pa.Table]:
    """A row group at a time."""
    counts = [file.metadata.num_rows for file in files]
    offsets = np.cumsum([0, *counts])
    order = _order(files, keys, int(offsets[-1]))
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    buffered = max(_LEAST_ROWS, _BUFFERED_ROWS // len(files))
    streams = [
        _Stream(file, buffered, places[begin:end])
        for file, begin, end in zip(files, offsets[:-1], offsets[1:], strict=True)
    ]
    source_of = np.repeat(np.arange(len(files)), counts)[order]
    for begin in range(0, len(order), ROW_GROUP_ROWS):
        yield _due(streams, source_of[begin : begin + ROW_GROUP_ROWS])


def _order(files: Sequence[pq.ParquetFile], keys: Sequence[str], rows: int) -> Ints:
    if not keys:
        return np.arange(rows)
    found = pa.concat_tables([file.read(list(keys), use_threads=False) for file in files]).unify_dictionaries()
    return np.lexsort([ranks(found[key]) for key in reversed(keys)])


def _due(streams: Sequence[_Stream], sources: Ints) -> pa.Table:
    """The next rows, where `sources` says which file each is of."""
    counts = np.bincount(sources, minlength=len(streams))
    pieces = [stream.take(int(count)) for stream, count in zip(streams, counts, strict=True) if count]
    by_source = np.argsort(sources, kind="stable")
    back = np.empty_like(by_source)
    back[by_source] = np.arange(len(by_source))
    return pa.concat_tables(pieces).unify_dictionaries().take(pa.array(back))


@dataclass
class _Stream:
    """Mutable: the rows of one file in their final order. A file that is not sorted is decoded whole."""

    file: pq.ParquetFile
    buffered: int
    places: Ints
    _rest: pa.Table | None = None
    _batches: Iterator[pa.RecordBatch] = field(init=False)

    def __post_init__(self) -> None:
        self._batches = self._decoded()

    def take(self, count: int) -> pa.Table:
        pieces: list[pa.Table] = []
        while count:
            rest = self._rest if self._rest is not None and len(self._rest) else self._next()
            pieces.append(rest.slice(0, count))
            self._rest = rest.slice(len(pieces[-1]))
            count -= len(pieces[-1])
        return pa.concat_tables(pieces)

    def _next(self) -> pa.Table:
        return pa.Table.from_batches([next(self._batches)])

    def _decoded(self) -> Iterator[pa.RecordBatch]:
        if (np.diff(self.places) > 0).all():
            yield from self.file.iter_batches(self.buffered, use_threads=False)
            return
        rows = self.file.read(use_threads=False).take(pa.array(np.argsort(self.places)))
        yield from rows.combine_chunks().to_batches()
