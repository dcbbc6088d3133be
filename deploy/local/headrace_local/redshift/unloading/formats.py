"""One file of an UNLOAD, as its format has it: texts in, bytes out."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headrace_local.redshift.copying.columns import TableColumn
from headrace_local.redshift.copying.options import Compression
from headrace_local.redshift.errors import NOT_SUPPORTED, RedshiftError
from headrace_local.redshift.unloading.columns import TypedColumns, result_type
from headrace_local.redshift.unloading.statement import TextLayout, UnloadStatement

_ROW_GROUP_BYTES = 32 * 1024 * 1024
_CODECS = {"GZIP": "gzip", "ZSTD": "zstd", "BZIP2": "bz2"}
_EXTENSIONS = {"GZIP": ".gz", "ZSTD": ".zst", "BZIP2": ".bz2"}


class FileWriter(Protocol):
    """`rows` as UNLOAD counts them: a header is one."""

    rows: int

    def write(self, texts: pa.RecordBatch) -> None: ...

    def close(self) -> None: ...


def file_writer(statement: UnloadStatement, columns: Sequence[TableColumn], sink: Any) -> FileWriter:
    """For the columns that the file has."""
    if statement.format == "PARQUET":
        return ParquetWriter(columns, sink)
    return TextWriter(statement, columns, sink)


def extension(statement: UnloadStatement) -> str:
    if statement.format == "PARQUET":
        return ".parquet"
    return _EXTENSIONS[statement.compression] if statement.compression else ""


def require_distinct(columns: Sequence[TableColumn], statement: UnloadStatement) -> None:
    names = [column.name for column in columns]
    if statement.format in ("JSON", "PARQUET") and len(set(names)) < len(names):
        raise RedshiftError(f"UNLOAD to {statement.format} needs columns of different names", NOT_SUPPORTED)


class ParquetWriter:
    """Version 1.0, Snappy, instants as INT96: as Redshift writes it."""

    def __init__(self, columns: Sequence[TableColumn], sink: Any) -> None:
        self._typed = TypedColumns(columns)
        self._sink = sink
        self._file: pq.ParquetWriter | None = None
        self._waiting: list[pa.RecordBatch] = []
        self.rows = 0

    def write(self, texts: pa.RecordBatch) -> None:
        self._waiting.append(self._typed.typed(texts))
        self.rows += texts.num_rows
        if sum(batch.nbytes for batch in self._waiting) >= _ROW_GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        self._flush()
        if self._file is not None:
            self._file.close()

    def _flush(self) -> None:
        if not self._waiting:
            return
        table = pa.Table.from_batches(self._waiting)
        if self._file is None:
            self._file = pq.ParquetWriter(
                self._sink,
                table.schema,
                version="1.0",
                compression="snappy",
                use_deprecated_int96_timestamps=True,
                store_schema=False,
            )
        self._file.write_table(table, row_group_size=len(table))
        self._waiting = []


class TextWriter:
    """CSV, delimited text or JSON, compressed or not."""

    def __init__(self, statement: UnloadStatement, columns: Sequence[TableColumn], sink: Any) -> None:
        self._lines = JsonLines(columns) if statement.format == "JSON" else DelimitedLines(statement.text, columns)
        self._sink = _compressed(sink, statement.compression)
        self.rows = 0
        self._put(self._lines.header())

    def write(self, texts: pa.RecordBatch) -> None:
        self._put(self._lines.lines(texts))

    def close(self) -> None:
        self._sink.close()

    def _put(self, lines: Sequence[bytes]) -> None:
        self.rows += len(lines)
        self._sink.write(b"".join(lines))


class _KeptOpen(io.RawIOBase):
    """Closing it leaves the sink open, which is not the writer's to close."""

    def __init__(self, sink: Any) -> None:
        self._sink = sink

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return int(self._sink.write(data))


def _compressed(sink: Any, compression: Compression | None) -> Any:
    kept = _KeptOpen(sink)
    return pa.CompressedOutputStream(pa.PythonFile(kept, mode="w"), _CODECS[compression]) if compression else kept


