"""A letters' file without those that left it."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from headrace_consumers.lake.encode import COMPRESSION_LEVEL
from headrace_consumers.lake.objects import EncodedFile, PendingFile

_ATTEMPT = b"headrace.attempt_id"
_ALL_DIFFERENT = "payload"


def rewritten(file: PendingFile, left: pa.Table, attempt_id: str, number: int) -> EncodedFile:
    """What is left of the file, each row with the commit that brought it. `number` tells the files of an attempt
    apart: several may be in one folder."""
    rows = left.replace_schema_metadata({**(left.schema.metadata or {}), _ATTEMPT: attempt_id.encode()})
    sink = pa.BufferOutputStream()
    repeating = [name for name in rows.column_names if name != _ALL_DIFFERENT]
    pq.write_table(rows, sink, compression="zstd", compression_level=COMPRESSION_LEVEL, use_dictionary=repeating)
    return EncodedFile(
        table=file.table,
        partition=file.partition,
        zone="processed",
        key=f"{file.table}/{file.partition}/{attempt_id}-{number}.parquet",
        rows=rows.num_rows,
        body=memoryview(sink.getvalue()),
        rewritten=True,
    )
