"""Tables as Parquet in memory."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq

_COMPRESSION_LEVEL = 1


def encoded(rows: pa.Table) -> memoryview:
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="zstd", compression_level=_COMPRESSION_LEVEL)
    return memoryview(sink.getvalue())


def decoded(body: bytes) -> pa.Table:
    return pq.read_table(io.BytesIO(body), use_threads=False)
