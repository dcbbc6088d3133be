"""Reading lines at sight: those that stand exactly as our producer writes them need no JSON parser.

Theory of operation. In such a line only the values differ from the contract's template, and no value holds a comma. So
the commas say where each value begins and ends. All that stands between the values is compared with the template in one
go, texts are searched for what JSON would escape, and the values are cast. A line that differs in anything, a comma
inside a text included, is left to the patient parser. That one gives the same result for every line that is read here:
this is only the faster way, and a test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headrace_consumers.pipeline import EventFormat, Pipeline
from headrace_consumers.stages.lines import LINE_FEED, Ints, Lines
from headrace_consumers.stages.parse import Parsed, joined_bytes
from headrace_consumers.stages.template import TYPE_PIECE, Slot, Template, template_of
from headrace_consumers.stages.typed import cast_text
from headrace_producers.contracts import ColumnType

Mask = npt.NDArray[np.bool_]
Edges = npt.NDArray[np.int32]

FEWEST_LINES = 100
"""Below this the patient parser is faster: vectors have a price of their own."""
_MOST_BYTES = 2**31 - 1
_BLOCK_LINES = 256
"""So many are compared at a time: what is between stays in the processor's cache."""
_QUOTE, _BACKSLASH, _MINUS, _ZERO = b'"\\-0'
_FIRST_PRINTABLE = 0x20
_NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
_BEYOND_ASCII = r"[^\x00-\x7f]"
_DAY = r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
_FORMS = {
    ColumnType.STRING: r'^[^"\\\x00-\x1f]*$',
    ColumnType.INT64: r"^-?(0|[1-9][0-9]{0,17})$",
    ColumnType.FLOAT64: r"^-?(0|[1-9][0-9]{0,200})(\.[0-9]+)?$",
    ColumnType.BOOLEAN: r"^(true|false)$",
    ColumnType.DATE: f"^{_DAY}$",
    ColumnType.TIMESTAMP: f"^{_DAY}T([01][0-9]|2[0-3])(:[0-5][0-9]){{2}}Z$",
    ColumnType.DECIMAL: r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$",
}
"""Values that nearly always can be cast: asked of each one only where not all could be."""


@dataclass(frozen=True, slots=True)
class _Body:
    """The lines' bytes, and their cuts: -1, and where each comma and each line feed stands. `begins` counts into the
    cuts: the one before each line, and the last."""

    data: pa.Buffer
    cuts: Edges
    begins: Ints


def read_plain(pipeline: Pipeline, lines: Lines) -> tuple[dict[str, Parsed], Ints]:
    """By table, the lines that could be read at sight; and the numbers of all others."""
    data = joined_bytes(lines.text)
    if pipeline.event_format is not EventFormat.CLOUDEVENTS or len(lines) < FEWEST_LINES or data.size > _MOST_BYTES:
        return {}, np.arange(len(lines), dtype=np.int64)
    body = _body(data, lines.cuts)
    found: dict[str, Parsed] = {}
    left = np.ones(len(lines), np.bool_)
    for table in pipeline.tables:
        parsed = _read(template_of(table.contract), body)
        if parsed is not None:
            found[table.name] = parsed
            left[parsed.lines] = False
    return found, np.flatnonzero(left)


def _body(data: pa.Buffer, cuts: Ints) -> _Body:
    begins = np.flatnonzero(np.frombuffer(data, np.uint8)[cuts] == LINE_FEED) + 1
    return _Body(data, np.concatenate([[-1], cuts]).astype(np.int32), np.concatenate([[0], begins]))


def _read(template: Template, body: _Body) -> Parsed | None:
    """The lines that are of this contract and can be read at sight, or None where there are too few."""
    lines, edges = _cut(template, body)
    kept = _framed(template, body.data, edges)
    while len(lines):
        if not kept.all():
            lines, edges = lines[kept], edges[kept]
        if len(lines) < FEWEST_LINES:
            return None
        values = _values(template, body.data, edges)
        try:
            return _parsed(template, lines, values)
        except pa.ArrowInvalid:
            kept = _castable(template, values)
        if kept.all():
            return None
    return None


