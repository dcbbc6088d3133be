"""Pieces of a file, as tasks get them, and their rows: by the same calls that one process would make."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from headrace_batch.handed.ranges import Ranged, Seekable
from headrace_batch.landing.block import Block
from headrace_batch.landing.csv_reading import read_cut_csv
from headrace_batch.landing.json_reading import read_lines_block
from headrace_batch.landing.parquet_reading import MAGIC, open_parquet, read_row_group
from headrace_consumers.landing import FileFormat, LandingSource


class Part(msgspec.Struct, frozen=True):
    """Whole rows: bytes of a text, or row groups, from `begin` to `end`."""

    begin: int
    end: int
    first: int
    """The number of its first row in the file."""
    is_last: bool = False
    has_header: bool = False


class Piece(msgspec.Struct, frozen=True):
    """What one task reads."""

    number: int
    parts: tuple[Part, ...]
    header: tuple[str, ...] = ()


def read_piece(file: Ranged, piece: Piece, source: LandingSource) -> Iterator[Block]:
    """Blocks on the network. Raises RefusedFileError, maybe after some blocks."""
    if source.form.format is FileFormat.PARQUET:
        yield from _row_groups(opened_parquet(file), piece, source)
        return
    for part in piece.parts:
        text = file.read(part.begin, part.end)
        if source.form.format is FileFormat.NDJSON:
            yield read_lines_block(text, source, part.first, is_last=part.is_last)[0]
        else:
            yield read_cut_csv(
                np.frombuffer(text, np.uint8), piece.header, source, part.first,
                is_last=part.is_last, has_header=part.has_header,
            )  # fmt: skip


def opened_parquet(file: Ranged) -> pq.ParquetFile:
    size = file.size_bytes
    head, tail = file.read(0, min(len(MAGIC), size)), file.read(max(size - 12, 0), size)
    return open_parquet(pa.PythonFile(Seekable(file), mode="r"), head, tail)


def _row_groups(file: pq.ParquetFile, piece: Piece, source: LandingSource) -> Iterator[Block]:
    for part in piece.parts:
        yield read_row_group(file, part.begin, source, part.first)
