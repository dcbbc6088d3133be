"""Where to cut a file. It is read once, in its order and in bounded memory; its digest falls out on the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from headrace_batch.handed.pieces import Part, Piece, opened_parquet
from headrace_batch.handed.ranges import Once, Ranged
from headrace_batch.landing.csv_cuts import Octets
from headrace_batch.landing.csv_reading import BLOCK_BYTES, cut_csv
from headrace_batch.landing.parquet_reading import bomb, check_columns
from headrace_batch.landing.refusing import Reason, RefusedFileError
from headrace_batch.landing.unpacking import compression_of, in_utf8
from headrace_consumers.landing import FileCompression, FileFormat, LandingSource
from headrace_consumers.stages.lines import split_packs

PIECE_BYTES = 64 * 1024 * 1024
_MOST_ROWS = 2**31
_UTF8 = frozenset({"utf-8", "utf8", "utf-8-sig"})
_MARK = "\ufeff".encode()


@dataclass(frozen=True, slots=True)
class Cut:
    """A file that was read to its end."""

    sha256: str
    pieces: Sequence[Piece]


def cut_file(
    file: Ranged, source: LandingSource, block_bytes: int = BLOCK_BYTES, piece_bytes: int = PIECE_BYTES
) -> Cut:
    """Blocks on the network. Raises RefusedFileError also for a file that can only be read in one go."""
    once = Once(file)
    head = once.read(0, min(8, file.size_bytes))
    _require_cuttable(head, source)
    if source.form.format is FileFormat.PARQUET:
        pieces = [Piece(part.begin, (part,)) for part in _row_groups(file, source)]
        return Cut(once.sha256(), pieces)
    begin = len(_MARK) if head.startswith(_MARK) else 0
    read = _Reading(once, source, file.size_bytes, begin)
    parts = read.lines(block_bytes) if source.form.format is FileFormat.NDJSON else read.csv(block_bytes)
    gathered = list(_gathered(parts, piece_bytes))
    pieces = [Piece(number, tuple(some), read.header) for number, some in enumerate(gathered)]
    return Cut(once.sha256(), pieces)


def _require_cuttable(head: bytes, source: LandingSource) -> None:
    form, limit = source.form, source.limits.max_bytes
    kind = compression_of(head, form)
    if kind is not FileCompression.NONE:
        raise RefusedFileError(
            Reason.TOO_BIG,
            f"{kind} cannot be cut: send it uncompressed, or in files of {limit} bytes at most",
        )
    if form.format is FileFormat.JSON:
        raise RefusedFileError(
            Reason.TOO_BIG, f"a JSON array is read whole: send one object a line, or files of {limit} bytes at most"
        )
    if form.format is not FileFormat.PARQUET and form.encoding.lower().replace("_", "-") not in _UTF8:
        raise RefusedFileError(
            Reason.TOO_BIG,
            f"{form.encoding} is not cut: send it in utf-8, or in files of {limit} bytes at most",
        )


@dataclass
class _Reading:
    """Mutable: a text, part by part."""

    once: Once
    source: LandingSource
    size: int
    begin: int
    header: tuple[str, ...] = ()

    def csv(self, block_bytes: int) -> Iterator[Part]:
        for one in cut_csv(self._octets, self.begin, self.size, self.source, block_bytes):
            self._require_text(one.octets[: one.reach].tobytes())
            self.header = tuple(one.header)
            if len(one.cuts):
                _require_few(one.first + len(one.cuts))
                yield Part(one.begin, one.begin + len(one.octets), one.first, one.is_last, one.has_header)

    def lines(self, block_bytes: int) -> Iterator[Part]:
        begin, rows = self.begin, 0
        while begin < self.size:
            text = self._lines(begin, block_bytes)
            self._require_text(text)
            end = begin + len(text)
            yield Part(begin, end, rows, is_last=end == self.size)
            begin, rows = end, rows + len(split_packs([text])[0])
            _require_few(rows)

    def _lines(self, begin: int, block_bytes: int) -> bytes:
        """Up to the last line that ends in the block; where none does, up to the end of the first."""
        text = self.once.read(begin, min(begin + block_bytes, self.size))
        end = text.rfind(b"\n") + 1
        while not end and begin + len(text) < self.size:
            seen = len(text)
            self._require_room(seen)
            text = self.once.read(begin, min(begin + 2 * seen, self.size))
            end = text.find(b"\n", seen) + 1
        return text[: end or len(text)]

    def _octets(self, begin: int, end: int) -> Octets:
        self._require_room(end - begin)
        return np.frombuffer(self.once.read(begin, end), np.uint8)

    def _require_room(self, size: int) -> None:
        limit = max(self.source.limits.max_bytes, BLOCK_BYTES)
        if size > limit:
            raise RefusedFileError(Reason.WRONG_FORMAT, f"no row ends within {limit} bytes")

    def _require_text(self, text: bytes) -> None:
        in_utf8(text, self.source.form.encoding)


def _require_few(rows: int) -> None:
    if rows > _MOST_ROWS:
        raise RefusedFileError(Reason.TOO_BIG, f"it has more than {_MOST_ROWS} rows: send it in several files")


def _row_groups(file: Ranged, source: LandingSource) -> Iterator[Part]:
    """Each must fit into a task; all together need not fit into one process."""
    found = opened_parquet(file)
    check_columns(found, source)
    first, limit = 0, source.limits.max_unpacked_bytes
    for number in range(found.num_row_groups):
        group = found.metadata.row_group(number)
        if max(group.total_byte_size, group.num_rows * len(source.file_names)) > limit:
            raise bomb(file.size_bytes, source)
        yield Part(number, number + 1, first)
        first += group.num_rows
        _require_few(first)


def _gathered(parts: Iterator[Part], piece_bytes: int) -> Iterator[list[Part]]:
    held: list[Part] = []
    for part in parts:
        if held and part.end - held[0].begin > piece_bytes:
            yield held
            held = []
        held.append(part)
    if held:
        yield held
