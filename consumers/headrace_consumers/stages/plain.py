"""Reading lines at sight: those that stand exactly as our producer writes them need no JSON parser.

Theory of operation. Such a line is a fixed sequence of literals with one value between each two, so all lines are
read at once by arithmetic on byte positions. `":` ends every key and, where no quote is escaped, stands nowhere else:
the places of these two bytes, a fixed number a line, say where each value begins, the literals' lengths say where the
one before it ends, and the literals themselves are compared eight bytes at a time. Values are then cut out of the
buffer as one Arrow array per column and cast. A line that differs in anything is left to the patient parser, which
gives the same result for every line that is read here: this is only the faster way, and a test holds the two against
each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headrace_consumers.pipeline import EventFormat, Pipeline
from headrace_consumers.stages.lines import Ints
from headrace_consumers.stages.parse import Parsed, kept_parsed
from headrace_consumers.stages.schemas import arrow_type
from headrace_consumers.stages.typed import TEXT_TYPES, cast_text
from headrace_producers.contracts import Column, ColumnType, Contract

Octets = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]

_QUOTE, _COLON, _BACKSLASH, _ZERO = (ord(sign) for sign in '":\\0')
_BYTE, _TWO_BYTES, _MINUS_ZERO = np.uint64(0xFF), np.uint64(0xFFFF), np.uint64(int.from_bytes(b"-0", "little"))
_FIRST_PRINTABLE, _ASCII_END = 0x20, 0x7F
_KEY_END = b'":'
_LINE_END = b"}}\n"
_NULL, _TRUE, _FALSE = b"null", b"true", b"false"
_WORD = 8
_ID, _SOURCE, _TYPED, _FIRST_COLUMN = 0, 1, 2, 3
_MAX_BYTES = 2**31 - 2
_NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
_QUOTED = frozenset({ColumnType.STRING, ColumnType.DATE, ColumnType.TIMESTAMP, ColumnType.DECIMAL})


@dataclass(frozen=True, slots=True)
class _Layer:
    """One word of some of the literals, to be compared in one step: `masks` of the eight bytes that begin `back` bytes
    before a value must equal `words`, for the literals at `places`."""

    places: Ints
    back: Ints
    masks: Words
    words: Words


@dataclass(frozen=True, slots=True)
class _Template:
    """How a line of one contract is written: `literals[i]` stands before value i, _LINE_END after the last."""

    literals: tuple[bytes, ...]
    types: tuple[ColumnType, ...]
    """Of each value: the envelope's id, source and time, then the columns."""
    last_keys: Ints
    """Per value, which of the line's keys stands before it."""
    layers: tuple[_Layer, ...]

    @property
    def keys(self) -> int:
        return int(self.last_keys[-1]) + 1

    @property
    def quotes(self) -> int:
        return sum(literal.count(b'"') for literal in self.literals)

    @property
    def sizes(self) -> Ints:
        return np.array([len(literal) for literal in self.literals], np.int64)

    def among(self, *types: ColumnType) -> Mask:
        """Which values are of one of these types."""
        return np.array([kind in types for kind in self.types])


@dataclass(frozen=True, slots=True)
class _Sight:
    """A buffer of lines and the byte positions that matter."""

    octets: Octets
    words: Words
    """`words[i]` are the eight bytes from i on; the buffer's padding lets a value begin anywhere in a line."""
    begins: Ints
    ends: Ints
    keys: Ints
    first_keys: Ints
    """Per line, the place of its first key in `keys`."""
    key_counts: Ints
    sound: Mask
    """Per line: UTF-8, without escapes and control characters."""


def read_plain(pipeline: Pipeline, text: pa.LargeBinaryArray) -> tuple[dict[str, Parsed], Ints]:
    """By table, the lines that could be read at sight; and the numbers of all others."""
    buffer = text.buffers()[2] if len(text) else None
    if buffer is None or buffer.size > _MAX_BYTES or pipeline.event_format is not EventFormat.CLOUDEVENTS:
        return {}, np.arange(len(text), dtype=np.int64)
    sight = _look(text, buffer)
    left = sight.sound.copy()
    quotes = np.zeros(len(text), np.int64)
    found: dict[str, Parsed] = {}
    for table in pipeline.tables:
        if (read := _read(table.contract, sight, np.flatnonzero(left))) is not None:
            found[table.name] = read.parsed
            left[read.parsed.lines] = False
            quotes[read.parsed.lines] = read.quotes
    whole = _has_just(sight, quotes)
    if whole.all():
        return found, np.empty(0, np.int64)
    kept = {name: kept_parsed(parsed, np.flatnonzero(whole[parsed.lines])) for name, parsed in found.items()}
    return {name: parsed for name, parsed in kept.items() if len(parsed.lines)}, np.flatnonzero(~whole)


