"""Parsing: the lines of one contract into columns, strictly, in one call for all of them.

Theory of operation. pyarrow's JSON reader is the only judge of a line: it parses a whole group into the contract's
types and refuses the group when one line breaks them. Only then are lines looked at one by one: a typed msgspec decoder
guesses which ones are at fault and explains them, pyarrow confirms each guess alone, and what is left is parsed again,
halving it where the two parsers disagree. So a line's fate depends on that line, never on its neighbours in the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from headrace_consumers.pipeline import EventFormat
from headrace_consumers.stages.explain import explain, suspects
from headrace_consumers.stages.letters import Finding
from headrace_consumers.stages.lines import Ints
from headrace_consumers.stages.schemas import arrow_type
from headrace_consumers.stages.typed import TEXT_TYPES, cast_text
from headrace_producers.contracts import Contract

_OPEN, _CLOSE = ord("{"), ord("}")


class RefusedError(Exception):
    """Not a Headrace error: pyarrow, or a check on what it read, refuses some line of a group."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """The readable lines of a group: `envelope` has specversion, id, source, type; `data` the contract's columns."""

    lines: Ints
    envelope: pa.Table
    data: pa.Table


def kept_parsed(parsed: Parsed, places: Ints) -> Parsed:
    """The lines at these places, in this order."""
    chosen = pa.array(places)
    envelope = parsed.envelope.take(chosen) if parsed.envelope.num_columns else parsed.envelope
    return Parsed(parsed.lines[places], envelope, parsed.data.take(chosen))


def joined_parsed(parts: Sequence[Parsed]) -> Parsed:
    """All lines of the parts, in the order of delivery."""
    if len(parts) == 1:
        return parts[0]
    lines = np.concatenate([part.lines for part in parts])
    envelope = pa.concat_tables([part.envelope for part in parts])
    whole = Parsed(lines, envelope, pa.concat_tables([part.data for part in parts]))
    return kept_parsed(whole, np.argsort(lines, kind="stable"))


def parse_group(
    contract: Contract, event_format: EventFormat, text: pa.LargeBinaryArray, lines: Ints
) -> tuple[Parsed, Ints, list[Finding]]:  # fmt: skip
    """Parses `text`, of the lines numbered `lines`: what could be read, and the numbers and faults of the rest."""
    try:
        return _parsed(contract, event_format, text, lines), lines[:0], []
    except RefusedError:
        good = _readable(contract, event_format, text)
    bad = np.setdiff1d(np.arange(len(text)), good)
    findings = [explain(contract, event_format, value) for value in text.take(pa.array(bad)).to_pylist()]
    kept = text.take(pa.array(good))
    return _parsed(contract, event_format, kept, lines[good]), lines[bad], findings


def _readable(contract: Contract, event_format: EventFormat, text: pa.LargeBinaryArray) -> Ints:
    doubted = suspects(contract, event_format, text.to_pylist())
    cleared = [line for line in doubted if _reads(contract, event_format, text.slice(line, 1))]
    rest = np.setdiff1d(np.arange(len(text)), np.array(doubted, np.int64))
    return np.union1d(_halved(contract, event_format, text, rest), np.array(cleared, np.int64))


def _halved(contract: Contract, event_format: EventFormat, text: pa.LargeBinaryArray, lines: Ints) -> Ints:
    if not len(lines) or _reads(contract, event_format, text.take(pa.array(lines))):
        return lines
    if len(lines) == 1:
        return lines[:0]
    middle = len(lines) // 2
    halves = (_halved(contract, event_format, text, half) for half in (lines[:middle], lines[middle:]))
    return np.concatenate(list(halves))


def _reads(contract: Contract, event_format: EventFormat, text: pa.LargeBinaryArray) -> bool:
    try:
        _parsed(contract, event_format, text, np.arange(len(text)))
    except RefusedError:
        return False
    return True


def _parsed(contract: Contract, event_format: EventFormat, text: pa.LargeBinaryArray, lines: Ints) -> Parsed:
    table = read_lines(text, _schema(contract, event_format))
    if event_format is EventFormat.BARE:
        return Parsed(lines, pa.table({}), _typed(contract, table))
    envelope = table.drop_columns(["data"])
    if not pc.all(pc.equal(envelope["type"], contract.type), min_count=0).as_py():
        raise RefusedError("a line names another type")
    data = table["data"].combine_chunks()
    if data.null_count:
        raise RefusedError("a line has no data")
    flat = pa.Table.from_arrays(data.flatten(), names=[f.name for f in data.type])
    return Parsed(lines, envelope, _typed(contract, flat))


def read_lines(text: pa.LargeBinaryArray, schema: pa.Schema) -> pa.Table:
    """One row a line, or RefusedError. Fields beyond the schema are ignored, missing ones are null."""
    if not len(text):
        return schema.empty_table()
    body = _joined(text)
    _check_shape(text, body)
    try:
        table = pj.read_json(
            pa.BufferReader(body),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(body) + 1),
            parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
        )
    except pa.ArrowInvalid as refused:
        raise RefusedError(str(refused)) from None
    if table.num_rows != len(text):
        raise RefusedError("two objects stand on one line")
    return table


def _joined(text: pa.LargeBinaryArray) -> pa.Buffer:
    offsets = _offsets(text)
    return text.buffers()[2].slice(int(offsets[0]), int(offsets[-1] - offsets[0]))


def _offsets(text: pa.LargeBinaryArray) -> Ints:
    return np.frombuffer(text.buffers()[1], np.int64)[text.offset : text.offset + len(text) + 1]


def _check_shape(text: pa.LargeBinaryArray, body: pa.Buffer) -> None:
    """Every line begins and ends with a brace, so that with as many rows as lines none is shifted; and is UTF-8."""
    offsets = _offsets(text) - _offsets(text)[0]
    octets = np.frombuffer(body, np.uint8)
    if not (np.all(octets[offsets[:-1]] == _OPEN) and np.all(octets[offsets[1:] - 2] == _CLOSE)):
        raise RefusedError("a line is no object")
    if octets.max(initial=0) > 127:  # noqa: PLR2004 - beyond ASCII
        try:
            bytes(body).decode()
        except UnicodeDecodeError:
            raise RefusedError("a line is not UTF-8") from None


@lru_cache(maxsize=64)
def _schema(contract: Contract, event_format: EventFormat) -> pa.Schema:
    """What pyarrow reads: instants and dates as text, for it takes instants without an offset, and dates as numbers."""
    columns = [(c.name, pa.string() if c.type in TEXT_TYPES else arrow_type(c)) for c in contract.columns]
    if event_format is EventFormat.BARE:
        return pa.schema(columns)
    attributes = [(name, pa.string()) for name in ("specversion", "id", "source", "type")]
    return pa.schema([*attributes, ("data", pa.struct(columns))])


def _typed(contract: Contract, table: pa.Table) -> pa.Table:
    try:
        return pa.table({column.name: cast_text(table[column.name], column.type) for column in contract.columns})
    except pa.ArrowInvalid as refused:
        raise RefusedError(str(refused)) from None