class DelimitedLines:
    def __init__(self, layout: TextLayout, columns: Sequence[TableColumn]) -> None:
        self._layout = layout
        self._columns = columns

    def header(self) -> Sequence[bytes]:
        if not self._layout.header:
            return []
        texts = [TableColumn(column.name, "text") for column in self._columns]
        names = [pa.array([column.name]) for column in texts]
        row = pa.RecordBatch.from_arrays(names, [str(index) for index in range(len(names))])
        return DelimitedLines(self._layout, texts).lines(row)

    def lines(self, texts: pa.RecordBatch) -> Sequence[bytes]:
        fields = [self._written(texts.column(index), column) for index, column in enumerate(self._columns)]
        joined = pc.binary_join_element_wise(
            *fields, self._layout.delimiter, null_handling="replace", null_replacement=self._layout.null_as
        )
        return [line.encode() + b"\n" for line in joined.to_pylist()]

    def _written(self, texts: Any, column: TableColumn) -> Any:
        if result_type(column).name == "varbyte":
            texts = pc.replace_substring_regex(texts, r"^\\x", "")
        if self._is_plain(column):
            return texts
        if self._layout.csv:
            return _quoted(texts, pc.match_substring_regex(texts, _needs_quotes(self._layout.delimiter)))
        if self._layout.escape:
            texts = pc.replace_substring_regex(texts, _needs_escape(self._layout), r"\\\1")
        return _quoted(texts, pc.is_valid(texts)) if self._layout.add_quotes else texts

    def _is_plain(self, column: TableColumn) -> bool:
        """Numbers and moments have nothing to quote or escape, unless a field ends with what they are made of."""
        bare = self._layout.delimiter in "|,;\t\x01"
        return bare and not self._layout.add_quotes and result_type(column).name in _PLAIN


def _needs_quotes(delimiter: str) -> str:
    return f'["\\r\\n{_in_class(delimiter)}]|^$'


def _needs_escape(layout: TextLayout) -> str:
    quotes = "\"'" if layout.add_quotes else ""
    return f"([\\r\\n\\\\{_in_class(layout.delimiter)}{quotes}])"


def _in_class(delimiter: str) -> str:
    return f"\\x{{{ord(delimiter):x}}}"


def _quoted(texts: Any, where: Any) -> Any:
    if not pc.any(where).as_py():
        return texts
    doubled = pc.replace_substring(texts, '"', '""')
    return pc.if_else(where, pc.binary_join_element_wise('"', doubled, '"', ""), texts)


class JsonLines:
    def __init__(self, columns: Sequence[TableColumn]) -> None:
        self._columns = columns
        self._names = [json.dumps(column.name, ensure_ascii=False) for column in columns]
        self._bare = [result_type(column).name in _BARE for column in columns]

    def header(self) -> Sequence[bytes]:
        return []

    def lines(self, texts: pa.RecordBatch) -> Sequence[bytes]:
        columns = [texts.column(index).to_pylist() for index in range(len(self._columns))]
        return [self._line(row) for row in zip(*columns, strict=True)]

    def _line(self, row: Sequence[str | None]) -> bytes:
        members = zip(self._names, row, self._bare, strict=True)
        return ("{" + ",".join(f"{name}:{_json(text, bare=bare)}" for name, text, bare in members) + "}\n").encode()


def _json(text: str | None, *, bare: bool) -> str:
    if text is None:
        return "null"
    return text if bare and text not in _NO_NUMBERS else json.dumps(text, ensure_ascii=False)


_NUMBERS = frozenset({"smallint", "integer", "bigint", "real", "double precision", "numeric"})
_BARE = _NUMBERS | {"super"}
_PLAIN = _NUMBERS | {"boolean", "date", "timestamp without time zone", "timestamp with time zone"}
_NO_NUMBERS = frozenset({"NaN", "Infinity", "-Infinity"})
