"""Letters as the lake has them: the files that stand, read side by side and in one order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass

import pyarrow as pa

from headrace_batch.letters.filters import LetterFilter, Mask
from headrace_batch.place import Place
from headrace_batch.rewriting import Origin, StandingFile, opened_file, provenance_of, standing_files
from headrace_consumers.commitlog.standing import Standing

_AHEAD = 4
"""Files that are read before they are asked for."""


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
    """In the order given; files without a letter that is meant are left out. Raises FencedError where another
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
    file = opened_file(place, source)
    letters = file.read()
    return ReadFile(source, provenance_of(source, file).origin, letters, wanted.mask(letters))
