"""Routing: which contract each line claims to follow."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headrace_consumers.pipeline import EventFormat, LakeTable, Pipeline
from headrace_consumers.stages.explain import MAX_DEPTH, is_deep
from headrace_consumers.stages.hopeless import is_hopeless, is_utf8
from headrace_consumers.stages.letters import Finding, Letters
from headrace_consumers.stages.lines import Ints, Lines
from headrace_consumers.stages.parse import RefusedError, read_lines, readable_lines, shaped_lines

_TYPE_ONLY = pa.schema([("type", pa.string())])
_PREFIX = r'^\{"specversion":"1\.0","id":"[^"\\]*","source":"[^"\\]*","type":"%s"'
"""As our producer writes it: anchored, so that no text inside an event can imitate it."""


class _Typed(msgspec.Struct):
    type: str | None = None


_DECODER = msgspec.json.Decoder(_Typed)
_MISSING = Finding("decode", "missing", "type", "required")
_UNKNOWN = Finding("decode", "unknown_type", "type")
_WRONG_TYPE = Finding("decode", "wrong_type", "type", "string")
_NOT_AN_OBJECT = Finding("decode", "not_an_object")
_TRUNCATED = Finding("decode", "truncated_json")
_MALFORMED = Finding("decode", "malformed_json")
_BAD_UTF8 = Finding("decode", "bad_utf8")
_DEEP = Finding("decode", "deep_nesting", rule=f"at most {MAX_DEPTH} levels")


@dataclass(frozen=True, slots=True)
class Routed:
    """The lines of each table, in order."""

    groups: Mapping[str, tuple[LakeTable, Ints]]


def route_lines(pipeline: Pipeline, lines: Lines, rest: Ints, letters: Letters) -> Routed:
    """Sends each line among `rest` to its contract's table; lines of no known type become letters."""
    if pipeline.event_format is EventFormat.BARE:
        table = pipeline.tables[0]
        return Routed({table.name: (table, rest)} if len(rest) else {})
    found: dict[str, list[Ints]] = {table.name: [] for table in pipeline.tables}
    for table in pipeline.tables:
        rest = _take_prefixed(lines, table, rest, found[table.name])
    if len(rest):
        _route_by_parsing(pipeline, lines, rest, found, letters)
    return Routed({
        table.name: (table, np.sort(np.concatenate(found[table.name])))
        for table in pipeline.tables
        if found[table.name]
    })  # fmt: skip


def _take_prefixed(lines: Lines, table: LakeTable, rest: Ints, found: list[Ints]) -> Ints:
    """Takes the lines that begin as our producer writes this type; those that are left."""
    if not len(rest):
        return rest
    text = lines.text if len(rest) == len(lines) else lines.text.take(pa.array(rest))
    prefixed = pc.match_substring_regex(text, _PREFIX % re.escape(table.contract.type))
    matches: npt.NDArray[np.bool_] = prefixed.to_numpy(zero_copy_only=False)
    if matches.any():
        found.append(rest[matches])
    left: Ints = rest[~matches]
    return left


def _route_by_parsing(
    pipeline: Pipeline, lines: Lines, rest: Ints, found: dict[str, list[Ints]], letters: Letters
) -> None:  # fmt: skip
    """Foreign producers order and space attributes as they like: reads `type` alone, at first of all lines at once."""
    text = lines.text.take(pa.array(rest))
    try:
        types = read_lines(text, _TYPE_ONLY)["type"].to_pylist()
    except RefusedError:
        types = _types_of(text)
    by_type = pipeline.tables_by_type
    chosen: dict[str, list[int]] = {}
    lost: dict[int, Finding] = {}
    for line, kind in zip(rest.tolist(), types, strict=True):
        table = by_type.get(kind) if isinstance(kind, str) else None
        if table is not None:
            chosen.setdefault(table.name, []).append(line)
        else:
            lost[line] = kind if isinstance(kind, Finding) else _unknown(kind)
    letters.add_lines(lines, np.array(list(lost), np.int64), list(lost.values()))
    for name, numbers in chosen.items():
        found[name].append(np.array(numbers, np.int64))


def _unknown(kind: str | None) -> Finding:
    return _MISSING if kind is None else _UNKNOWN


def _types_of(text: pa.LargeBinaryArray) -> list[str | Finding | None]:
    """Of each line. As with whole lines, pyarrow is the judge and the decoder only explains."""
    values = [line[:-1] for line in text.to_pylist()]
    types = [_type_of(line) for line in values]
    shaped = shaped_lines(text).tolist()
    doubtful = [at for at in shaped if isinstance(types[at], Finding) and not is_hopeless(_DECODER, values[at])]
    readable = readable_lines(text, np.array(doubtful, np.int64), lambda some: read_lines(some, _TYPE_ONLY))
    read = read_lines(text.take(pa.array(readable)), _TYPE_ONLY)["type"].to_pylist()
    for at, kind in zip(readable.tolist(), read, strict=True):
        types[at] = kind
    return types


def _type_of(line: bytes) -> str | Finding | None:
    if not is_utf8(line):
        return _BAD_UTF8
    try:
        return _DEEP if is_deep(line) else _DECODER.decode(line).type
    except msgspec.MsgspecError as refused:
        return _malformed(line, refused)


def _malformed(line: bytes, refused: msgspec.MsgspecError) -> Finding:
    if isinstance(refused, msgspec.ValidationError):
        return _WRONG_TYPE if line.lstrip().startswith(b"{") else _NOT_AN_OBJECT
    return _TRUNCATED if "truncated" in str(refused) else _MALFORMED
