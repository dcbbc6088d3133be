"""CSV to columns of texts. Rows are cut first, by counting; only rows of the right number of fields reach Arrow's
reader, which then has nothing to refuse."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv

from headrace_batch.landing.block import Block, Ints, Lost, check_names
from headrace_batch.landing.csv_cuts import Cuts, Octets, cut_rows
from headrace_batch.landing.refusing import Reason, RefusedFileError
from headrace_consumers.landing import FileForm, LandingSource
from headrace_consumers.stages.parse import RefusedError, joined_bytes, readable_lines

BLOCK_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class CsvBlock:
    """Some whole rows, where they stand in the text, and the first one's number."""

    begin: int
    octets: Octets
    """From `begin` on: the rows, and maybe more."""
    reach: int
    is_last: bool
    header: Sequence[str]
    has_header: bool
    """Its first row is the header, which `cuts` leaves out."""
    cuts: Cuts
    first: int


def read_csv(text: bytes, source: LandingSource, block_bytes: int = BLOCK_BYTES) -> Iterator[Block]:
    """Blocks of about so many bytes. Raises RefusedFileError for a wrong header, and where the file is but a half."""
    octets = np.frombuffer(text, np.uint8)
    for one in cut_csv(lambda begin, end: octets[begin:end], 0, len(octets), source, block_bytes):
        if len(one.cuts):
            yield _block(one.octets, one.cuts, one.header, source, one.first)


def cut_csv(
    read: Callable[[int, int], Octets], begin: int, end: int, source: LandingSource, block_bytes: int = BLOCK_BYTES
) -> Iterator[CsvBlock]:
    """`read` gives the text from one place to another; it is asked for places in their order."""
    header: Sequence[str] = source.form.header
    rows, size = 0, block_bytes
    while begin < end:
        is_last = begin + size >= end
        octets = read(begin, min(begin + size, end))
        cuts, reach = cut_rows(octets, source.form, is_last=is_last)
        if not reach:
            size *= 2
            continue
        has_header = not header and len(cuts) > 0
        if has_header:
            header, cuts = _read_header(octets, cuts, source), _without_first(cuts)
        yield CsvBlock(begin, octets, reach, is_last, header, has_header, cuts, rows)
        begin, size, rows = begin + reach, block_bytes, rows + len(cuts)
    if not header:
        raise RefusedFileError(Reason.EMPTY, "the file has blank lines only")


def read_cut_csv(
    octets: Octets, header: Sequence[str], source: LandingSource, first: int, *, is_last: bool, has_header: bool
) -> Block:
    """The rows of a block that `cut_csv` cut before, by the bytes that it saw. Raises RefusedFileError."""
    cuts, _ = cut_rows(octets, source.form, is_last=is_last)
    return _block(octets, _without_first(cuts) if has_header else cuts, header, source, first)


def _read_header(octets: Octets, cuts: Cuts, source: LandingSource) -> Sequence[str]:
    row = octets[cuts.starts[0] : cuts.ends[0]].tobytes().decode()
    try:
        found = _fields_of(row, source.form)
    except csv.Error:
        raise RefusedFileError(Reason.WRONG_HEADER, "its first row is no row of names") from None
    check_names(source, found)
    return found


def _fields_of(row: str, form: FileForm) -> list[str]:
    if not form.quote:
        return row.split(form.delimiter)
    return next(csv.reader([row], delimiter=form.delimiter, quotechar=form.quote))


def _without_first(cuts: Cuts) -> Cuts:
    is_open = cuts.is_open and len(cuts) > 1
    return Cuts(cuts.starts[1:], cuts.ends[1:], cuts.nexts[1:], cuts.fields[1:], is_open, cuts.quoted)


def _block(octets: Octets, cuts: Cuts, header: Sequence[str], source: LandingSource, first: int) -> Block:
    right = cuts.fields == len(header)
    if cuts.is_open and cuts.fields[-1] < len(header):
        raise RefusedFileError(Reason.HALF, f"the file ends in the middle of row {first + len(cuts) - 1}")
    text = _rows_text(octets, cuts)
    good = np.flatnonzero(right)
    read = partial(_read, header, source, quoted=cuts.quoted)
    try:
        fields = read(text if right.all() else text.take(pa.array(good)))
    except RefusedError:  # pragma: no cover -- should Arrow's reader ever see rows otherwise than they were cut
        good = readable_lines(text, good, read)
        fields = read(text.take(pa.array(good)))
    lost = [
        Lost(first + place, payload, *_fault(int(cuts.fields[place]), len(header)))
        for place, payload in _lost(octets, cuts, good, source.form)
    ]

    def payloads(chosen: Ints) -> list[bytes]:
        return [_payload(octets, cuts, place, source.form) for place in good[chosen].tolist()]

    return Block(fields, first + good, payloads, lost)


def _fault(fields: int, wanted: int) -> tuple[str, None, str]:
    if fields:
        return "wrong_field_count", None, f"{wanted} fields"
    return "malformed_row", None, "quotes around whole fields alone, and no lone carriage return"


def _lost(octets: Octets, cuts: Cuts, good: Ints, form: FileForm) -> Iterator[tuple[int, bytes]]:
    if len(good) < len(cuts):
        for place in np.delete(np.arange(len(cuts)), good).tolist():
            yield place, _payload(octets, cuts, place, form)


def _payload(octets: Octets, cuts: Cuts, place: int, form: FileForm) -> bytes:
    return original(octets[cuts.starts[place] : cuts.ends[place]].tobytes(), form)


def original(text: bytes, form: FileForm) -> bytes:
    """The bytes as they were sent; of encodings that begin with a mark, without one."""
    if form.encoding.lower().replace("_", "-") in ("utf-8", "utf8", "utf-8-sig"):
        return text
    name = form.encoding.lower().replace("_", "-")
    return text.decode().encode(f"{name}-le" if name in ("utf-16", "utf-32") else name)


def _rows_text(octets: Octets, cuts: Cuts) -> pa.LargeBinaryArray:
    """Rows with their line ends, in the block's own buffer: blank lines go with the row before them."""
    if not len(cuts):
        return pa.array([], pa.large_binary())
    offsets = np.append(cuts.starts, cuts.nexts[-1])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(octets)]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(cuts), buffers)


def _read(header: Sequence[str], source: LandingSource, text: pa.LargeBinaryArray, *, quoted: bool) -> pa.Table:
    form = source.form
    wanted = [name for names in source.file_names.values() for name in names]
    if not len(text):
        return pa.schema([(name, pa.string()) for name in wanted]).empty_table()
    body = joined_bytes(text)
    try:
        found = pv.read_csv(
            pa.BufferReader(body),
            pv.ReadOptions(use_threads=False, block_size=len(body) + 1, column_names=list(header)),
            pv.ParseOptions(delimiter=form.delimiter, quote_char=form.quote or False, newlines_in_values=quoted),
            _convert_options(form, wanted),
        )
    except pa.ArrowInvalid as refused:
        raise RefusedError(str(refused)) from None
    if found.num_rows != len(text):
        raise RefusedError("Arrow sees other rows")
    return found


def _convert_options(form: FileForm, wanted: Sequence[str]) -> pv.ConvertOptions:
    return pv.ConvertOptions(
        check_utf8=False,
        column_types=dict.fromkeys(wanted, pa.string()),
        null_values=list(form.null_texts),
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        include_columns=wanted,
    )
