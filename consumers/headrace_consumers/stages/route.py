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
from headrace_consumers.stages.explain import MAX_DEPTH, is_deep, is_utf8
from headrace_consumers.stages.letters import Finding, Letters
from headrace_consumers.stages.lines import Ints, Lines
from headrace_consumers.stages.parse import RefusedError, read_lines

_TYPE_ONLY = pa.schema([("type", pa.string())])
_PREFIX = r'^\{"specversion":"1\.0","id":"[^"\\]*","source":"[^"\\]*","type":"%s"'
"""As our producer writes it: anchored, so that no text inside an event can imitate it."""


class _Typed(msgspec.Struct):
    type: str | None = None


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
        types = [_type_of(text.slice(number, 1)) for number in range(len(text))]
    by_type = pipeline.tables_by_type
    chosen: dict[str, list[int]] = {}
    for line, kind in zip(rest.tolist(), types, strict=True):
        table = by_type.get(kind) if isinstance(kind, str) else None
        if table is not None:
            chosen.setdefault(table.name, []).append(line)
            continue
        finding = kind if isinstance(kind, Finding) else _unknown(kind)
        letters.add_lines(lines, np.array([line]), [finding])
    for name, numbers in chosen.items():
        found[name].append(np.array(numbers, np.int64))


def _unknown(kind: str | None) -> Finding:
    if kind is None:
        return Finding("decode", "missing", "type", "required")
    return Finding("decode", "unknown_type", "type")


def _type_of(text: pa.LargeBinaryArray) -> str | Finding | None:
    """Of one line. As with whole lines, pyarrow is the judge and the decoder only explains."""
    line = text[0].as_py().rstrip(b"\n")
    if not is_utf8(line):
        return Finding("decode", "bad_utf8")
    try:
        if not is_deep(line):
            return msgspec.json.decode(line, type=_Typed).type
        refusal = Finding("decode", "deep_nesting", rule=f"at most {MAX_DEPTH} levels")
    except msgspec.MsgspecError as refused:
        refusal = _malformed(line, refused)
    try:
        kind: str | None = read_lines(text, _TYPE_ONLY)["type"][0].as_py()
    except RefusedError:
        return refusal
    return kind


def _malformed(line: bytes, refused: msgspec.MsgspecError) -> Finding:
    if isinstance(refused, msgspec.ValidationError):
        is_object = line.lstrip().startswith(b"{")
        return Finding("decode", "wrong_type", "type", "string") if is_object else Finding("decode", "not_an_object")
    return Finding("decode", "truncated_json" if "truncated" in str(refused) else "malformed_json")
