"""Parquet to columns, row group by row group. Its footer says what it holds before anything of it is unpacked."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from headrace_batch.landing.block import Block, Ints, check_names
from headrace_batch.landing.refusing import Reason, RefusedFileError
from headrace_batch.landing.typing_values import is_taken
from headrace_consumers.landing import LandingSource

MAGIC = b"PAR1"
_LEAST_BYTES = 12
_BROKEN = (OSError, pa.ArrowException, ValueError, OverflowError, MemoryError)
"""What Arrow says of Parquet that is none."""


def read_parquet(body: bytes, source: LandingSource) -> Iterator[Block]:
    """Raises RefusedFileError for a wrong header, half a file, and one that unpacks to too much."""
    file = _opened(body)
    check_columns(file, source)
    _check_size(file, body, source)
    first, room = 0, source.limits.max_unpacked_bytes
    for number in range(file.num_row_groups):
        block = read_row_group(file, number, source, first)
        room -= block.fields.nbytes
        if room < 0:
            raise bomb(len(body), source)
        yield block
        first += len(block.rows)


def check_columns(file: pq.ParquetFile, source: LandingSource) -> None:
    """Raises RefusedFileError."""
    schema = _schema(file, source)
    check_names(source, [field.name for field in schema])
    _check_types(schema, source)


def read_row_group(file: pq.ParquetFile, number: int, source: LandingSource, first: int) -> Block:
    """Raises RefusedFileError where its bytes are no Parquet."""
    fields = _read(file, number, [names[0] for names in source.file_names.values()])
    return Block(fields, np.arange(first, first + fields.num_rows), _Payloads(fields))


class _Payloads:
    """A row of Parquet has no bytes of its own: it is shown as JSON."""

    def __init__(self, fields: pa.Table) -> None:
        self._fields = fields

    def __call__(self, chosen: Ints) -> list[bytes]:
        rows = self._fields.take(pa.array(chosen)).to_pylist()
        return [msgspec.json.encode(row, enc_hook=str) for row in rows]


def _opened(body: bytes) -> pq.ParquetFile:
    return open_parquet(pa.BufferReader(body), body[: len(MAGIC)], body[-_LEAST_BYTES:])


def open_parquet(file: pa.NativeFile, head: bytes, tail: bytes) -> pq.ParquetFile:
    """`head` and `tail` are its first and last bytes. Raises RefusedFileError."""
    if head != MAGIC:
        raise RefusedFileError(Reason.WRONG_FORMAT, "it is no Parquet: its first bytes are others")
    if not tail.endswith(MAGIC) or len(tail) < _LEAST_BYTES:
        raise RefusedFileError(Reason.HALF, "its Parquet has no footer: the end is missing")
    try:
        return pq.ParquetFile(file)
    except _BROKEN:
        raise RefusedFileError(Reason.HALF, "its Parquet footer cannot be read: bytes are missing or changed") from None


def _schema(file: pq.ParquetFile, source: LandingSource) -> pa.Schema:
    try:
        return file.schema_arrow
    except _BROKEN:
        raise RefusedFileError(
            Reason.WRONG_HEADER, f"its Parquet schema is none that source {source.name} may have"
        ) from None


def _check_types(schema: pa.Schema, source: LandingSource) -> None:
    for ours, names in source.file_names.items():
        column, kind = source.table.contract.column(ours), schema.field(names[0]).type
        if not is_taken(column, kind):
            raise RefusedFileError(
                Reason.WRONG_HEADER, f"its column {names[0]!r} is {kind}, and the contract's {ours} is {column.type}"
            )


def _check_size(file: pq.ParquetFile, body: bytes, source: LandingSource) -> None:
    """Encodings unpack like compressions do: so many values of nothing are a bomb, too."""
    footer = file.metadata
    stated = sum(footer.row_group(number).total_byte_size for number in range(footer.num_row_groups))
    if max(stated, footer.num_rows * len(source.file_names)) > source.limits.max_unpacked_bytes:
        raise bomb(len(body), source)


def bomb(size_bytes: int, source: LandingSource) -> RefusedFileError:
    limit = source.limits.max_unpacked_bytes
    return RefusedFileError(
        Reason.BOMB, f"{size_bytes} bytes of Parquet unpack to more than {limit}, the source's limit"
    )


def _read(file: pq.ParquetFile, number: int, wanted: list[str]) -> pa.Table:
    try:
        found = file.read_row_group(number, columns=wanted, use_threads=False)
        found.validate(full=True)
    except _BROKEN:
        raise RefusedFileError(
            Reason.HALF, f"row group {number} of its Parquet cannot be read: bytes are missing or changed"
        ) from None
    return found
