"""Before a COPY: what each file's own footer says, held against the table as the warehouse has it.

COPY takes Parquet columns by their place and its errors name no column; a footer is a few kilobytes, and says all that
is needed to tell which column of which file does not fit, and what is new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from headrace_consumers.errors import MissingFileError
from headrace_consumers.lake.objects import ObjectStore
from headrace_consumers.load.waiting import LakeFile
from headrace_consumers.warehouse.tables import TableColumn
from headrace_consumers.warehouse.types import redshift_type, takes

_TAIL_BYTES = 64 * 1024
_TRAILER_BYTES = 8
"""The footer's length in four bytes, and the magic word."""


@dataclass(frozen=True, slots=True)
class Footer:
    """What a file says of itself."""

    fields: tuple[pa.Field, ...]
    rows: int

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The file cannot be loaded as it is."""

    reason: str
    lost: bool = False
    """It is gone, and may come back: `repair` makes it again."""


def read_footer(store: ObjectStore, file: LakeFile) -> Footer | Unreadable:
    """Blocks on the network. A file that is gone, short or no Parquet is told, not raised."""
    try:
        tail = store.read_tail(file.bucket, file.key, _TAIL_BYTES)
        if (length := _footer_bytes(tail)) > len(tail):
            tail = store.read_tail(file.bucket, file.key, length)
        metadata = pq.read_metadata(pa.BufferReader(tail))
    except MissingFileError:
        return Unreadable(f"{file.url} is not there; run `headrace-consumers repair`", lost=True)
    except (pa.ArrowInvalid, OSError) as error:
        return Unreadable(f"{file.url} is no Parquet file: {_first_line(error)}")
    if metadata.num_rows != file.rows:
        return Unreadable(f"{file.url} has {metadata.num_rows} rows, its commit says {file.rows}")
    return Footer(tuple(metadata.schema.to_arrow_schema()), metadata.num_rows)


def _footer_bytes(tail: bytes) -> int:
    return int.from_bytes(tail[-_TRAILER_BYTES:-4], "little") + _TRAILER_BYTES if len(tail) >= _TRAILER_BYTES else 0


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


@dataclass(frozen=True, slots=True)
class Fit:
    """The file fits once these columns are there, and so wide; as a rule there are none."""

    missing: tuple[pa.Field, ...] = ()
    wider: tuple[pa.Field, ...] = ()


@dataclass(frozen=True, slots=True)
class Misfit:
    """The table would have to change in a way that only people may decide."""

    reason: str


def fit(footer: Footer, file: LakeFile, table: Mapping[str, TableColumn]) -> Fit | Misfit:
    """`table` has the warehouse's columns by their names."""
    wider = []
    for field in footer.fields:
        column = table.get(field.name)
        if column is None or takes(column.type, field):
            continue
        if not redshift_type(field).holds(column.type):
            return Misfit(_other_type(file, column, field))
        wider.append(field)
    lacking = [column.name for column in table.values() if not column.nullable and column.name not in footer.columns]
    if lacking:
        return Misfit(f"{file.table}.{lacking[0]} takes no null in the warehouse, and {file.url} has no such column: "
                      "drop NOT NULL or the column")  # fmt: skip
    return Fit(tuple(field for field in footer.fields if field.name not in table), tuple(wider))


def _other_type(file: LakeFile, column: TableColumn, field: pa.Field) -> str:
    return (
        f"{file.table}.{column.name} is {column.type} in the warehouse, and {redshift_type(field)} in {file.url}: "
        "see `headrace-consumers schema plan`"
    )
