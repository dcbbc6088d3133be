"""A Parquet file as chunks of CSV, one row group's part after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from headrace_local.redshift.copying.columns import TableColumn
from headrace_local.redshift.copying.failures import (
    NULL_IN_NOT_NULL,
    SPECTRUM_SCAN_ERROR,
    CopyFailure,
    LoadError,
    null_failure,
    scan_failure,
)
from headrace_local.redshift.copying.fitting import FittedColumn, fit
from headrace_local.redshift.copying.options import ParquetFormat
from headrace_local.redshift.copying.values import UnfitValueError, first_true, writable

MAX_BATCH_ROWS = 16_384
CHUNK_BYTES = 4 * 1024 * 1024
_READ_BYTES = 4 * 1024 * 1024
_WRITE = pacsv.WriteOptions(include_header=False, quoting_style="needed")


class ParquetSource:
    """An open file whose columns fit the table's. Raises CopyFailure that names the file, and where it can the column.

    `source` is anything seekable; only what is asked of it is read.
    """

    def __init__(self, url: str, source: Any, columns: Sequence[TableColumn], parquet: ParquetFormat) -> None:
        self._url = url
        self._replacement = parquet.replacement
        with _readable(url):
            self._file = pq.ParquetFile(
                source, buffer_size=_READ_BYTES, page_checksum_verification=True, coerce_int96_timestamp_unit="us"
            )
            self._columns = fit(url, self._file.schema, self._file.schema_arrow, columns, parquet)

    @property
    def rows(self) -> int:
        return int(self._file.metadata.num_rows)

    def chunks(self) -> Iterator[bytes]:
        first_row = 0
        for batch in self._batches():
            for part in _parts(batch):
                yield self._chunk(part, first_row)
                first_row += part.num_rows
        if first_row != self.rows:
            raise scan_failure(
                LoadError(self._url, SPECTRUM_SCAN_ERROR, f"File '{self._url}' ends before its last row")
            )

    def _batches(self) -> Iterator[pa.RecordBatch]:
        batches = self._file.iter_batches(_batch_rows(self._file.metadata), use_threads=False)
        while True:
            with _readable(self._url):
                batch = next(batches, None)
            if batch is None:
                return
            yield batch

    def _chunk(self, batch: pa.RecordBatch, first_row: int) -> bytes:
        columns = [self._written(fitted, values, first_row) for fitted, values in self._with_missing(batch)]
        sink = pa.BufferOutputStream()
        names = [str(index) for index in range(len(columns))]
        pacsv.write_csv(pa.RecordBatch.from_arrays(columns, names), sink, _WRITE)
        chunk: bytes = sink.getvalue().to_pybytes()
        if not _is_text(chunk):
            raise self._not_text(batch, first_row)
        return chunk

    def _with_missing(self, batch: pa.RecordBatch) -> Iterator[tuple[FittedColumn, Any]]:
        for index, fitted in enumerate(self._columns):
            yield fitted, pa.nulls(batch.num_rows) if fitted.arrow_type is None else batch.column(index)

    def _written(self, fitted: FittedColumn, values: Any, first_row: int) -> Any:
        column = fitted.column
        if column.not_null and values.null_count:
            row = first_row + first_true(values.is_null()) + 1
            sentence = f"Cannot insert a NULL value into column {column.name}"
            raise null_failure(LoadError(self._url, NULL_IN_NOT_NULL, sentence, row, column))
        if fitted.arrow_type is None:
            return values
        try:
            return writable(values, column.type)
        except UnfitValueError as error:
            raise self._unfit(error, column, values, first_row) from None

    def _unfit(self, error: UnfitValueError, column: TableColumn, values: Any, first_row: int) -> CopyFailure:
        sentence = f"{error.sentence.format(column=column.name)}, File name: {self._url}"
        raw = _shown(values, error.row)
        row = first_row + error.row + 1
        return scan_failure(
            LoadError(self._url, SPECTRUM_SCAN_ERROR, sentence, row, column, raw_field_value=raw)
        )  # fmt: skip

    def _not_text(self, batch: pa.RecordBatch, first_row: int) -> CopyFailure:
        for fitted, values in self._with_missing(batch):
            for row, value in enumerate(values if fitted.arrow_type is not None else ()):
                if not _is_storable(value):
                    error = UnfitValueError(
                        row, "Column {column}: String contains invalid or unsupported UTF8 codepoints"
                    )
                    return self._unfit(error, fitted.column, values, first_row)
        raise AssertionError("a chunk is not text although each of its values is")


class _readable:  # noqa: N801 -- used as a statement
    """What Arrow finds wrong with a file's bytes becomes a CopyFailure."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (pa.ArrowException, OSError)):
            sentence = f"File '{self._url}' is not a valid Parquet file: {error}"
            raise scan_failure(LoadError(self._url, SPECTRUM_SCAN_ERROR, sentence)) from error


def _parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Halves of halves, until none is too large to be held as text."""
    if batch.nbytes <= CHUNK_BYTES or batch.num_rows == 1:
        if batch.num_rows:
            yield batch
        return
    half = batch.num_rows // 2
    yield from _parts(batch.slice(0, half))
    yield from _parts(batch.slice(half))


def _batch_rows(metadata: Any) -> int:
    groups = (metadata.row_group(index) for index in range(metadata.num_row_groups))
    widest = max((group.total_byte_size // max(group.num_rows, 1) for group in groups), default=0)
    return max(1, min(MAX_BATCH_ROWS, CHUNK_BYTES // max(widest, 1)))


def _is_text(chunk: bytes) -> bool:
    if b"\0" in chunk:
        return False
    if chunk.isascii():
        return True
    try:
        chunk.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_storable(value: Any) -> bool:
    if not pa.types.is_string(value.type) and not pa.types.is_large_string(value.type):
        return True
    buffer = value.as_buffer()
    return buffer is None or _is_text(buffer.to_pybytes())


def _shown(values: Any, row: int) -> str:
    value = values[row]
    if hasattr(value, "as_buffer"):
        return value.as_buffer().to_pybytes()[:1024].decode(errors="replace").replace("\0", ".")  # type: ignore[no-any-return]
    return str(value)