def _cut(template: Template, body: _Body) -> tuple[Ints, Edges]:
    """Lines that seem to be of this template, and their edges: where each begins, where in it each value begins and
    ends, where it ends."""
    lines = np.flatnonzero(np.diff(body.begins) == template.commas + 1)
    begins = body.begins[lines]
    if not len(lines):
        return lines, np.empty((0, len(template.shifts)), np.int32)
    typed = body.cuts[begins + TYPE_PIECE + 1] - body.cuts[begins + TYPE_PIECE] == len(template.type_attribute) + 1
    if not typed.all():
        lines, begins = lines[typed], begins[typed]
    edges = body.cuts[begins[:, None] + template.cuts]
    edges += template.shifts
    fitting = (edges[:, 1:-1:2] <= edges[:, 2:-1:2]).all(axis=1)
    return (lines, edges) if fitting.all() else (lines[fitting], edges[fitting])


def _framed(template: Template, data: pa.Buffer, edges: Edges) -> Mask:
    """Which lines have between their values what the template says. By their edges, its length they have all."""
    if not len(edges):
        return np.ones(0, np.bool_)
    around = np.arange(0, edges.shape[1], 2, dtype=np.int32)
    places = np.arange(len(edges), dtype=np.int32)[:, None] * edges.shape[1] + around
    taken = _pieces(data, edges).take(pa.array(places.ravel())).buffers()[2]
    size = len(edges) * len(template.between)
    octets = np.frombuffer(taken, np.uint8, size).reshape(len(edges), len(template.between))
    wanted = np.frombuffer(template.between, np.uint8)
    blocks = (octets[begin : begin + _BLOCK_LINES] for begin in range(0, len(octets), _BLOCK_LINES))
    if all(np.all(block == wanted) for block in blocks):
        return np.ones(len(edges), np.bool_)
    return np.asarray((octets == wanted).all(axis=1))


def _pieces(data: pa.Buffer, edges: Edges) -> pa.BinaryArray:
    """The lines in pieces, without a copy: what stands before a value and the value by turns, the last piece of a line
    being what lies between it and the next one chosen."""
    offsets = pa.py_buffer(np.ascontiguousarray(edges))
    return pa.BinaryArray.from_buffers(pa.binary(), edges.size - 1, [None, offsets, data])


def _values(template: Template, data: pa.Buffer, edges: Edges) -> dict[str, pa.BinaryArray]:
    """The values of all lines by slot. Texts are taken apart, for they are kept when the others are cast."""
    pieces = _pieces(data, edges)
    rows = np.arange(len(edges), dtype=np.int32) * edges.shape[1]
    values: dict[str, pa.BinaryArray] = {}
    for is_text in (True, False):
        chosen = {number: slot for number, slot in enumerate(template.slots) if slot.is_text is is_text}
        places = rows + np.array([2 * number + 1 for number in chosen], np.int32)[:, None]
        taken = pieces.take(pa.array(places.ravel()))
        for place, slot in enumerate(chosen.values()):
            values[slot.name] = taken.slice(place * len(edges), len(edges))
    return values


def _parsed(template: Template, lines: Ints, values: Mapping[str, pa.BinaryArray]) -> Parsed:
    """Raises pa.ArrowInvalid where a value is not written as JSON writes its type, or cannot be cast."""
    columns = {slot.name: _cast(slot, values[slot.name]) for slot in template.slots}
    del columns[" time"]
    envelope = {
        "specversion": pa.repeat(pa.scalar("1.0"), len(lines)),
        "id": columns.pop(" id"),
        "source": columns.pop(" source"),
        "type": pa.repeat(pa.scalar(template.type), len(lines)),
    }
    return Parsed(lines, pa.table(envelope), pa.table(columns))


def _cast(slot: Slot, values: pa.BinaryArray) -> pa.Array:
    if slot.keeps_quotes:
        values = _unquoted(values)
    elif slot.optional:
        values = _without_nulls(values, pc.equal(values, b"null"))
    return _CASTS[slot.type](slot, values)


def _unquoted(values: pa.BinaryArray) -> pa.BinaryArray:
    nulls = pc.equal(values, b"null")
    quoted = pc.and_(pc.starts_with(values, '"'), pc.and_(pc.ends_with(values, '"'), _is_pair(values)))
    _require(pc.or_(nulls, quoted), "a text without quotes")
    return _without_nulls(pc.binary_slice(values, 1, -1), nulls)


def _is_pair(values: pa.BinaryArray) -> pa.BooleanArray:
    return pc.greater(pc.binary_length(values), len('"'))