def _has_just(sight: _Sight, quotes: Ints) -> Mask:
    """Which lines have as many quotes as were accounted for, none of them within a text; no read line has fewer."""
    found = sight.octets == _QUOTE
    if quotes.all() and np.count_nonzero(found) == quotes.sum():
        return np.ones(len(quotes), np.bool_)
    just: Mask = (quotes > 0) & (np.add.reduceat(found, sight.begins, dtype=np.int64) == quotes)
    return just


def _look(text: pa.LargeBinaryArray, buffer: pa.Buffer) -> _Sight:
    octets = np.frombuffer(buffer, np.uint8)
    offsets = np.frombuffer(text.buffers()[1], np.int64)[text.offset : text.offset + len(text) + 1]
    begins, ends = offsets[:-1], offsets[1:]
    keys = np.flatnonzero((octets[:-1] == _QUOTE) & (octets[1:] == _COLON))
    bounds = np.searchsorted(keys, offsets)
    return _Sight(
        octets=octets,
        words=np.ndarray((len(octets) - _WORD + 1,), "<u8", buffer=buffer, strides=(1,)),
        begins=begins,
        ends=ends,
        keys=keys,
        first_keys=bounds[:-1],
        key_counts=np.diff(bounds),
        sound=_sound(octets, begins),
    )


def _sound(octets: Octets, begins: Ints) -> Mask:
    sound = np.ones(len(begins), np.bool_)
    unprintable = octets < _FIRST_PRINTABLE
    if np.count_nonzero(unprintable) > len(begins):
        sound &= np.add.reduceat(unprintable, begins, dtype=np.int64) == 1
    escapes = octets == _BACKSLASH
    if escapes.any():
        sound &= np.add.reduceat(escapes, begins, dtype=np.int64) == 0
    if octets.max(initial=0) > _ASCII_END and not _is_utf8(octets):
        sound &= np.add.reduceat(octets > _ASCII_END, begins, dtype=np.int64) == 0
    return sound


def _is_utf8(octets: Octets) -> bool:
    try:
        octets.tobytes().decode()
    except UnicodeDecodeError:
        return False
    return True


@lru_cache(maxsize=256)
def _template(contract: Contract) -> _Template:
    names = [column.name.encode() for column in contract.columns]
    literals = (
        b'{"specversion":"1.0","id":',
        b',"source":',
        b',"type":"%s","time":' % contract.type.encode(),
        b',"data":{"%s":' % names[0],
        *(b',"%s":' % name for name in names[1:]),
    )
    types = (ColumnType.STRING,) * _FIRST_COLUMN + tuple(column.type for column in contract.columns)
    keys = np.cumsum([literal.count(_KEY_END) for literal in literals])
    return _Template(literals, types, keys - 1, _layers(literals))


def _layers(literals: tuple[bytes, ...]) -> tuple[_Layer, ...]:
    """Literals cut into words from their ends; the last word of one overlaps, or is masked where all is shorter."""
    backs = [[*range(_WORD, len(literal), _WORD), max(len(literal), _WORD)] for literal in literals]
    return tuple(
        _layer([(i, literals[i], back[depth]) for i, back in enumerate(backs) if depth < len(back)])
        for depth in range(max(map(len, backs)))
    )


def _layer(cuts: list[tuple[int, bytes, int]]) -> _Layer:
    texts = [literal.rjust(back, b"\0")[-back:][:_WORD] for _, literal, back in cuts]
    masks = [(b"\xff" * len(literal)).rjust(back, b"\0")[-back:][:_WORD] for _, literal, back in cuts]
    return _Layer(
        places=np.array([place for place, _, _ in cuts], np.int64),
        back=np.array([back for _, _, back in cuts], np.int64),
        masks=np.array([int.from_bytes(mask, "little") for mask in masks], np.uint64),
        words=np.array([int.from_bytes(text, "little") for text in texts], np.uint64),
    )


