"""A Parquet file as chunks of CSV, one row group's part after the other."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
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
from headrace_local.redshift.copying.lines import csv_lines, is_storable, replaced, shown, unstorable_rows
from headrace_local.redshift.copying.options import ParquetFormat
from headrace_local.redshift.copying.values import UnfitValueError, first_true, writable

MAX_BATCH_ROWS = 16_384
CHUNK_BYTES = 4 * 1024 * 1024
_READ_BYTES = 4 * 1024 * 1024


class ParquetSource:
    """An open file whose columns fit the table's. Raises CopyFailure that names the file, and where it can the column.

    `source` is anything seekable; only what is asked of it is read.
    """

    def __init__(self, url: str, source: Any, columns: Sequence[TableColumn], parquet: ParquetFormat) -> None:
        self._url = url
        self._replacement = parquet.replacement
        with _readable(url):
            self._file = pq.ParquetFile(
                pa.BufferReader(source.getbuffer()) if isinstance(source, io.BytesIO) else source,
                buffer_size=0 if isinstance(source, io.BytesIO) else _READ_BYTES,
                page_checksum_verification=True,
                coerce_int96_timestamp_unit="us",
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
        lines = csv_lines(columns)
        return lines if is_storable(lines) else self._storable_lines(columns, first_row)

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
        raw = shown(values[error.row])
        row = first_row + error.row + 1
        return scan_failure(
            LoadError(self._url, SPECTRUM_SCAN_ERROR, sentence, row, column, raw_field_value=raw)
        )  # fmt: skip

    def _storable_lines(self, columns: list[Any], first_row: int) -> bytes:
        """With ACCEPTINVCHARS. Raises CopyFailure for the first text that is none without it, or has a NUL."""
        if self._replacement is not None:
            columns = [
                replaced(written, self._replacement) if fitted.column.type.is_text else written
                for fitted, written in zip(self._columns, columns, strict=True)
            ]
        for fitted, written in zip(self._columns, columns, strict=True):
            for row in unstorable_rows(written)[:1] if fitted.column.type.is_text else ():
                error = UnfitValueError(row, "Column {column}: String contains invalid or unsupported UTF8 codepoints")
                raise self._unfit(error, fitted.column, written, first_row)
        return csv_lines(columns)


class _readable:  # noqa: N801 -- used as a statement
    """What Arrow finds wrong with a file's bytes becomes a CopyFailure."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (pa.ArrowException, OSError, UnicodeDecodeError)):
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
