"""Parsing: the lines of one contract into columns, strictly, in one call for all of them.

Theory of operation. pyarrow's JSON reader is the only judge of a line: it parses a whole group into the contract's
types and refuses the group when one line breaks them. Only then are lines looked at one by one: those that pyarrow is
sure to refuse are told at once, in two looks, the cheap one first; the rest is parsed in pieces that end where pyarrow
says it stumbled. So a line's fate depends on that line, never on its neighbours in the batch; and a batch of nothing
but corrupt lines costs a few calls, not one a line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from headrace_consumers.pipeline import EventFormat
from headrace_consumers.stages.explain import explain
from headrace_consumers.stages.hopeless import Form, form_of, is_hopeless, is_unfit
from headrace_consumers.stages.letters import Finding
from headrace_consumers.stages.lines import Ints
from headrace_consumers.stages.schemas import arrow_type
from headrace_consumers.stages.typed import TEXT_TYPES, cast_text
from headrace_producers.contracts import Contract

_OPEN, _CLOSE = ord("{"), ord("}")


_ROW = re.compile(r" in row (\d+)$")


class RefusedError(Exception):
    """Not a Headrace error: pyarrow, or a check on what it read, refuses some line of a group."""

    def __init__(self, said: str, line: int | None = None) -> None:
        super().__init__(said)
        self.line = line
        """Which line of the group is at fault, where that is known. Those before it may be at fault, too."""


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
        values = [line[:-1] for line in text.to_pylist()]
    form = form_of(contract, event_format)
    parsed, good = _read_what_can_be(form, text, values)
    bad = np.setdiff1d(np.arange(len(text)), good)
    findings = [explain(form, values[place]) for place in bad.tolist()]
    return replace(parsed, lines=lines[good]), lines[bad], findings


def _read_what_can_be(form: Form, text: pa.LargeBinaryArray, values: Sequence[bytes]) -> tuple[Parsed, Ints]:
    def read(some: pa.LargeBinaryArray) -> Parsed:
        return _parsed(form.contract, form.event_format, some, np.arange(len(some)))

    left = shaped_lines(text)
    for is_lost in (partial(is_hopeless, form.decoder), partial(is_unfit, form)):
        left = np.array([place for place in left.tolist() if not is_lost(values[place])], np.int64)
        with suppress(RefusedError):
            return read(text.take(pa.array(left))), left
    left = readable_lines(text, left, read)
    return read(text.take(pa.array(left))), left


def readable_lines(text: pa.LargeBinaryArray, lines: Ints, read: Callable[[pa.LargeBinaryArray], object]) -> Ints:
    """Those of some lines that `read` does not refuse. Pieces grow while they can be read, and shrink where not."""
    good, begin, size = [lines[:0]], 0, len(lines)
    while begin < len(lines):
        piece = lines[begin : begin + size]
        found, taken = _read_piece(text, piece, read)
        good.append(found)
        begin += taken
        size = 2 * size if taken == len(piece) and len(found) else max(1, 2 * len(found))
    return np.concatenate(good)


def _read_piece(
    text: pa.LargeBinaryArray, piece: Ints, read: Callable[[pa.LargeBinaryArray], object]
) -> tuple[Ints, int]:  # fmt: skip
    """The readable lines at the head of a piece, and how many lines are judged with them: at least one.

    pyarrow counts rows, and a line may hold two or half of one: its number is right only where each line before it is
    readable."""
    refused = _refusal(text, piece, read)
    if refused is None:
        return piece, len(piece)
    if len(piece) == 1:
        return piece[:0], 1
    head = piece[: refused.line]
    if refused.line is not None and refused.line < len(piece) and (not len(head) or not _refusal(text, head, read)):
        return head, len(head) + 1
    middle = len(piece) // 2
    return readable_lines(text, piece[:middle], read), middle


def _refusal(
    text: pa.LargeBinaryArray, lines: Ints, read: Callable[[pa.LargeBinaryArray], object]
) -> RefusedError | None:  # fmt: skip
    try:
        read(text.take(pa.array(lines)))
    except RefusedError as refused:
        return refused
    return None


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
    body = joined_bytes(text)
    _check_shape(text, body)
    try:
        table = pj.read_json(
            pa.BufferReader(body),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(body) + 1),
            parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
        )
    except pa.ArrowInvalid as refused:
        row = _ROW.search(str(refused))
        raise RefusedError(str(refused), int(row[1]) if row else None) from None
    if table.num_rows != len(text):
        raise RefusedError("two objects stand on one line")
    return table


def joined_bytes(text: pa.LargeBinaryArray) -> pa.Buffer:
    offsets = line_offsets(text)
    return text.buffers()[2].slice(int(offsets[0]), int(offsets[-1] - offsets[0]))


def line_offsets(text: pa.LargeBinaryArray) -> Ints:
    return np.frombuffer(text.buffers()[1], np.int64)[text.offset : text.offset + len(text) + 1]


def shaped_lines(text: pa.LargeBinaryArray) -> Ints:
    """The numbers of the lines that begin with a brace and end with one: no others are read."""
    return np.flatnonzero(_shaped(text, joined_bytes(text)))


def _shaped(text: pa.LargeBinaryArray, body: pa.Buffer) -> npt.NDArray[np.bool_]:
    """Which lines begin with a brace and end with one; `body` is what the lines hold."""
    offsets = line_offsets(text) - line_offsets(text)[0]
    octets = np.frombuffer(body, np.uint8)
    shaped: npt.NDArray[np.bool_] = (octets[offsets[:-1]] == _OPEN) & (octets[offsets[1:] - 2] == _CLOSE)
    return shaped


def _check_shape(text: pa.LargeBinaryArray, body: pa.Buffer) -> None:
    """Every line begins and ends with a brace, so that with as many rows as lines none is shifted; and is UTF-8."""
    shaped = _shaped(text, body)
    if not shaped.all():
        raise RefusedError("a line is no object", int(np.argmin(shaped)))
    if np.frombuffer(body, np.uint8).max(initial=0) > 127:  # noqa: PLR2004 - beyond ASCII
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
