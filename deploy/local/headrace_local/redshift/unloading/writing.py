"""UNLOAD: from a query's rows to objects. Nothing is uploaded before the query has given its last row."""

from __future__ import annotations

import tempfile
import urllib.parse
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from headrace_local.redshift.copying.columns import TableColumn
from headrace_local.redshift.copying.objects import S3_ERRORS, Objects
from headrace_local.redshift.copying.statement import S3Location
from headrace_local.redshift.errors import RedshiftError
from headrace_local.redshift.unloading.columns import result_type, text_batches
from headrace_local.redshift.unloading.formats import FileWriter, extension, file_writer, require_distinct
from headrace_local.redshift.unloading.statement import UnloadStatement

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_IN_MEMORY_BYTES = 1024 * 1024
_NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
_PLAIN = " -_.,+@()~!$'"


@dataclass(frozen=True, slots=True)
class UnloadedFile:
    location: S3Location
    bytes: int
    rows: int


@dataclass(frozen=True, slots=True)
class Unloaded:
    rows: int
    files: Sequence[UnloadedFile]


def write(
    statement: UnloadStatement, columns: Sequence[TableColumn], chunks: Iterable[bytes], s3: S3Client
) -> Unloaded:
    """`chunks`: the query's rows, copied out with `QUERY_OPTIONS`. A query without rows writes nothing, as on Redshift.

    All is one slice's, 0000. Raises RedshiftError; waits for S3: not for an event loop's thread.
    """
    require_distinct(columns, statement)
    _partition_places(statement, columns)
    try:
        _require_empty(statement, s3)
        with ExitStack() as files:
            spool = _Spool(statement, columns, files)
            rows = sum(spool.write(batch) for batch in text_batches(columns, chunks))
            return Unloaded(rows, _uploaded(statement, columns, spool.closed(), s3))
    except S3_ERRORS as error:
        raise RedshiftError(f"S3ServiceException: {statement.target}: {error}") from error


class _Spool:
    """One file a partition, and the next where one is large enough."""

    def __init__(self, statement: UnloadStatement, columns: Sequence[TableColumn], files: ExitStack) -> None:
        self._statement = statement
        self._columns = columns
        self._places = _partition_places(statement, columns)
        inside = range(len(columns))
        dropped = () if statement.partitioning.include else self._places
        self._kept = [index for index in inside if index not in dropped]
        self._files = files
        self._open: dict[str, _Part] = {}
        self._done: list[_Part] = []

    def write(self, texts: pa.RecordBatch) -> int:
        for folder, rows in _partitions(texts, [self._columns[place].name for place in self._places], self._places):
            self._write_part(folder, rows.select(self._kept))
        return int(texts.num_rows)

    def closed(self) -> list[_Part]:
        for part in list(self._open.values()):
            self._finish(part)
        return sorted(self._done, key=lambda part: part.key)

    def _write_part(self, folder: str, rows: pa.RecordBatch) -> None:
        part = self._open.get(folder) or self._new(folder)
        part.writer.write(rows)
        if part.sink.tell() >= self._statement.max_file_bytes:
            self._finish(part)

    def _new(self, folder: str) -> _Part:
        number = sum(part.folder == folder for part in self._done)
        name = f"0000_part_{number:02}" if self._statement.parallel else f"{number:03}"
        sink = self._files.enter_context(tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES))  # noqa: SIM115 -- it is one
        writer = file_writer(self._statement, [self._columns[index] for index in self._kept], sink)
        key = f"{self._statement.target.key}{folder}{name}{extension(self._statement)}"
        self._open[folder] = _Part(folder, key, sink, writer)
        return self._open[folder]

    def _finish(self, part: _Part) -> None:
        part.writer.close()
        self._done.append(self._open.pop(part.folder))


@dataclass(frozen=True, slots=True)
class _Part:
    folder: str
    key: str
    sink: Any
    writer: FileWriter


