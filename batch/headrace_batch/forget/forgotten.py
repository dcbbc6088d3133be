"""Who is to be forgotten: a value of a column that a contract marks as personal data. The log knows its digest alone.

Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headrace_consumers.commitlog.model import Commit, Erasure
from headrace_consumers.pipeline import LakeTable, Pipeline
from headrace_producers.contracts import ColumnType
from headrace_producers.errors import SettingsError

Mask = npt.NDArray[np.bool_]
_TEXTS = (ColumnType.STRING, ColumnType.INT64, ColumnType.DATE)
"""Types whose text is the same wherever it is made: in Arrow, in JSON and in Redshift."""


@dataclass(frozen=True, slots=True)
class Person:
    """Never in a log, an error or a record: `text` is what is to be forgotten."""

    table: LakeTable
    column: str
    text: str

    @property
    def erasure(self) -> Erasure:
        return Erasure(self.table.name, self.column, digest(self.text))

    def __repr__(self) -> str:
        return f"Person({self.table.name}.{self.column})"

    def is_in(self, values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
        """Which values are the person's, as booleans without nulls."""
        return pc.fill_null(pc.equal(values, pa.scalar(self.text).cast(values.type)), False)  # noqa: FBT003

    def may_be_within(self, low: Any, high: Any) -> bool:
        """By a file's least and greatest value."""
        value = pa.scalar(self.text).cast(_type(low)).as_py() if low is not None else self.text
        return low is None or high is None or bool(low <= value <= high)

    def is_told(self, payload: bytes, event_type: str | None) -> bool:
        """Whether a dead letter has the value in a field of this name, at any depth; in a letter that is no JSON,
        whether it has it at all."""
        if event_type not in (None, self.table.contract.type):
            return False
        told = _told(payload, self.column)
        if told is not None:
            return self.text in told
        return any(form in payload for form in (self.text.encode(), msgspec.json.encode(self.text)[1:-1]))


def _told(payload: bytes, column: str) -> set[str] | None:
    """What fields of this name say, at any depth; None where it is no JSON."""
    try:
        return set(_said(msgspec.json.decode(payload), column))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _said(value: Any, column: str) -> Iterator[str]:
    if isinstance(value, dict):
        own = value.get(column)
        if own is not None and not isinstance(own, dict | list):
            yield str(own)
    if isinstance(value, dict | list):
        for below in value.values() if isinstance(value, dict) else value:
            yield from _said(below, column)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def person(pipeline: Pipeline, table: str, column: str, value: str) -> Person:
    """Raises SettingsError where the table has no such personal column, or it cannot have this value."""
    found = next((one for one in pipeline.lake_tables if one.name == table), None)
    if found is None:
        known = ", ".join(one.name for one in pipeline.lake_tables)
        raise SettingsError(f"pipeline {pipeline.name} has no table {table!r}; its tables are {known}")
    personal = {one.name: one.type for one in found.contract.columns if one.personal}
    if column not in personal:
        marked = ", ".join(personal) or "none"
        raise SettingsError(
            f"{found.contract.type} does not mark {column!r} as personal data; marked are: {marked}. Who is to be "
            "forgotten is named by such a column"
        )
    if personal[column] not in _TEXTS:
        raise SettingsError(f"{table}.{column} is of type {personal[column]}; name a person by a text, number or date")
    return Person(found, column, _canonical(table, column, value, personal[column]))


def _canonical(table: str, column: str, value: str, kind: ColumnType) -> str:
    """As the value stands in the lake. What it is, no error tells."""
    types: Mapping[ColumnType, pa.DataType] = {ColumnType.INT64: pa.int64(), ColumnType.DATE: pa.date32()}
    if not value:
        raise SettingsError(f"{table}.{column}: the value is empty")
    if kind is ColumnType.STRING:
        return value
    try:
        return str(pa.scalar(value).cast(types[kind]).as_py())
    except pa.ArrowInvalid:
        raise SettingsError(f"{table}.{column} is of type {kind}, and the value is none") from None


def _type(value: Any) -> pa.DataType:
    return pa.scalar(value).type


def has_digest(values: pa.Array | pa.ChunkedArray, digests: Collection[str]) -> pa.Array | pa.ChunkedArray:
    """Which values are of people who were forgotten, as booleans; a null is of nobody. For whoever stages records, or
    mends letters, once more. One digest is made for each distinct value."""
    plain = values.cast(values.type.value_type) if pa.types.is_dictionary(values.type) else values
    known = plain.unique()
    found = [text is not None and digest(text) in digests for text in known.cast(pa.string()).to_pylist()]
    return pc.is_in(plain, known.filter(pa.array(found, pa.bool_())))


def tell_digest(payloads: pa.Array | pa.ChunkedArray, column: str, digests: Collection[str]) -> pa.Array:
    """The same of dead letters, as booleans: which have such a value in a field of this name. One that is no JSON
    cannot be told."""
    told = (_told(payload, column) or () for payload in payloads.to_pylist())
    return pa.array([any(digest(text) in digests for text in texts) for texts in told], pa.bool_())


def erased_by(commits: Iterable[Commit]) -> tuple[Erasure, ...]:
    """All that these commits forgot, each once, in one order."""
    oldest_first = sorted(commits, key=lambda commit: commit.attempt_id)
    return tuple(dict.fromkeys(one for commit in oldest_first for one in commit.erases))


def of_forgotten(table: str, rows: pa.Table, erased: Iterable[Erasure]) -> Mask:
    """Which rows of the table are of somebody who was forgotten."""
    found = np.zeros(len(rows), np.bool_)
    for column, digests in _by_column(one for one in erased if one.table == table).items():
        if column in rows.column_names:
            found |= np.array(has_digest(rows[column], digests))
    return found


def letters_of_forgotten(letters: pa.Table, erased: Iterable[Erasure]) -> Mask:
    """Which dead letters tell such a value in a field of the column's name, whichever table they might have been of."""
    found = np.zeros(len(letters), np.bool_)
    for column, digests in _by_column(erased).items():
        found |= np.array(tell_digest(letters["payload"], column, digests))
    return found


def _by_column(erased: Iterable[Erasure]) -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in erased:
        found.setdefault(one.column, set()).add(one.sha256)
    return found
