"""Letters as the lake has them: the files that stand, read side by side and in one order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
from msgspec.structs import replace

from headrace_batch.letters.filters import LetterFilter, Mask
from headrace_batch.place import Place
from headrace_batch.rewriting import Origin, StandingFile, opened_file, provenance_of, standing_files
from headrace_consumers.commit.completing import complete_pending
from headrace_consumers.commitlog.standing import Standing
from headrace_consumers.errors import MissingFileError
from headrace_producers.errors import TransientError

_AHEAD = 4
"""Files that are read before they are asked for."""


class LettersMovedError(TransientError):
    """A file is of the lake no more that was when this began."""


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file with all its rows, and which of them are meant."""

    source: StandingFile
    origin: Origin
    letters: pa.Table
    meant: Mask

    @property
    def chosen(self) -> pa.Table:
        return self.letters.filter(pa.array(self.meant))


def letter_files(standing: Standing, table: str, wanted: LetterFilter) -> list[StandingFile]:
    """Of `table`, oldest arrivals first: those that may have what is wanted."""
    found = (one for one in standing_files(standing) if one.file.table == table and wanted.may_be_in(one.file))
    return sorted(found, key=lambda one: (one.file.partition, one.file.key))


def read_files(place: Place, files: Iterable[StandingFile], wanted: LetterFilter) -> Iterator[ReadFile]:
    """In the order given; files without a letter that is meant are left out. Raises LettersMovedError where another
    command took a file out meanwhile, MissingFileError where one is lost."""
    waiting: deque[Future[ReadFile]] = deque()
    with ThreadPoolExecutor(_AHEAD) as pool:
        for source in files:
            waiting.append(pool.submit(copy_context().run, _read, place, source, wanted))
            if len(waiting) > _AHEAD:
                yield from _worth_it(waiting.popleft().result())
        for one in waiting:
            yield from _worth_it(one.result())


def _worth_it(found: ReadFile) -> Iterator[ReadFile]:
    if found.meant.any():
        yield found


def _read(place: Place, source: StandingFile, wanted: LetterFilter) -> ReadFile:
    file = _opened(place, source)
    letters = file.read()
    return ReadFile(source, provenance_of(source, file).origin, letters, wanted.mask(letters))


def _opened(place: Place, source: StandingFile) -> pq.ParquetFile:
    """Its commit may have left it pending, and another one may have taken it out by now."""
    with suppress(MissingFileError):
        return opened_file(place.store, source)
    try:
        complete_pending(place.store, replace(source.commit, files=(source.file,)))
        return opened_file(place.store, source)
    except MissingFileError:
        if source.replaced in {one.replaced for one in standing_files(place.standing())}:
            raise
        raise LettersMovedError(
            f"s3://{source.file.bucket}/{source.file.key}: another command rewrote these letters meanwhile; run this "
            "again"
        ) from None
