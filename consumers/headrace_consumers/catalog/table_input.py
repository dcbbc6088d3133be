"""A table as Glue's API takes and gives it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from headrace_consumers.catalog.tables import CatalogColumn, CatalogTable, Formats

if TYPE_CHECKING:
    from mypy_boto3_glue.type_defs import (
        ColumnOutputTypeDef,
        ColumnTypeDef,
        StorageDescriptorTypeDef,
        TableInputTypeDef,
        TableTypeDef,
    )

_Kept = Literal["Owner", "LastAccessTime", "LastAnalyzedTime", "Retention"]
_KEPT: tuple[_Kept, ...] = ("Owner", "LastAccessTime", "LastAnalyzedTime", "Retention")


def table_input(name: str, table: CatalogTable, kept: TableTypeDef | None = None) -> TableInputTypeDef:
    """What creates a table, or updates the one that `kept` is: an update replaces it whole, so all that Headrace has no
    opinion on is said again. Athena needs the keys, also where there are none."""
    made: TableInputTypeDef = {
        "Name": name,
        "Description": table.description,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": dict(table.parameters),
        "PartitionKeys": [_column_input(column) for column in table.partition_keys],
        "StorageDescriptor": _storage(table, kept),
    }
    for key in _KEPT:
        if kept is not None and kept.get(key):
            made[key] = kept[key]
    return made


def catalog_table(said: TableTypeDef) -> CatalogTable:
    """What a table is, as far as Headrace has an opinion."""
    storage = said.get("StorageDescriptor", {})
    return CatalogTable(
        location=storage.get("Location") or "",
        columns=_columns(storage.get("Columns", [])),
        partition_keys=_columns(said.get("PartitionKeys", [])),
        description=said.get("Description") or "",
        parameters=said.get("Parameters") or {},
        formats=Formats(
            storage.get("InputFormat") or "",
            storage.get("OutputFormat") or "",
            storage.get("SerdeInfo", {}).get("SerializationLibrary") or "",
        ),
    )


def _storage(table: CatalogTable, kept: TableTypeDef | None) -> StorageDescriptorTypeDef:
    before = kept.get("StorageDescriptor", {}) if kept else {}
    serde = before.get("SerdeInfo", {})
    return {
        **before,
        "Columns": [_column_input(column) for column in table.columns],
        "Location": table.location,
        "InputFormat": table.formats.input,
        "OutputFormat": table.formats.output,
        "SerdeInfo": {
            **serde,
            "SerializationLibrary": table.formats.serde,
            "Parameters": serde.get("Parameters") or {"serialization.format": "1"},
        },
    }


def _column_input(column: CatalogColumn) -> ColumnTypeDef:
    made: ColumnTypeDef = {"Name": column.name, "Type": column.type, "Parameters": dict(column.parameters)}
    if column.comment:
        made["Comment"] = column.comment
    return made


def _columns(said: Iterable[ColumnOutputTypeDef]) -> tuple[CatalogColumn, ...]:
    return tuple(
        CatalogColumn(one["Name"], one.get("Type") or "", one.get("Comment") or "", one.get("Parameters") or {})
        for one in said
    )
