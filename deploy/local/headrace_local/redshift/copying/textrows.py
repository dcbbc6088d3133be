"""Rows of text files as lines of CSV: those that do not fit are told, and left out as far as MAXERROR allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headrace_local.redshift.copying.columns import TableColumn
from headrace_local.redshift.copying.failures import CopyFailure, LoadError, text_failure
from headrace_local.redshift.copying.fields import Unfit, read_column
from headrace_local.redshift.copying.lines import csv_lines, shown
from headrace_local.redshift.copying.options import FieldRules


@dataclass(frozen=True, slots=True)
class TextRows:
    """Columns of texts, in the order of the table's, and the line of each row in its file."""

    url: str
    texts: Sequence[Any]
    lines: Sequence[int]
    delimiter: str


class RowErrors:
    """What was left out so far. Raises CopyFailure as soon as there are as many errors as MAXERROR says."""

    def __init__(self, table: str, max_errors: int) -> None:
        self._table = table
        self._limit = max(1, max_errors)
        self.errors: list[LoadError] = []

    def add(self, error: LoadError) -> None:
        self.errors.append(error)

    def check(self) -> None:
        if len(self.errors) >= self._limit:
            raise text_failure(self._table, *self.errors)

    def fatal(self, error: LoadError) -> CopyFailure:
        return text_failure(self._table, error, *self.errors)


def written_rows(
    rows: TextRows, columns: Sequence[TableColumn], rules: FieldRules, errors: RowErrors
) -> tuple[bytes, int]:
    """The lines of the rows that fit, and how many they are."""
    read = [read_column(texts, column, rules) for texts, column in zip(rows.texts, columns, strict=True)]
    unfit: dict[int, tuple[int, Unfit]] = {}
    for index, column in enumerate(read):
        for row, why in column.unfit.items():
            unfit.setdefault(row, (index, why))
    for row in sorted(unfit):
        index, why = unfit[row]
        errors.add(_error(rows, row, index, columns[index], why))
    errors.check()
    values = [column.values for column in read]
    if unfit:
        keep = pa.array([row not in unfit for row in range(len(rows.lines))])
        values = [pc.filter(column, keep) for column in values]
    return csv_lines(values), len(rows.lines) - len(unfit)


def _error(rows: TextRows, row: int, index: int, column: TableColumn, why: Unfit) -> LoadError:
    return LoadError(
        rows.url,
        why.code,
        why.reason,
        rows.lines[row],
        column,
        raw_line=rows.delimiter.join(shown(texts[row]) for texts in rows.texts),
        raw_field_value=shown(rows.texts[index][row]),
    )
