"""Valid events to rows of their table, and records to rows of the raw zone."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from headrace_consumers.pipeline import LakeTable
from headrace_consumers.stages.lateness import Judged
from headrace_consumers.stages.lines import Lines
from headrace_consumers.stages.parse import Parsed
from headrace_consumers.stages.repeats import Marked
from headrace_consumers.stages.schemas import (
    INSTANT,
    LATE_SCHEMA,
    POSITIONS_CODED,
    RAW_SCHEMA,
    coded,
    table_schema,
    without_commit,
)

LEAST_CHUNK_BYTES = 4096
"""A chunk costs some microseconds, as long as it takes to copy so much."""


def rows_of(table: LakeTable, lines: Lines, parsed: Parsed) -> pa.Table:
    """The contract's columns between those that say which event it is, when it happened and where it stood."""
    return rows_at(table, lines.positions(parsed.lines), parsed)


def rows_at(table: LakeTable, positions: Mapping[str, pa.Array], parsed: Parsed) -> pa.Table:
    """The same of rows that stood elsewhere; `positions` has POSITION_FIELDS, POSITIONS_CODED as dictionaries."""
    columns = {**{name: parsed.data[name] for name in parsed.data.column_names}, **positions}
    columns["event_id"] = parsed.envelope["id"] if parsed.envelope.num_columns else _derived_ids(positions)
    columns["event_time"] = parsed.data[table.contract.event_time]
    own = coded(without_commit(table_schema(table)), POSITIONS_CODED)
    return pa.Table.from_arrays([columns[field.name] for field in own], schema=own)


def _derived_ids(positions: Mapping[str, pa.Array]) -> pa.Array:
    shard_ids, numbers = (positions[name].dictionary_decode() for name in POSITIONS_CODED)
    return pc.binary_join_element_wise(shard_ids, numbers, positions["record_index"].cast(pa.string()), "/")


def late_rows(table: LakeTable, rows: pa.Table, judged: Judged) -> pa.Table:
    """A letter for each row that no window takes, for it came too late."""
    found = rows.filter(pa.array(judged.late))
    own = coded(without_commit(LATE_SCHEMA), POSITIONS_CODED)
    columns = {name: found[name] for name in own.names if name in found.column_names} | {
        "event_type": pa.repeat(pa.scalar(table.contract.type), found.num_rows),
        "limit_time": pa.array(judged.limits_us[judged.late]).cast(INSTANT),
    }
    return pa.Table.from_arrays([columns[name] for name in own.names], schema=own)


def raw_rows(marked: Marked) -> pa.Table:
    """Every record as received, repeats too."""
    records = marked.records
    own = without_commit(RAW_SCHEMA)
    arrivals = pa.array([record.approximate_arrival_timestamp for record in records], pa.timestamp("ms", "UTC"))
    columns = {
        "data": _payloads([record.data for record in records]),
        "shard_id": pa.array(marked.shard_ids, pa.string()),
        "sequence_number": pa.array([record.sequence_number for record in records], pa.string()),
        "sub_sequence_number": pa.array([record.sub_sequence_number for record in records], pa.int64()),
        "arrival_time": arrivals.cast(INSTANT),
        "partition_key": pa.array([record.partition_key for record in records], pa.string()),
        "repeat": pa.array(marked.repeats, pa.bool_()),
    }
    return pa.Table.from_arrays([columns[field.name] for field in own], schema=own)


def _payloads(data: Sequence[bytes]) -> pa.Array | pa.ChunkedArray:
    """Without a copy where records are big: each is then a chunk of its own."""
    if sum(map(len, data)) < len(data) * LEAST_CHUNK_BYTES:
        return pa.array(data, pa.binary())
    return pa.chunked_array([_alone(payload) for payload in data], pa.binary())


def _alone(payload: bytes) -> pa.BinaryArray:
    offsets = pa.py_buffer(struct.pack("=ii", 0, len(payload)))
    return pa.BinaryArray.from_buffers(pa.binary(), 1, [None, offsets, pa.py_buffer(payload)])
