"""A CSV file, or one of fields between delimiters, as chunks of PostgreSQL's CSV."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from headrace_local.redshift.copying.columns import TableColumn
from headrace_local.redshift.copying.failures import LoadError
from headrace_local.redshift.copying.options import DelimitedFormat
from headrace_local.redshift.copying.textrows import RowErrors, TextRows, written_rows

_BLOCK_BYTES = 4 * 1024 * 1024
EXTRA_COLUMNS, MISSING_COLUMNS, UNREADABLE, BLANK_LINE = 1202, 1203, 1200, 1211


class DelimitedSource:
    """Line numbers take each row for one line: quoted line breaks move them."""

    def __init__(
        self, url: str, source: Any, columns: Sequence[TableColumn], delimited: DelimitedFormat, errors: RowErrors
    ) -> None:
        self._url = url
        self._columns = columns
        self._format = delimited
        self._errors = errors
        self._source = _Watched(source)
        self._left_out = 0
        self.rows = 0

    def chunks(self) -> Iterator[bytes]:
        line = self._format.ignore_header + 1
        for batch in self._batches():
            lines = pa.array(range(line, line + batch.num_rows))
            line += batch.num_rows + self._left_out
            self._left_out = 0
            yield self._written(batch.append_column("line", lines))
        # The file's last rows may all have been left out.
        self._errors.check()

    def _written(self, batch: pa.RecordBatch) -> bytes:
        batch = self._without_blank_lines(batch)
        *texts, lines = batch.columns
        rows = TextRows(self._url, texts, lines.to_pylist(), self._format.delimiter)
        written, count = written_rows(rows, self._columns, self._format.fields, self._errors)
        self.rows += count
        return written

    def _without_blank_lines(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Arrow gives a blank line as a row of empty fields, as it gives one of delimiters alone."""
        if not self._source.blank_lines or self._format.ignore_blank_lines or len(self._columns) == 1:
            return batch
        filled = reduce(pc.or_, (pc.not_equal(batch.column(index), "") for index in range(len(self._columns))))
        for line in batch.column("line").filter(pc.invert(filled)).to_pylist():
            self._errors.add(LoadError(self._url, BLANK_LINE, "Input line contained no data", line))
        return batch.filter(filled)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        try:
            reader = pacsv.open_csv(self._source, self._reading(), self._parsing(), self._conversion())
            yield from reader
        except StopIteration:
            return
        except (pa.ArrowException, OSError) as error:
            if "Empty CSV file" in str(error):
                return
            raise self._errors.fatal(LoadError(self._url, UNREADABLE, f"The file cannot be read: {error}")) from error

    def _reading(self) -> pacsv.ReadOptions:
        names = [str(index) for index in range(len(self._columns))]
        return pacsv.ReadOptions(
            use_threads=False, block_size=_BLOCK_BYTES, skip_rows=self._format.ignore_header, column_names=names
        )

    def _parsing(self) -> pacsv.ParseOptions:
        quote = self._format.quote
        return pacsv.ParseOptions(
            delimiter=self._format.delimiter,
            quote_char=quote or False,
            double_quote=quote is not None,
            newlines_in_values=quote is not None,
            ignore_empty_lines=self._format.ignore_blank_lines,
            invalid_row_handler=self._leave_out,
        )

    def _conversion(self) -> pacsv.ConvertOptions:
        return pacsv.ConvertOptions(
            check_utf8=False,
            column_types={str(index): pa.string() for index in range(len(self._columns))},
            strings_can_be_null=False,
        )

    def _leave_out(self, row: Any) -> str:
        extra = row.actual_columns > row.expected_columns
        reason = "Extra column(s) found" if extra else "Delimiter not found"
        code = EXTRA_COLUMNS if extra else MISSING_COLUMNS
        self._left_out += 1
        self._errors.add(LoadError(self._url, code, reason, row.number or 0, raw_line=row.text))
        return "skip"


class _Watched(io.RawIOBase):
    """Sees whether any line was blank: also one inside of quotes, which it cannot tell."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self._end = b"\n"
        self.blank_lines = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._source.read(size)
        seen = (self._end + data).replace(b"\r", b"")
        self.blank_lines |= b"\n\n" in seen
        self._end = seen[-1:]
        return data