@dataclass(frozen=True, slots=True)
class _Values:
    """Where the values of some lines stand, and which are null: one row a line, as the caches like it."""

    begins: Ints
    ends: Ints
    nulls: Mask

    def kept(self, lines: Mask) -> _Values:
        return self if lines.all() else _Values(self.begins[lines], self.ends[lines], self.nulls[lines])


@dataclass(frozen=True, slots=True)
class _Read:
    parsed: Parsed
    quotes: Ints
    """Per line, the quotes that its literals and texts account for."""


def _read(contract: Contract, sight: _Sight, lines: Ints) -> _Read | None:
    """The lines among `lines` that are of this contract and can be read at sight, or None where there are none."""
    template = _template(contract)
    lines = _of_type(template, sight, lines[sight.key_counts[lines] == template.keys])
    if not len(lines):
        return None
    values, readable = _located(template, sight, lines)
    lines, values = lines[readable], values.kept(readable)
    if not len(lines):
        return None
    try:
        parsed = _parsed(contract, template, sight, lines, values)
    except pa.ArrowInvalid:
        return None
    texts = np.count_nonzero(~values.nulls & template.among(*_QUOTED), axis=1)
    return _Read(parsed, template.quotes + 2 * texts)


def _of_type(template: _Template, sight: _Sight, lines: Ints) -> Ints:
    """The lines that name the template's type, by its last letters: a quick first choice."""
    literal = template.literals[_TYPED][: -len(b',"time":')]
    ends = sight.keys[sight.first_keys[lines] + template.last_keys[_TYPED]] + len(_KEY_END) - len(b',"time":')
    of_type: Ints = lines[sight.words[np.maximum(ends - _WORD, 0)] == _word(literal[-_WORD:])]
    return of_type


def _located(template: _Template, sight: _Sight, lines: Ints) -> tuple[_Values, Mask]:
    """Where the lines' values stand, and which lines are written as the template is, each value as its type is; what
    looks right may yet turn out wrong when it is cast."""
    begins = sight.keys.take(sight.first_keys[lines][:, None] + template.last_keys)
    begins += len(_KEY_END)
    ends = np.empty_like(begins)
    np.subtract(begins[:, 1:], template.sizes[1:], out=ends[:, :-1])
    ends[:, -1] = sight.ends[lines] - len(_LINE_END)
    readable = (begins[:, 0] - template.sizes[0] == sight.begins[lines]) & _in_each_line(ends > begins)
    begins[~readable] = _WORD * len(template.layers)
    for layer in template.layers:
        words = sight.words[begins[:, layer.places] - layer.back]
        readable &= _in_each_line((words & layer.masks) == layer.words)
    tails = sight.words[ends[:, -1] + len(_LINE_END) - _WORD] >> np.uint64(8 * (_WORD - len(_LINE_END)))
    readable &= tails == _word(_LINE_END)
    heads = sight.words[begins]
    nulls = _spell(_NULL, heads, ends - begins)
    for kinds, looks in _LOOKS:
        if len(some := np.flatnonzero(template.among(*kinds))):
            right = looks(sight, heads[:, some], begins[:, some], ends[:, some])
            readable &= _in_each_line(right | nulls[:, some])
    return _Values(begins, ends, nulls), readable


def _in_each_line(truths: Mask) -> Mask:
    """Whether all is true of a line. Mostly it is, of every line, and that is seen sooner."""
    return np.ones(len(truths), np.bool_) if truths.all() else np.asarray(truths.all(axis=1))


def _spell(word: bytes, heads: Words, sizes: Ints) -> Mask:
    """Which values are this word, which is shorter than eight bytes."""
    spelt: Mask = (sizes == len(word)) & ((heads & np.uint64((1 << 8 * len(word)) - 1)) == _word(word))
    return spelt


def _word(text: bytes) -> np.uint64:
    return np.uint64(int.from_bytes(text, "little"))


