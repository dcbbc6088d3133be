"""The rows of a file, whatever its form."""

from __future__ import annotations

from collections.abc import Iterator

from headrace_batch.landing.block import Block
from headrace_batch.landing.csv_reading import read_csv
from headrace_batch.landing.json_reading import read_json, read_ndjson
from headrace_batch.landing.parquet_reading import read_parquet
from headrace_batch.landing.unpacking import in_utf8, unpacked
from headrace_consumers.landing import FileFormat, LandingSource


def read_blocks(body: bytes, source: LandingSource) -> Iterator[Block]:
    """Raises RefusedFileError, maybe after some blocks."""
    form = source.form
    plain = unpacked(body, form, source.limits)
    if form.format is FileFormat.PARQUET:
        return read_parquet(plain, source)
    text = in_utf8(plain, form.encoding)
    match form.format:
        case FileFormat.CSV:
            return read_csv(text, source)
        case FileFormat.NDJSON:
            return read_ndjson(text, source)
        case _:
            return read_json(text, source)
