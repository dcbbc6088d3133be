"""Reading lines at sight: those that stand exactly as our producer writes them need no JSON parser.

Theory of operation. Cut at its commas, such a line is a row of CSV whose every field begins with its own key. So
Arrow's CSV reader, which is several times as fast as any JSON parser, cuts all lines of a contract at once; then each
column's prefix is compared and cut off, and the values are cast. A line that differs in anything, a comma inside a
text included, is left to the patient parser. That one gives the same result for every line that is read here: this is
only the faster way, and a test holds the two against each other.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from headrace_consumers.pipeline import EventFormat, LakeTable, Pipeline
from headrace_consumers.stages.lines import Ints, chosen_lines
from headrace_consumers.stages.parse import Parsed, joined_bytes, line_offsets
from headrace_consumers.stages.schemas import arrow_type
from headrace_consumers.stages.typed import TEXT_TYPES, cast_text
from headrace_producers.contracts import Column, ColumnType, Contract

Mask = npt.NDArray[np.bool_]

FEWEST_LINES = 100
"""Below this the patient parser is faster: vectors have a price of their own."""
_SAMPLES = 16
_WHOLE = 2**31 - 1
"""To the end: Arrow overflows where no end is named."""
_QUOTED = frozenset({ColumnType.STRING, ColumnType.DATE, ColumnType.TIMESTAMP, ColumnType.DECIMAL})
_NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
_QUOTE, _BACKSLASH, _FIRST_PRINTABLE, _ASCII_END = ord('"'), ord("\\"), 0x20, 0x7F
_SPECVERSION = b'{"specversion":"1.0"'


@dataclass(frozen=True)
class _Field:
    """One field of the line: what stands around its value."""

    name: str
    prefix: str
    suffix: str
    type: ColumnType
    optional: bool = False
    column: Column | None = None

    @property
    def quoted(self) -> bool:
        return self.type in _QUOTED

    @cached_property
    def quotes(self) -> int:
        return (self.prefix + self.suffix).count('"') + len('""') * self.quoted

    @cached_property
    def null(self) -> bytes:
        return f"{self.prefix}null{self.suffix}".encode()

    @cached_property
    def truths(self) -> tuple[bytes, bytes]:
        return f"{self.prefix}true{self.suffix}".encode(), f"{self.prefix}false{self.suffix}".encode()


@lru_cache(maxsize=256)
def _fields(contract: Contract) -> tuple[_Field, ...]:
    """The fields of a line after `specversion`, as CSV cuts it."""
    envelope = [_Field(f" {name}", f'"{name}":', "", ColumnType.STRING) for name in ("id", "source", "type", "time")]
    last = len(contract.columns) - 1
    columns = [
        _Field(
            name=column.name,
            prefix=('"data":{' if place == 0 else "") + f'"{column.name}":',
            suffix="}}" if place == last else "",
            type=column.type,
            optional=not column.required,
            column=column,
        )
        for place, column in enumerate(contract.columns)
    ]
    return (*envelope, *columns)


def read_plain(pipeline: Pipeline, text: pa.LargeBinaryArray) -> tuple[dict[str, Parsed], Ints]:
    """By table, the lines that could be read at sight; and the numbers of all others."""
    everything = np.arange(len(text), dtype=np.int64)
    if pipeline.event_format is not EventFormat.CLOUDEVENTS or len(text) < FEWEST_LINES:
        return {}, everything
    left = everything[_sound(text)]
    found: dict[str, Parsed] = {}
    tables = list(pipeline.tables)
    while len(left) >= FEWEST_LINES and (table := _most_frequent(tables, text, left)) is not None:
        tables.remove(table)
        parsed = _read(table.contract, chosen_lines(text, left), left)
        if parsed is not None:
            found[table.name] = parsed
            left = np.setdiff1d(left, parsed.lines, assume_unique=True)
    read = [parsed.lines for parsed in found.values()]
    return found, np.setdiff1d(everything, np.concatenate(read), assume_unique=True) if read else everything


def _sound(text: pa.LargeBinaryArray) -> Mask:
    """Lines in UTF-8, without escapes and control characters."""
    octets = np.frombuffer(joined_bytes(text), np.uint8)
    begins = line_offsets(text)[:-1] - line_offsets(text)[0]
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


def _is_utf8(octets: npt.NDArray[np.uint8]) -> bool:
    try:
        octets.tobytes().decode()
    except UnicodeDecodeError:
        return False
    return True


def _most_frequent(tables: list[LakeTable], text: pa.LargeBinaryArray, left: Ints) -> LakeTable | None:
    """The table that most of some lines seem to be of: to be read first, so that few lines are cut in vain. None where
    none of them is written as our producer does."""
    samples = [text[int(place)].as_py() for place in left[:: max(1, len(left) // _SAMPLES)]]
    seen = Counter(table.name for line in samples for table in tables if _seems(table.contract, line))
    return max(tables, key=lambda table: seen[table.name]) if seen else None


def _seems(contract: Contract, line: bytes) -> bool:
    return b'"type":"%s"' % contract.type.encode() in line and line.count(b",") == len(_fields(contract))


def _read(contract: Contract, text: pa.LargeBinaryArray, lines: Ints) -> Parsed | None:
    """The lines that are of this contract and can be read at sight, or None where there are none."""
    fields = _fields(contract)
    rows, kept = _cut(fields, text)
    places = np.flatnonzero(kept)
    for fitting in (_fitting(contract, fields, rows), None):
        mask = _unbroken(fields, rows, chosen_lines(text, places)) if fitting is None else fitting
        if not mask.all():
            rows, places = rows.filter(pa.array(mask)), places[mask]
        if not len(places):
            return None
    try:
        return _parsed(fields, rows, lines[places])
    except pa.ArrowInvalid:
        return None


def _cut(fields: tuple[_Field, ...], text: pa.LargeBinaryArray) -> tuple[pa.RecordBatch, Mask]:
    """The lines cut at their commas, and which of them have as many as the contract asks for."""
    names = ["specversion", *(field.name for field in fields)]
    others: list[int] = []

    def skip(row: pcsv.InvalidRow) -> str:
        others.append(row.number - 1)
        return "skip"

    body = joined_bytes(text)
    cut = pcsv.read_csv(
        pa.BufferReader(body),
        read_options=pcsv.ReadOptions(use_threads=False, block_size=body.size + 1, column_names=names),
        parse_options=pcsv.ParseOptions(quote_char=False, double_quote=False, invalid_row_handler=skip),
        convert_options=pcsv.ConvertOptions(
            check_utf8=False,
            column_types=dict.fromkeys(names, pa.binary()),
            strings_can_be_null=False,
        ),
    )
    kept = np.ones(len(text), np.bool_)
    kept[others] = False
    return pa.RecordBatch.from_arrays([column.combine_chunks() for column in cut.columns], names=names), kept


def _fitting(contract: Contract, fields: tuple[_Field, ...], rows: pa.RecordBatch) -> Mask:
    """Which lines have each key where it belongs, and each value as its type is written."""
    fitting = np.ones(rows.num_rows, np.bool_)
    of_type = pc.equal(rows[" type"], f'"type":"{contract.type}"'.encode())
    for fits in (pc.equal(rows["specversion"], _SPECVERSION), of_type, *(_fits(f, rows[f.name]) for f in fields)):
        if not pc.all(fits).as_py():
            fitting &= fits.to_numpy(zero_copy_only=False)
    return fitting


def _fits(field: _Field, values: pa.BinaryArray) -> pa.BooleanArray:
    if field.type is ColumnType.BOOLEAN:
        words = [*field.truths, field.null] if field.optional else list(field.truths)
        return pc.is_in(values, value_set=pa.array(words, pa.binary()))
    quote = '"' if field.quoted else ""
    fits = pc.and_(
        pc.starts_with(values, field.prefix + quote),
        pc.ends_with(values, quote + field.suffix) if quote or field.suffix else True,
    )
    if field.type is ColumnType.INT64:
        fits = pc.and_not(fits, _has_needless_zeros(field, values))
    return pc.or_(fits, pc.equal(values, field.null)) if field.optional else fits


def _unbroken(fields: tuple[_Field, ...], rows: pa.RecordBatch, text: pa.LargeBinaryArray) -> Mask:
    """Which lines have no quote within a text, which would end it. None lacks a quote that it must have, so their sum
    tells; only if that is too great, each line is asked."""
    expected = np.full(len(text), _SPECVERSION.count(b'"') + sum(field.quotes for field in fields))
    for field in fields:
        if field.optional and field.quoted:
            nulls = pc.equal(rows[field.name], field.null)
            expected -= len('""') * nulls.to_numpy(zero_copy_only=False)
    if np.count_nonzero(np.frombuffer(joined_bytes(text), np.uint8) == _QUOTE) == expected.sum():
        return np.ones(len(text), np.bool_)
    return np.asarray(pc.count_substring(text, '"').to_numpy() == expected)


def _has_needless_zeros(field: _Field, values: pa.BinaryArray) -> pa.BooleanArray:
    """As in 007 and 0x1F, which are no JSON, but which Arrow's cast would take."""
    sizes = pc.binary_length(values)
    around = len(field.prefix + field.suffix)
    zero = pc.and_(pc.starts_with(values, f"{field.prefix}0"), pc.greater(sizes, around + len("0")))
    minus_zero = pc.and_(pc.starts_with(values, f"{field.prefix}-0"), pc.greater(sizes, around + len("-0")))
    return pc.or_(zero, minus_zero)


