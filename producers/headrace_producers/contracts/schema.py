"""Contracts as JSON Schema (draft 2020-12), for producers in other languages."""

from __future__ import annotations

from typing import Any

from headrace_producers.contracts.column import Column, ColumnType
from headrace_producers.contracts.contract import Contract

_TYPES: dict[ColumnType, dict[str, Any]] = {
    ColumnType.STRING: {"type": "string"},
    ColumnType.INT64: {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    ColumnType.FLOAT64: {"type": "number"},
    ColumnType.BOOLEAN: {"type": "boolean"},
    ColumnType.DATE: {"type": "string", "format": "date"},
    ColumnType.TIMESTAMP: {"type": "string", "format": "date-time"},
    ColumnType.DECIMAL: {"type": "string"},
}
_KEYWORDS = {
    "ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum",
    "pattern": "pattern", "min_length": "minLength", "max_length": "maxLength", "allowed": "enum",
}  # fmt: skip


def json_schema(contract: Contract) -> dict[str, Any]:
    """The schema of an event's `data`. Unknown fields are allowed: they are how contracts grow."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:headrace:{contract.type}",
        "title": contract.type,
        "description": contract.description,
        "type": "object",
        "properties": {column.name: _property(column) for column in contract.columns},
        "required": [column.name for column in contract.columns if column.required],
        "x-partition-key": contract.partition_key,
        "x-event-time": contract.event_time,
    }


def _property(column: Column) -> dict[str, Any]:
    said = dict(_TYPES[column.type])
    for name, value in column.constraints.stated().items():
        said[_KEYWORDS[name]] = list(value) if isinstance(value, tuple) else value
    if column.type is ColumnType.DECIMAL:
        whole = column.precision - column.scale
        said["pattern"] = rf"^-?[0-9]{{1,{max(whole, 1)}}}(\.[0-9]{{0,{column.scale}}})?$"
    if column.description:
        said["description"] = column.description
    if column.unit:
        said["x-unit"] = column.unit
    if column.personal:
        said["x-personal"] = True
    return said if column.required else {"anyOf": [said, {"type": "null"}], "default": None}
