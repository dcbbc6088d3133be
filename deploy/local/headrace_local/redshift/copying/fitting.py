"""Whether a Parquet file's columns go into the table's: by position, each of the very type. Pure.

Redshift matches widths exactly: an int32 goes into no BIGINT and an int64 into no INTEGER. What its documentation
does not tell, is refused here: a file that loads locally should load there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import types

from headrace_local.redshift.copying.columns import RedshiftType, TableColumn
from headrace_local.redshift.copying.failures import SPECTRUM_SCAN_ERROR, LoadError, scan_failure
from headrace_local.redshift.copying.options import ParquetFormat
from headrace_local.redshift.errors import NotImitatedError, RedshiftError


@dataclass(frozen=True, slots=True)
class FittedColumn:
    """A column of the table, and the type of the file's at its place; None: the file ends before it (FILLRECORD)."""

    column: TableColumn
    arrow_type: Any


def require_loadable(columns: Sequence[TableColumn], parquet: ParquetFormat) -> None:
    """What can be said without a file: raises RedshiftError or NotImitatedError."""
    for column in columns:
        if column.type.name == "super" and not parquet.serialize_to_json:
            raise RedshiftError("SUPER column in COPY query requires SERIALIZETOJSON option")
        if column.type.name == "timestamp with time zone":
            raise NotImitatedError(
                f'COPY from Parquet into the TIMESTAMPTZ column "{column.name}" is not imitated locally: Redshift\'s '
                "documentation does not tell whether it is taken. TIMESTAMP is, and holds UTC"
            )


def fit(
    url: str, stored: pq.ParquetSchema, schema: pa.Schema, columns: Sequence[TableColumn], parquet: ParquetFormat
) -> list[FittedColumn]:
    """Raises CopyFailure that names the first column which does not fit."""
    if len(schema) > len(columns) or (len(schema) < len(columns) and not parquet.fill_record):
        raise scan_failure(_count_error(url, len(columns), len(schema)))
    for column, field in zip(columns, schema, strict=False):
        if not _fits(field.type, column.type):
            raise scan_failure(_type_error(url, column, field.name, stored))
    found = [field.type for field in schema] + [None] * (len(columns) - len(schema))
    return [FittedColumn(column, arrow_type) for column, arrow_type in zip(columns, found, strict=True)]


def _fits(found: Any, wanted: RedshiftType) -> bool:
    if types.is_dictionary(found):
        found = found.value_type
    if wanted.name == "numeric":
        return types.is_decimal(found) and (found.precision, found.scale) == (wanted.size, wanted.scale)
    return any(fits(found) for fits in _TAKEN[wanted.name])


def _count_error(url: str, table: int, file: int) -> LoadError:
    sentence = (
        "Unmatched number of columns between table and file. "
        f"Table columns: {table}, Data columns: {file}, File name: {url}"
    )
    return LoadError(url, SPECTRUM_SCAN_ERROR, sentence)


def _type_error(url: str, column: TableColumn, name: str, stored: pq.ParquetSchema) -> LoadError:
    sentence = (
        f"File '{url}' has an incompatible Parquet schema for column '{url}.{name}'. "
        f"Column type: {column.type}, Parquet schema:\n{_stored_type(stored, name)}"
    )
    if name != column.name:
        sentence += f" (the table's column at this place is {column.name})"
    return LoadError(url, SPECTRUM_SCAN_ERROR, sentence, column=column)


def _stored_type(stored: pq.ParquetSchema, name: str) -> str:
    leaves = [leaf for leaf in _leaves(stored) if leaf.path.split(".", 1)[0] == name]
    if len(leaves) != 1 or leaves[0].path != name:
        return f"group {name}"
    [leaf] = leaves
    repetition = "optional" if leaf.max_definition_level else "required"
    logical = str(leaf.logical_type)
    annotation = f" ({logical})" if logical != "None" else ""
    return f"{repetition} {leaf.physical_type.lower()} {name}{annotation}"


def _leaves(stored: pq.ParquetSchema) -> Iterator[Any]:
    return (stored.column(index) for index in range(len(stored)))


def _is_text(found: Any) -> bool:
    return bool(types.is_string(found) or types.is_large_string(found) or types.is_string_view(found))


def _is_bytes(found: Any) -> bool:
    return bool(types.is_binary(found) or types.is_large_binary(found) or types.is_binary_view(found))


def _is_nested(found: Any) -> bool:
    return bool(types.is_nested(found))


def _is_small(found: Any) -> bool:
    return bool(types.is_int16(found) or types.is_int8(found))


_TAKEN: Mapping[str, Sequence[Callable[[Any], bool]]] = {
    "smallint": [_is_small],
    "integer": [types.is_int32],
    "bigint": [types.is_int64],
    "real": [types.is_float32],
    "double precision": [types.is_float64],
    "boolean": [types.is_boolean],
    "date": [types.is_date32],
    "timestamp without time zone": [types.is_timestamp],
    "character varying": [_is_text, _is_bytes],
    "character": [_is_text, _is_bytes],
    "varbyte": [_is_bytes, types.is_fixed_size_binary],
    "super": [_is_nested, _is_text, types.is_integer, types.is_floating, types.is_boolean, types.is_decimal],
}