def _partition_places(statement: UnloadStatement, columns: Sequence[TableColumn]) -> list[int]:
    names = [column.name for column in columns]
    for name in statement.partitioning.columns:
        if name not in names:
            raise RedshiftError(f'Partition column "{name}" does not exist in the query\'s result')
    places = [names.index(name) for name in statement.partitioning.columns]
    if places and len(places) == len(columns) and not statement.partitioning.include:
        raise RedshiftError("UNLOAD needs a column that it is not partitioned by")
    return places


def _partitions(
    texts: pa.RecordBatch, names: Sequence[str], places: Sequence[int]
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """The rows of each partition in their order, and its folder."""
    if not places:
        yield "", texts
        return
    steps = [_steps(name, texts.column(place)) for name, place in zip(names, places, strict=True)]
    folders = pc.binary_join_element_wise(*steps, "", "")
    for folder in pc.unique(folders).to_pylist():
        yield folder, texts.filter(pc.equal(folders, folder))


def _steps(name: str, values: Any) -> Any:
    coded = values.dictionary_encode(null_encoding="encode")
    steps = pa.array([f"{name}={_partition_value(value)}/" for value in coded.dictionary.to_pylist()], pa.string())
    return steps.take(coded.indices)


def _partition_value(value: str | None) -> str:
    return _NULL_PARTITION if value is None else urllib.parse.quote(value, safe=_PLAIN)


def _require_empty(statement: UnloadStatement, s3: S3Client) -> None:
    if statement.allow_overwrite or statement.clean_path:
        return
    if s3.list_objects_v2(Bucket=statement.target.bucket, Prefix=statement.target.key, MaxKeys=1).get("Contents"):
        raise RedshiftError(
            "Specified unload destination on S3 is not empty. Consider using a different bucket / prefix, manually "
            "removing the target files in S3, or using the ALLOWOVERWRITE option."
        )


def _uploaded(
    statement: UnloadStatement, columns: Sequence[TableColumn], parts: Sequence[_Part], s3: S3Client
) -> list[UnloadedFile]:
    bucket = statement.target.bucket
    if statement.clean_path:
        _clean(statement, {part.folder for part in parts}, s3)
    files = []
    for part in parts:
        size = part.sink.tell()
        part.sink.seek(0)
        s3.upload_fileobj(part.sink, bucket, part.key)
        files.append(UnloadedFile(S3Location(bucket, part.key), size, part.writer.rows))
    if statement.manifest and files:
        s3.put_object(Bucket=bucket, Key=f"{statement.target.key}manifest", Body=_manifest(statement, columns, files))
    return files


def _clean(statement: UnloadStatement, folders: set[str], s3: S3Client) -> None:
    """With partitions: only those that get files."""
    bucket = statement.target.bucket
    for folder in folders if statement.partitioning.columns else {""}:
        for found in list(Objects(s3).listed(S3Location(bucket, statement.target.key + folder))):
            s3.delete_object(Bucket=bucket, Key=found.location.key)


def _manifest(statement: UnloadStatement, columns: Sequence[TableColumn], files: Sequence[UnloadedFile]) -> bytes:
    manifest: dict[str, Any] = {
        "entries": [
            {"url": str(file.location), "meta": _meta([file], verbose=statement.verbose)} for file in files
        ]
    }  # fmt: skip
    if statement.verbose:
        manifest["schema"] = {"elements": [_element(column) for column in columns]}
        manifest["meta"] = _meta(files, verbose=True)
        manifest["author"] = {"name": "Amazon Redshift", "version": "1.0.0"}
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2)


def _meta(files: Sequence[UnloadedFile], *, verbose: bool) -> dict[str, int]:
    meta = {"content_length": sum(file.bytes for file in files)}
    return meta | {"record_count": sum(file.rows for file in files)} if verbose else meta


def _element(column: TableColumn) -> dict[str, Any]:
    found = result_type(column)
    base: dict[str, str | int | None] = {"base": found.name}
    if found.name == "numeric":
        base |= {"precision": found.size, "scale": found.scale}
    elif found.size is not None:
        base |= {"max_length": found.size}
    return {"name": column.name, "type": base}
