"""A query's result in PostgreSQL's CSV as columns: texts, and values where a file keeps types. Pure."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from headrace_local.redshift.copying.columns import MAX_TEXT_BYTES, RedshiftType, TableColumn, redshift_type
from headrace_local.redshift.errors import NOT_SUPPORTED, NotImitatedError, RedshiftError

QUERY_OPTIONS = "FORMAT csv, ENCODING 'UTF8'"
"""What the query is to be copied out with: an empty field without quotes is null, with quotes it is empty."""
_BLOCK_BYTES = 4 * 1024 * 1024


def text_batches(columns: Sequence[TableColumn], chunks: Iterable[bytes]) -> Iterator[pa.RecordBatch]:
    """The rows as texts. Names are numbers: a query may give two columns one name."""
    names = [str(index) for index in range(len(columns))]
    reading = pacsv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES, column_names=names)
    # A single column's null is an empty line.
    parsing = pacsv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False)
    conversion = pacsv.ConvertOptions(
        check_utf8=False,
        column_types=dict.fromkeys(names, pa.string()),
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    stream = io.BufferedReader(_Chunks(chunks), _BLOCK_BYTES)
    if stream.peek(1):
        yield from pacsv.open_csv(stream, reading, parsing, conversion)


class _Chunks(io.RawIOBase):
    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._left = memoryview(chunk)
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


def result_type(column: TableColumn) -> RedshiftType:
    """Of a type that COPY does not know there is still the text."""
    if column.type_name == "numeric":
        return RedshiftType("numeric", 38, 0)
    try:
        return redshift_type(column.type_name)
    except NotImitatedError:
        return RedshiftType("character varying", MAX_TEXT_BYTES)


class TypedColumns:
    """For Parquet. What the first batch shows of a number without declared scale holds for all."""

    def __init__(self, columns: Sequence[TableColumn]) -> None:
        for column in columns:
            if result_type(column).name == "varbyte":
                raise RedshiftError(
                    f'UNLOAD to PARQUET of the VARBYTE column "{column.name}" is not supported', NOT_SUPPORTED
                )
        self._columns = columns
        self._scales: dict[int, int] = {}

    def typed(self, texts: pa.RecordBatch) -> pa.RecordBatch:
        """Raises RedshiftError for what Parquet has no value for."""
        values = [self._values(index, texts.column(index)) for index in range(texts.num_columns)]
        return pa.RecordBatch.from_arrays(values, [column.name for column in self._columns])

    def _values(self, index: int, texts: Any) -> Any:
        column = self._columns[index]
        wanted = result_type(column)
        if column.type_name == "numeric":
            wanted = RedshiftType("numeric", 38, self._scales.setdefault(index, _scale(texts)))
        try:
            return _TYPED.get(wanted.name, _as_text)(texts, wanted)
        except pa.ArrowInvalid as error:
            raise RedshiftError(f'A value of column "{column.name}" has no form in Parquet as {wanted}') from error


def _scale(texts: Any) -> int:
    fractions = pc.replace_substring_regex(texts, r"^[^.]*\.?", "")
    return int(pc.max(pc.binary_length(fractions)).as_py() or 0)


def _as_text(texts: Any, _: RedshiftType) -> Any:
    return texts


def _cast(arrow_type: Any) -> Callable[[Any, RedshiftType], Any]:
    return lambda texts, _: texts.cast(arrow_type)


def _boolean(texts: Any, _: RedshiftType) -> Any:
    return pc.equal(texts, "t")


def _decimal(texts: Any, wanted: RedshiftType) -> Any:
    return texts.cast(pa.decimal128(wanted.size, wanted.scale))


def _utc_instant(texts: Any, _: RedshiftType) -> Any:
    """Only the instant is unloaded, not its zone."""
    return texts.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us"))


_TYPED: Mapping[str, Callable[[Any, RedshiftType], Any]] = {
    "smallint": _cast(pa.int16()),
    "integer": _cast(pa.int32()),
    "bigint": _cast(pa.int64()),
    "real": _cast(pa.float32()),
    "double precision": _cast(pa.float64()),
    "numeric": _decimal,
    "boolean": _boolean,
    "date": _cast(pa.date32()),
    "timestamp without time zone": _cast(pa.timestamp("us")),
    "timestamp with time zone": _utc_instant,
}
