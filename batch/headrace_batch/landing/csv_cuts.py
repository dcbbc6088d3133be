"""Where the rows of a CSV text begin and end, and how many fields each has: counted, not parsed.

Theory of operation. With quotes only around whole fields, a line feed ends a row, and a delimiter a field, exactly
where an even number of quotes stands before it; so one pass of comparisons cuts a block. Where a quote stands
elsewhere, that block alone is cut by a pattern, row by row: a row that does not fit costs its line, and the next line
begins a row.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from headrace_batch.landing.block import Ints
from headrace_batch.landing.refusing import Reason, RefusedFileError
from headrace_consumers.landing import FileForm

Octets = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
LF, CR = 10, 13


@dataclass(frozen=True, slots=True)
class Cuts:
    """Rows that are not blank. `ends` stand before the line's end, `nexts` behind it."""

    starts: Ints
    ends: Ints
    nexts: Ints
    fields: Ints
    """0 where quotes or a carriage return stand as they must not."""
    is_open: bool
    """The last row ends with the text, and not with a line feed."""
    quoted: bool

    def __len__(self) -> int:
        return len(self.starts)


def cut_rows(octets: Octets, form: FileForm, *, is_last: bool) -> tuple[Cuts, int]:
    """The whole rows of a block, and how far they reach: 0 where not one ends in it. Raises RefusedFileError where the
    last block ends inside quotes."""
    quotes = np.flatnonzero(octets == ord(form.quote)) if form.quote else np.empty(0, np.int64)
    feeds = _outside(np.flatnonzero(octets == LF), quotes)
    if is_last and len(quotes) % 2 and _stand_right(octets, quotes, form):
        raise RefusedFileError(Reason.HALF, "the file ends inside a quoted field")
    reach = len(octets) if is_last else int(feeds[-1]) + 1 if len(feeds) else 0
    inner = quotes[quotes < reach]
    if not _stand_right(octets[:reach], inner, form) or (is_last and len(quotes) % 2):
        return _cut_by_pattern(octets, form, is_last=is_last)
    return _cut_by_counts(octets[:reach], form, inner, feeds), reach


def _cut_by_counts(octets: Octets, form: FileForm, quotes: Ints, feeds: Ints) -> Cuts:
    is_open = bool(len(octets)) and (not len(feeds) or int(feeds[-1]) + 1 < len(octets))
    nexts = np.append(feeds + 1, len(octets)) if is_open else feeds + 1
    starts = np.concatenate([np.zeros(1, np.int64), nexts[:-1]])[: len(nexts)]
    ends = np.append(feeds, len(octets)) if is_open else feeds
    ends = ends - ((ends > starts) & (octets[np.maximum(ends - 1, 0)] == CR))
    kept = ends > starts
    starts, ends, nexts = starts[kept], ends[kept], nexts[kept]
    delimiters = _outside(np.flatnonzero(octets == ord(form.delimiter)), quotes)
    fields = np.searchsorted(delimiters, ends) - np.searchsorted(delimiters, starts) + 1
    stray = _outside(np.flatnonzero(octets == CR), quotes)
    owners = np.searchsorted(ends, stray)  # the row that ends at it, or behind it
    within = owners < len(ends)
    stray, owners = stray[within], owners[within]
    fields[owners[(starts[owners] <= stray) & (stray < ends[owners])]] = 0
    return Cuts(starts, ends, nexts, fields, is_open and bool(kept[-1]), bool(len(quotes)))


def _outside(places: Ints, quotes: Ints) -> Ints:
    return places[np.searchsorted(quotes, places) % 2 == 0] if len(quotes) else places


def _stand_right(octets: Octets, quotes: Ints, form: FileForm) -> bool:
    """Opening quotes stand at a field's begin, or behind a quote; closing ones at its end, or before a quote."""
    if not len(quotes):
        return True
    quote, delimiter = ord(form.quote), ord(form.delimiter)
    before = octets[np.maximum(quotes[0::2] - 1, 0)]
    right = np.isin(before, [quote, delimiter, LF]) | (quotes[0::2] == 0)
    after = octets[np.minimum(quotes[1::2] + 1, len(octets) - 1)]
    closed = np.isin(after, [quote, delimiter, LF, CR]) | (quotes[1::2] == len(octets) - 1)
    return bool(right.all() and closed.all())


@lru_cache(maxsize=16)
def _patterns(delimiter: str, quote: str) -> tuple[re.Pattern[bytes], re.Pattern[bytes], re.Pattern[bytes]]:
    d, q = re.escape(delimiter), re.escape(quote)
    quoted = rf"{q}[^{q}]*+(?:{q}{q}[^{q}]*+)*+"  # nothing is tried twice, whatever the text
    field = rf"(?:{quoted}{q}|[^{q}{d}\r\n]*+)"
    row = rf"({field}(?:{d}{field})*+)(\r?\n|\r?\Z)"
    is_open = rf"(?:{field}{d})*+{quoted}\Z"
    return tuple(re.compile(pattern.encode()) for pattern in (row, is_open, field + d))  # type: ignore[return-value]


def _cut_by_pattern(octets: Octets, form: FileForm, *, is_last: bool) -> tuple[Cuts, int]:
    row, is_open, field = _patterns(form.delimiter, form.quote)
    text = octets.tobytes()
    found: list[tuple[int, int, int, int]] = []
    begin = 0
    while begin < len(text):
        fit = row.match(text, begin)
        if fit and not is_last and not fit[2].endswith(b"\n"):
            break  # the row goes on in the next block
        if fit:
            found.append((begin, fit.end(1), fit.end(), _count(field, fit[1])))
            begin = fit.end()
            continue
        if is_open.match(text, begin):
            if is_last:
                raise RefusedFileError(Reason.HALF, "the file ends inside a quoted field")
            break
        feed = text.find(b"\n", begin)
        if feed < 0 and not is_last:
            break
        end = feed if feed >= 0 else len(text)
        found.append((begin, end - text.endswith(b"\r", begin, end), min(end + 1, len(text)), 0))
        begin = min(end + 1, len(text))
    kept = np.array([one for one in found if one[1] > one[0]], np.int64).reshape(-1, 4)
    starts, ends, nexts, fields = kept.T
    still_open = bool(len(kept)) and is_last and int(nexts[-1]) == len(text) and not text.endswith(b"\n")
    return Cuts(starts, ends, nexts, fields, still_open, quoted=True), begin


def _count(field: re.Pattern[bytes], row: bytes) -> int:
    """Of a row that fits."""
    count, at = 1, 0
    while fit := field.match(row, at):
        count, at = count + 1, fit.end()
    return count