def _as_text(sight: _Sight, heads: Words, begins: Ints, ends: Ints) -> Mask:
    quoted: Mask = ((heads & _BYTE) == _QUOTE) & (sight.octets[ends - 1] == _QUOTE) & (ends - begins > 1)
    return quoted


def _as_boolean(sight: _Sight, heads: Words, begins: Ints, ends: Ints) -> Mask:
    del sight
    return _spell(_TRUE, heads, ends - begins) | _spell(_FALSE, heads, ends - begins)


def _as_whole(sight: _Sight, heads: Words, begins: Ints, ends: Ints) -> Mask:
    """Not 007 and 0x1F, which Arrow's cast would take; what is no number at all it finds itself."""
    del sight
    sizes = ends - begins
    zero = ((heads & _BYTE) == _ZERO) & (sizes > 1)
    minus_zero = ((heads & _TWO_BYTES) == _MINUS_ZERO) & (sizes > 2)  # noqa: PLR2004 - the sign, the zero, and more
    whole: Mask = ~(zero | minus_zero)
    return whole


def _as_number(sight: _Sight, heads: Words, begins: Ints, ends: Ints) -> Mask:
    """Anything; `_floats` decides."""
    del sight, heads
    return ends > begins


_LOOKS = (
    (_QUOTED, _as_text),
    ((ColumnType.BOOLEAN,), _as_boolean),
    ((ColumnType.INT64,), _as_whole),
    ((ColumnType.FLOAT64,), _as_number),
)


def _parsed(contract: Contract, template: _Template, sight: _Sight, lines: Ints, values: _Values) -> Parsed:
    """The values as columns. Raises pa.ArrowInvalid where one cannot be cast."""
    cut = _Cut(template, sight, values)
    envelope = {
        "specversion": pa.repeat(pa.scalar("1.0"), len(lines)),
        "id": cut.texts(_ID),
        "source": cut.texts(_SOURCE),
        "type": pa.repeat(pa.scalar(contract.type), len(lines)),
    }
    columns = {column.name: cut.column(place, column) for place, column in enumerate(contract.columns, _FIRST_COLUMN)}
    return Parsed(lines, pa.table(envelope), pa.table(columns))


class _Cut:
    """All values as one array over the lines' buffer, without a copy: every second element is what stands between."""

    def __init__(self, template: _Template, sight: _Sight, values: _Values) -> None:
        self._octets = sight.octets
        self._values = values
        self._step = 2 * len(template.types)
        self._firsts = np.arange(len(values.begins), dtype=np.int64) * self._step
        quoted = template.among(*_QUOTED) & ~values.nulls
        bounds = np.empty((len(self._firsts), self._step), np.int32)
        bounds[:, 0::2] = values.begins + quoted
        bounds[:, 1::2] = values.ends - quoted
        buffers = [None, pa.py_buffer(bounds), pa.py_buffer(sight.octets)]
        self._all = pa.StringArray.from_buffers(bounds.size - 1, *buffers[1:])

    def texts(self, place: int) -> pa.StringArray:
        nulls = self._values.nulls[:, place]
        return self._all.take(pa.array(self._firsts + 2 * place, mask=nulls.copy() if nulls.any() else None))

    def column(self, place: int, column: Column) -> pa.Array:
        if column.type is ColumnType.BOOLEAN:
            truths = self._octets[self._values.begins[:, place]] == _TRUE[0]
            return pa.array(truths, mask=self._values.nulls[:, place].copy())
        texts = self.texts(place)
        if column.type is ColumnType.FLOAT64:
            return _floats(texts)
        return cast_text(texts, column.type) if column.type in TEXT_TYPES else texts.cast(arrow_type(column))


def _floats(texts: pa.StringArray) -> pa.Array:
    """Arrow's own cast knows more than JSON does: 1., inf, nan."""
    if not pc.all(pc.match_substring_regex(texts, _NUMBER), min_count=0).as_py():
        raise pa.ArrowInvalid("no number of JSON")
    numbers = texts.cast(pa.float64())
    if not pc.all(pc.is_finite(numbers), min_count=0).as_py():
        raise pa.ArrowInvalid("a number beyond 64 bits")
    return numbers
