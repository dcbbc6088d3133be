"""Arrow schemas of everything that is written to the lake, derived from contracts."""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa

from headrace_consumers.pipeline import LakeTable
from headrace_producers.contracts import Column, ColumnType

CODED_TEXT = pa.dictionary(pa.int32(), pa.string())
INSTANT = pa.timestamp("us", "UTC")

_ARROW = {
    ColumnType.STRING: pa.string(),
    ColumnType.INT64: pa.int64(),
    ColumnType.FLOAT64: pa.float64(),
    ColumnType.BOOLEAN: pa.bool_(),
    ColumnType.DATE: pa.date32(),
    ColumnType.TIMESTAMP: INSTANT,
}

POSITION_FIELDS = (
    pa.field("shard_id", pa.string(), nullable=False),
    pa.field("sequence_number", pa.string(), nullable=False),
    pa.field("record_index", pa.int32(), nullable=False),
    pa.field("arrival_time", INSTANT, nullable=False),
)
POSITIONS_CODED = ("shard_id", "sequence_number")
"""Columns that staged rows hold as dictionaries; readers of the lake see plain texts."""
MAX_BYTES_KEY = "max_bytes"
"""In the metadata of a text column: how wide its contract lets it be, which a reader may know the column only by."""
COMMIT_FIELD = pa.field("commit_id", pa.string(), nullable=False)

DEAD_LETTER_SCHEMA = pa.schema([
    pa.field("stage", pa.string(), nullable=False),
    pa.field("reason", pa.string(), nullable=False),
    pa.field("field", pa.string()),
    pa.field("rule", pa.string()),
    pa.field("event_type", pa.string()),
    pa.field("payload", pa.binary(), nullable=False),
    *POSITION_FIELDS,
    COMMIT_FIELD,
])  # fmt: skip

LATE_SCHEMA = pa.schema([
    pa.field("event_type", pa.string(), nullable=False),
    pa.field("event_id", pa.string(), nullable=False),
    pa.field("event_time", INSTANT, nullable=False),
    pa.field("limit_time", INSTANT, nullable=False),
    *POSITION_FIELDS,
    COMMIT_FIELD,
])  # fmt: skip
"""Events whose rows are in the lake and in no window; `limit_time` was the earliest that was not late."""

RAW_SCHEMA = pa.schema([
    pa.field("data", pa.binary(), nullable=False),
    pa.field("shard_id", pa.string(), nullable=False),
    pa.field("sequence_number", pa.string(), nullable=False),
    pa.field("sub_sequence_number", pa.int64()),
    pa.field("arrival_time", INSTANT, nullable=False),
    pa.field("partition_key", pa.string(), nullable=False),
    pa.field("repeat", pa.bool_(), nullable=False),
    COMMIT_FIELD,
])  # fmt: skip


def arrow_type(column: Column) -> pa.DataType:
    if column.type is ColumnType.DECIMAL:
        return pa.decimal128(column.precision, column.scale)
    return _ARROW[column.type]


def table_schema(table: LakeTable) -> pa.Schema:
    """The rows of a lake table: event id and time, the contract's columns, position, commit."""
    contract = table.contract
    own = [
        pa.field(column.name, arrow_type(column), nullable=not column.required, metadata=_metadata(column))
        for column in contract.columns
    ]
    head = [pa.field("event_id", pa.string(), nullable=False)]
    if contract.event_time != "event_time":
        head.append(pa.field("event_time", INSTANT, nullable=False))
    return pa.schema([*head, *own, *POSITION_FIELDS, COMMIT_FIELD])


def coded(schema: pa.Schema, names: Collection[str]) -> pa.Schema:
    """The schema with these texts as dictionaries."""
    return pa.schema(
        [field.with_type(CODED_TEXT) if field.name in names else field for field in schema], schema.metadata
    )


def without_commit(schema: pa.Schema) -> pa.Schema:
    """As staged: which commit it will be is not known yet."""
    return schema.remove(schema.get_field_index(COMMIT_FIELD.name))


def _metadata(column: Column) -> dict[str, str]:
    said = {"description": column.description} | ({"unit": column.unit} if column.unit else {})
    return said | ({MAX_BYTES_KEY: str(column.max_bytes)} if column.type is ColumnType.STRING else {})
