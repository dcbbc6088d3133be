"""COPY: from the statement and the target's columns to the CSV that PostgreSQL reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from headrace_local.redshift.copying.columns import TableColumn
from headrace_local.redshift.copying.delimited import DelimitedSource
from headrace_local.redshift.copying.documents import JsonSource, require_one_super
from headrace_local.redshift.copying.failures import (
    FILE_NOT_FOUND,
    S3_ERROR,
    SPECTRUM_SCAN_ERROR,
    CopyFailure,
    LoadError,
    scan_failure,
)
from headrace_local.redshift.copying.fitting import require_loadable
from headrace_local.redshift.copying.manifest import Entry, read_manifest
from headrace_local.redshift.copying.objects import Objects, S3Object
from headrace_local.redshift.copying.options import Compression, DelimitedFormat, JsonFormat, ParquetFormat
from headrace_local.redshift.copying.parquet import ParquetSource
from headrace_local.redshift.copying.statement import CopyStatement
from headrace_local.redshift.copying.textrows import RowErrors
from headrace_local.redshift.copying.values import CSV_OPTIONS

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class LoadedFile:
    url: str
    bytes: int
    rows: int


class CopySource:
    """The rows as chunks of CSV, each of whole lines. `rows` and `files` grow as they are read; a file that cannot be
    loaded raises CopyFailure. Reading waits for S3: not for an event loop's thread."""

    options = CSV_OPTIONS

    def __init__(self, statement: CopyStatement, columns: Sequence[TableColumn], objects: Objects) -> None:
        self._statement = statement
        self._columns = columns
        self._objects = objects
        self._found = _files(statement, objects)
        self._errors = RowErrors(statement.table, _max_errors(statement))
        self.files: list[LoadedFile] = []

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    @property
    def tolerated(self) -> Sequence[LoadError]:
        """The rows that were left out, where MAXERROR allows any."""
        return self._errors.errors

    def __iter__(self) -> Iterator[bytes]:
        return _one_ahead(self._lines())

    def _lines(self) -> Iterator[bytes]:
        with ThreadPoolExecutor(1) as ahead:
            coming = [ahead.submit(self._objects.opened, found) for found in self._found[:1]]
            for index, found in enumerate(self._found):
                opened = coming.pop().result()
                coming += [ahead.submit(self._objects.opened, after) for after in self._found[index + 1 : index + 2]]
                yield from self._chunks(found, opened)

    def _chunks(self, found: S3Object, opened: Any) -> Iterator[bytes]:
        source = self._source(found, opened)
        yield from source.chunks()
        self.files.append(LoadedFile(found.url, found.bytes, source.rows))

    def _source(self, found: S3Object, opened: Any) -> FileSource:
        match self._statement.format:
            case ParquetFormat() as parquet:
                return ParquetSource(found.url, opened, self._columns, parquet)
            case DelimitedFormat() as delimited:
                stream = decompressed(opened, delimited.compression)
                return DelimitedSource(found.url, stream, self._columns, delimited, self._errors)
            case JsonFormat() as json_format:
                stream = decompressed(opened, json_format.compression)
                return JsonSource(found.url, stream, self._columns, json_format, self._errors)


def _one_ahead(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The next chunk is made while PostgreSQL takes this one. Who stops in between waits for nothing."""
    maker = ThreadPoolExecutor(1)
    try:
        coming = maker.submit(next, chunks, None)
        while (chunk := coming.result()) is not None:
            coming = maker.submit(next, chunks, None)
            yield chunk
    finally:
        maker.shutdown(wait=False, cancel_futures=True)


class FileSource(Protocol):
    """One file: its rows as CSV, and, once they are read, how many of them are loaded."""

    @property
    def rows(self) -> int: ...

    def chunks(self) -> Iterator[bytes]: ...


def decompressed(opened: Any, compression: Compression | None) -> Any:
    """What a text file's name ends with says nothing: only the option does."""
    codec = {"GZIP": "gzip", "ZSTD": "zstd", "BZIP2": "bz2"}[compression] if compression else None
    return pa.CompressedInputStream(pa.PythonFile(opened, mode="r"), codec) if codec else opened


def open_copy(statement: CopyStatement, columns: Sequence[TableColumn], s3: S3Client) -> CopySource:
    """Finds the files. Raises CopyFailure, RedshiftError or NotImitatedError before a row is read."""
    if isinstance(statement.format, ParquetFormat):
        require_loadable(columns, statement.format)
    if isinstance(statement.format, JsonFormat) and statement.format.mapping == "noshred":
        require_one_super(columns)
    return CopySource(statement, columns, Objects(s3))


def _max_errors(statement: CopyStatement) -> int:
    return 0 if isinstance(statement.format, ParquetFormat) else statement.format.fields.max_errors


def _files(statement: CopyStatement, objects: Objects) -> list[S3Object]:
    columnar = isinstance(statement.format, ParquetFormat)
    if not statement.manifest:
        return _by_prefix(statement, objects)
    entries = read_manifest(statement.source, objects.read(statement.source), columnar=columnar)
    found = objects.find([entry.location for entry in entries])
    files = [file for entry, file in zip(entries, found, strict=True) if _is_there(entry, file, columnar=columnar)]
    present = [file for file in files if file is not None]
    if not present:
        raise _missing(str(statement.source), columnar=columnar)
    return present


def _by_prefix(statement: CopyStatement, objects: Objects) -> list[S3Object]:
    found = [file for file in objects.listed(statement.source) if not file.location.key.endswith("/")]
    if not found:
        sentence = f"The specified S3 prefix '{statement.source.key}' does not exist"
        raise CopyFailure(sentence, LoadError(str(statement.source), S3_ERROR, sentence))
    return found


def _is_there(entry: Entry, file: S3Object | None, *, columnar: bool) -> bool:
    if file is None:
        if entry.mandatory:
            raise _missing(entry.url, columnar=columnar)
        return False
    if entry.meta.content_length not in (None, file.bytes):
        sentence = (
            f"File '{file.url}' has {file.bytes} bytes, its manifest's content_length is {entry.meta.content_length}"
        )
        raise scan_failure(LoadError(file.url, SPECTRUM_SCAN_ERROR, sentence))
    return True


def _missing(url: str, *, columnar: bool) -> CopyFailure:
    sentence = "Spectrum Scan Error: File not found" if columnar else f"File not found: {url}"
    return CopyFailure(sentence, LoadError(url, FILE_NOT_FOUND, f"File not found: {url}"))
