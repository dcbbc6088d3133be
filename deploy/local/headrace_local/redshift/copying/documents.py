"""A file of JSON objects, one after the other, as chunks of PostgreSQL's CSV. It is held in memory whole."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec
import pyarrow as pa

from headrace_local.redshift.copying.columns import TableColumn
from headrace_local.redshift.copying.failures import LoadError
from headrace_local.redshift.copying.options import JsonFormat
from headrace_local.redshift.copying.textrows import RowErrors, TextRows, written_rows
from headrace_local.redshift.errors import RedshiftError

_BATCH_ROWS = 8_192
UNREADABLE, NOT_AN_OBJECT, NOT_UTF8 = 1200, 1216, 1220
_BLANK = re.compile(r"\s*")
Document = tuple[int, str]
"""The line that an object ends on, and its text."""


class JsonSource:
    def __init__(
        self, url: str, source: Any, columns: Sequence[TableColumn], json_format: JsonFormat, errors: RowErrors
    ) -> None:
        self._url = url
        self._source = source
        self._columns = columns
        self._format = json_format
        self._errors = errors
        self.rows = 0

    def chunks(self) -> Iterator[bytes]:
        documents = self._documents()
        while batch := list(islice(documents, _BATCH_ROWS)):
            texts = [pa.array(values, pa.string()) for values in self._columns_of(batch)]
            rows = TextRows(self._url, texts, [line for line, _ in batch], ",")
            lines, count = written_rows(rows, self._columns, self._format.fields, self._errors)
            self.rows += count
            yield lines

    def _documents(self) -> Iterator[Document]:
        text = self._text()
        decoder = json.JSONDecoder()
        place, line = _after_blanks(text, 0), 1
        while place < len(text):
            try:
                _, end = decoder.raw_decode(text, place)
            except ValueError as error:
                raise self._failure(UNREADABLE, f"Invalid JSON: {error}", text.count("\n", 0, place) + 1) from error
            line += text.count("\n", place, end)
            if text[place] != "{":
                raise self._failure(NOT_AN_OBJECT, "Invalid JSONPath format: no JSON object", line)
            yield line, text[place:end]
            place, begin = _after_blanks(text, end), end
            line += text.count("\n", begin, place)

    def _text(self) -> str:
        try:
            return str(self._source.read(), "utf-8")
        except UnicodeDecodeError as error:
            raise self._failure(NOT_UTF8, "String contains invalid or unsupported UTF8 codepoints", 0) from error
        except (pa.ArrowException, OSError) as error:
            raise self._failure(UNREADABLE, f"The file cannot be read: {error}", 0) from error

    def _columns_of(self, batch: Sequence[Document]) -> list[list[str | None]]:
        if self._format.mapping == "noshred":
            return [[text for _, text in batch]]
        ignore_case = self._format.mapping == "auto ignorecase"
        objects = [_members(text, ignore_case=ignore_case) for _, text in batch]
        return [[_field(members.get(column.name), column) for members in objects] for column in self._columns]

    def _failure(self, code: int, reason: str, line: int) -> Exception:
        return self._errors.fatal(LoadError(self._url, code, reason, line))


def require_one_super(columns: Sequence[TableColumn]) -> None:
    """What `noshred` asks of the table. Raises RedshiftError."""
    if [column.type.name for column in columns] != ["super"]:
        raise RedshiftError("COPY with JSON 'noshred' loads into a table or column list of one SUPER column only")


def _members(text: str, *, ignore_case: bool) -> Mapping[str, msgspec.Raw]:
    members = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    return {name.lower(): raw for name, raw in members.items()} if ignore_case else members


def _field(raw: msgspec.Raw | None, column: TableColumn) -> str | None:
    if raw is None:
        return None
    text = str(raw, "utf-8")
    if text == "null":
        return None
    if text.startswith('"') and column.type.name != "super":
        return str(msgspec.json.decode(text))
    return text


def _after_blanks(text: str, place: int) -> int:
    found = _BLANK.match(text, place)
    return found.end() if found else place
