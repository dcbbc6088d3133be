"""Before a COPY: what each file's own footer says, held against the table as the warehouse has it.

COPY takes Parquet columns by their place and its errors name no column; a footer is a few kilobytes, and says all that
is needed to tell which column of which file does not fit, and what is new.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from headrace_consumers.errors import MissingFileError
from headrace_consumers.lake.objects import ObjectStore, Tail
from headrace_consumers.load.waiting import LakeFile
from headrace_consumers.warehouse.tables import TableColumn
from headrace_consumers.warehouse.types import RedshiftType, redshift_type, takes
from headrace_producers.errors import TerminalError

_TAIL_BYTES = 64 * 1024
_TRAILER_BYTES = 8
"""The footer's length in four bytes, and the magic word."""
_COLUMN = re.compile(r"[a-z][a-z0-9_]{0,62}")
"""What contracts call columns; a damaged footer may call them anything."""
_DAMAGED = (pa.ArrowException, OSError, ValueError, MemoryError, OverflowError)
"""What Arrow's reader raises for footers of any bytes."""


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


Look = Footer | Unreadable


def lost(file: LakeFile) -> Unreadable:
    """It is gone, or another than its commit wrote."""
    return Unreadable(f"{file.url} is not there as its commit wrote it; run `headrace-consumers repair`", lost=True)


def is_lost(look: Look) -> bool:
    return isinstance(look, Unreadable) and look.lost


def read_footer(store: ObjectStore, file: LakeFile) -> Look:
    """Blocks on the network. A file that is gone, short or no Parquet is told, not raised."""
    try:
        tail = _tail(store, file)
    except MissingFileError:
        return lost(file)
    if not _is_as_written(tail, file):
        return lost(file)
    try:
        footer = _parsed(tail.body)
    except _DAMAGED as error:
        return Unreadable(f"{file.url} is no Parquet file: {_first_line(error)}")
    if footer.rows != file.rows:
        return Unreadable(f"{file.url} has {footer.rows} rows, its commit says {file.rows}")
    return footer


def _is_as_written(tail: Tail, file: LakeFile) -> bool:
    """As much as HEAD would prove."""
    return (tail.bytes, tail.attempt_id) == (file.bytes, file.commit_id) and file.sha256 in ("", tail.sha256)


def _tail(store: ObjectStore, file: LakeFile) -> Tail:
    tail = store.read_tail(file.bucket, file.key, _TAIL_BYTES)
    length = _footer_bytes(tail.body)
    return store.read_tail(file.bucket, file.key, length) if len(tail.body) < length <= file.bytes else tail


def _parsed(tail: bytes) -> Footer:
    """The schema alone: to ask a damaged footer for its row groups' columns can end the process."""
    metadata = pq.read_metadata(pa.BufferReader(tail))
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
    missing, wider = [], []
    for field in footer.fields:
        if (column := table.get(field.name)) is None:
            if hindrance := _not_to_be_added(file, field):
                return Misfit(hindrance)
            missing.append(field)
        elif not _takes(column, field):
            if not _may_widen(column, field):
                return Misfit(_other_type(file, column, field))
            wider.append(field)
    lacking = [column for column in table.values() if not column.nullable and column.name not in footer.columns]
    return Misfit(_no_such_column(file, lacking[0], missing)) if lacking else Fit(tuple(missing), tuple(wider))


def _not_to_be_added(file: LakeFile, field: pa.Field) -> str | None:
    if _type_of(field) is None:
        return f"{file.table}.{field.name} is new in {file.url}: {field.type} has no type in the warehouse"
    if not _COLUMN.fullmatch(field.name):
        return f"{file.table} has no column {field.name!r}, which is in {file.url}, and no contract could name it"
    return None


def _takes(column: TableColumn, field: pa.Field) -> bool:
    return _type_of(field) is not None and takes(column.type, field)


def _may_widen(column: TableColumn, field: pa.Field) -> bool:
    kind = _type_of(field)
    return kind is not None and kind.holds(column.type)


def _type_of(field: pa.Field) -> RedshiftType | None:
    """None where there is none, or where a damaged footer says nonsense of it."""
    try:
        return redshift_type(field)
    except (TerminalError, ValueError):
        return None


def _no_such_column(file: LakeFile, column: TableColumn, unknown: Sequence[pa.Field]) -> str:
    instead = f", but {', '.join(field.name for field in unknown)}, which the table has not" if unknown else ""
    return (
        f"{file.table}.{column.name} takes no null in the warehouse ({column.type} NOT NULL), and {file.url} has no "
        f"such column{instead}: drop that column, or make it anew without NOT NULL"
    )


def _other_type(file: LakeFile, column: TableColumn, field: pa.Field) -> str:
    kind = _type_of(field) or field.type
    return (
        f"{file.table}.{column.name} is {column.type} in the warehouse, and {kind} in {file.url}: make the column anew "
        "with that type, or give the field another name; `headrace-consumers schema plan` shows all that differs"
    )
