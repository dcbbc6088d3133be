"""Contract columns as Arrow fields: the one place that maps them. Needs pyarrow, which the extra `arrow` brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace_producers.contracts.column import Column, ColumnType

if TYPE_CHECKING:
    import pyarrow as pa

    from headrace_producers.contracts.contract import Contract


def arrow_schema(contract: Contract) -> pa.Schema:
    """The contract's columns, in order; its type stands in the metadata."""
    import pyarrow as pa

    fields = [arrow_field(column) for column in contract.columns]
    return pa.schema(fields, metadata={"headrace.contract": contract.type})


def arrow_field(column: Column) -> pa.Field[Any]:
    """One column; description, unit and the personal-data mark stand in its metadata."""
    import pyarrow as pa

    said = {
        "description": column.description,
        "unit": column.unit or "",
        "personal": "true" if column.personal else "",
    }
    metadata = {name: value for name, value in said.items() if value}
    return pa.field(column.name, arrow_type(column), nullable=not column.required, metadata=metadata or None)


def arrow_type(column: Column) -> pa.DataType:
    """Instants are microseconds in UTC, dates are days."""
    import pyarrow as pa

    if column.type is ColumnType.DECIMAL:
        return pa.decimal128(column.precision, column.scale)
    types: dict[ColumnType, pa.DataType] = {
        ColumnType.STRING: pa.string(),
        ColumnType.INT64: pa.int64(),
        ColumnType.FLOAT64: pa.float64(),
        ColumnType.BOOLEAN: pa.bool_(),
        ColumnType.DATE: pa.date32(),
        ColumnType.TIMESTAMP: pa.timestamp("us", tz="UTC"),
    }
    return types[column.type]