def _parsed(fields: tuple[_Field, ...], rows: pa.RecordBatch, lines: Ints) -> Parsed:
    """Raises pa.ArrowInvalid where a value cannot be cast."""
    values = {field.name: _values(field, rows[field.name]) for field in fields if field.name != " time"}
    envelope = {name: values.pop(f" {name}") for name in ("id", "source", "type")}
    versions = pa.repeat(pa.scalar("1.0"), len(lines))
    return Parsed(lines, pa.table({"specversion": versions, **envelope}), pa.table(values))


def _values(field: _Field, cut: pa.BinaryArray) -> pa.Array:
    if field.type is ColumnType.BOOLEAN:
        return _without_nulls(field, cut, pc.equal(cut, field.truths[0]))
    quote = len('"') if field.quoted else 0
    end = -quote - len(field.suffix)
    bare = pc.binary_slice(cut, len(field.prefix) + quote, end or _WHOLE).view(pa.string())
    texts = _without_nulls(field, cut, bare)
    if field.type is ColumnType.FLOAT64:
        return _floats(texts)
    if field.type in TEXT_TYPES:
        return cast_text(texts, field.type)
    return texts if field.column is None else texts.cast(arrow_type(field.column))


def _without_nulls(field: _Field, cut: pa.BinaryArray, values: pa.Array) -> pa.Array:
    if not field.optional:
        return values
    nulls = pc.equal(cut, field.null)
    return pc.if_else(nulls, pa.scalar(None, values.type), values) if pc.any(nulls).as_py() else values


def _floats(texts: pa.StringArray) -> pa.Array:
    """Arrow's own cast knows more than JSON does: 1., inf, nan."""
    if not pc.all(pc.match_substring_regex(texts, _NUMBER), min_count=0).as_py():
        raise pa.ArrowInvalid("no number of JSON")
    numbers = texts.cast(pa.float64())
    if not pc.all(pc.is_finite(numbers), min_count=0).as_py():
        raise pa.ArrowInvalid("a number beyond 64 bits")
    return numbers
