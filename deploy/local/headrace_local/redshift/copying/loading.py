"""COPY: from the statement and the target's columns to the CSV that PostgreSQL reads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
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
from headrace_local.redshift.copying.manifest import read_manifest
from headrace_local.redshift.copying.objects import Objects, S3Object
from headrace_local.redshift.copying.options import Compression, DelimitedFormat, JsonFormat, ParquetFormat
from headrace_local.redshift.copying.parquet import ParquetSource
from headrace_local.redshift.copying.statement import CopyStatement, S3Location
from headrace_local.redshift.copying.textrows import RowErrors
from headrace_local.redshift.copying.values import CSV_OPTIONS

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


_READERS = 2
_MESSAGE_BYTES = 512 * 1024
_SMALL_BYTES = 256 * 1024
_AHEAD_BYTES = 64 * 1024 * 1024


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
        self._wanted = _wanted(statement, objects)
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
        return _one_ahead(_merged(self._lines()))

    def _lines(self) -> Iterator[bytes]:
        columnar = isinstance(self._statement.format, ParquetFormat)
        for wanted, file in _ahead(self._begun, self._wanted):
            if file is not None:
                yield from file.chunks
                self.files.append(LoadedFile(file.found.url, file.found.bytes, file.source.rows))
            elif wanted.mandatory:
                raise _missing(str(wanted.location), columnar=columnar)
        if not self.files:
            raise _missing(str(self._statement.source), columnar=columnar)

    def _begun(self, wanted: Wanted) -> BegunFile | None:
        """A small columnar file is read to its end here, side by side with others; text files count their errors in
        order."""
        opened = self._objects.opened(wanted.location, wanted.likely_bytes)
        if opened is None:
            return None
        _require_length(wanted, opened.found)
        source = self._source(opened.found, opened.content)
        small = isinstance(source, ParquetSource) and opened.found.bytes <= _SMALL_BYTES
        return BegunFile(opened.found, source, [b"".join(source.chunks())] if small else source.chunks())

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


def _merged(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Small ones together: each costs PostgreSQL a message, and us a change of threads."""
    parts: list[bytes] = []
    for chunk in chunks:
        parts.append(chunk)
        if sum(map(len, parts)) >= _MESSAGE_BYTES:
            yield b"".join(parts)
            parts = []
    if parts:
        yield b"".join(parts)


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


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file that is to be loaded; how long it must be is not always known."""

    location: S3Location
    bytes: int | None
    mandatory: bool = True

    @property
    def likely_bytes(self) -> int:
        return self.bytes or 0


@dataclass(frozen=True, slots=True)
class BegunFile:
    """One that is there."""

    found: S3Object
    source: FileSource
    chunks: Iterable[bytes]


def _ahead(
    begin: Callable[[Wanted], BegunFile | None], files: Sequence[Wanted]
) -> Iterator[tuple[Wanted, BegunFile | None]]:
    """In their order; some of the next ones are begun meanwhile."""
    coming: deque[tuple[Wanted, Future[BegunFile | None]]] = deque()
    waiting = deque(files)
    with ThreadPoolExecutor(_READERS) as pool:
        while waiting or coming:
            while waiting and (not coming or _is_room(coming)):
                wanted = waiting.popleft()
                coming.append((wanted, pool.submit(begin, wanted)))
            wanted, begun = coming.popleft()
            yield wanted, begun.result()


def _is_room(coming: Collection[tuple[Wanted, Any]]) -> bool:
    return len(coming) < 2 * _READERS and sum(wanted.likely_bytes for wanted, _ in coming) < _AHEAD_BYTES


def _wanted(statement: CopyStatement, objects: Objects) -> list[Wanted]:
    if not statement.manifest:
        return [Wanted(found.location, found.bytes) for found in _by_prefix(statement, objects)]
    columnar = isinstance(statement.format, ParquetFormat)
    entries = read_manifest(statement.source, objects.read(statement.source), columnar=columnar)
    return [Wanted(entry.location, entry.meta.content_length, entry.mandatory) for entry in entries]


def _by_prefix(statement: CopyStatement, objects: Objects) -> list[S3Object]:
    found = [file for file in objects.listed(statement.source) if not file.location.key.endswith("/")]
    if not found:
        sentence = f"The specified S3 prefix '{statement.source.key}' does not exist"
        raise CopyFailure(sentence, LoadError(str(statement.source), S3_ERROR, sentence))
    return found


def _require_length(wanted: Wanted, found: S3Object) -> None:
    if wanted.bytes not in (None, found.bytes):
        sentence = f"File '{found.url}' has {found.bytes} bytes, its manifest's content_length is {wanted.bytes}"
        raise scan_failure(LoadError(found.url, SPECTRUM_SCAN_ERROR, sentence))


def _missing(url: str, *, columnar: bool) -> CopyFailure:
    sentence = "Spectrum Scan Error: File not found" if columnar else f"File not found: {url}"
    return CopyFailure(sentence, LoadError(url, FILE_NOT_FOUND, f"File not found: {url}"))