def _without_nulls(values: pa.Array, nulls: pa.BooleanArray) -> pa.Array:
    return pc.if_else(nulls, pa.scalar(None, values.type), values) if pc.any(nulls).as_py() else values


def _require(kept: pa.BooleanArray, said: str) -> None:
    if not pc.all(kept, min_count=0).as_py():
        raise pa.ArrowInvalid(said)


def _text(_slot: Slot, values: pa.BinaryArray) -> pa.StringArray:
    """The cast sees to UTF-8."""
    octets = _octets(values)
    if np.any((octets < _FIRST_PRINTABLE) | (octets == _QUOTE) | (octets == _BACKSLASH)):
        raise pa.ArrowInvalid("a text holds what JSON escapes")
    return values.cast(pa.string())


def _offsets(values: pa.BinaryArray) -> Edges:
    return np.frombuffer(values.buffers()[1], np.int32)[values.offset : values.offset + len(values) + 1]


def _octets(values: pa.BinaryArray) -> npt.NDArray[np.uint8]:
    offsets, data = _offsets(values), values.buffers()[2]
    return np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]] if data else np.empty(0, np.uint8)


def _integers(_slot: Slot, values: pa.BinaryArray) -> pa.Array:
    """Arrow's own cast knows more than JSON does: 007, 0x1F."""
    if _has_needless_zeros(values):
        raise pa.ArrowInvalid("no integer of JSON")
    return values.view(pa.string()).cast(pa.int64())


def _has_needless_zeros(values: pa.BinaryArray) -> bool:
    octets, offsets = _octets(values), _offsets(values)
    begins, sizes = offsets[:-1] - offsets[0], np.diff(offsets)
    signs = octets[np.minimum(begins, max(len(octets) - 1, 0))] == _MINUS if len(octets) else np.zeros(0, np.bool_)
    if signs.any():
        begins, sizes = begins + signs, sizes - signs
    long = sizes > 1
    return bool(np.any(octets[begins[long]] == _ZERO))


def _floats(_slot: Slot, values: pa.BinaryArray) -> pa.Array:
    """Arrow's own cast knows more than JSON does: 1., inf, nan."""
    texts = values.view(pa.string())
    _require(pc.match_substring_regex(texts, _NUMBER), "no number of JSON")
    numbers = texts.cast(pa.float64())
    _require(pc.is_finite(numbers), "a number beyond 64 bits")
    return numbers


def _booleans(_slot: Slot, values: pa.BinaryArray) -> pa.BooleanArray:
    truths = pc.equal(values, b"true")
    _require(pc.or_(truths, pc.equal(values, b"false")), "no boolean of JSON")
    return truths


def _instants_and_dates(slot: Slot, values: pa.BinaryArray) -> pa.Array:
    return cast_text(values.view(pa.string()), slot.type)


def _decimals(slot: Slot, values: pa.BinaryArray) -> pa.Array:
    return values.view(pa.string()).cast(slot.arrow_type)


_CASTS: Mapping[ColumnType, Callable[[Slot, pa.BinaryArray], pa.Array]] = {
    ColumnType.STRING: _text,
    ColumnType.INT64: _integers,
    ColumnType.FLOAT64: _floats,
    ColumnType.BOOLEAN: _booleans,
    ColumnType.DATE: _instants_and_dates,
    ColumnType.TIMESTAMP: _instants_and_dates,
    ColumnType.DECIMAL: _decimals,
}
"""Each raises pa.ArrowInvalid where one value is not written as JSON writes it, or is beyond its type."""


def _castable(template: Template, values: Mapping[str, pa.BinaryArray]) -> Mask:
    castable = np.ones(len(next(iter(values.values()))), np.bool_)
    for slot in template.slots:
        castable &= _has_form(slot, values[slot.name]).to_numpy(zero_copy_only=False)
    return castable


def _has_form(slot: Slot, values: pa.BinaryArray) -> pa.BooleanArray:
    form = _FORMS[slot.type]
    matches = pc.match_substring_regex(values, f'^"{form[1:-1]}"$' if slot.keeps_quotes else form)
    if slot.optional:
        matches = pc.or_(matches, pc.equal(values, b"null"))
    return matches if _is_utf8(values) else pc.and_not(matches, pc.match_substring_regex(values, _BEYOND_ASCII))


def _is_utf8(values: pa.BinaryArray) -> bool:
    try:
        values.cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True
