"""Letters as the lake has them: the files that stand, read side by side and in one order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
from msgspec.structs import replace

from headrace_batch.letters.filters import LetterFilter, Mask
from headrace_batch.place import Place
from headrace_consumers.commit.completing import complete_pending
from headrace_consumers.commitlog.model import Commit
from headrace_consumers.commitlog.standing import Standing
from headrace_consumers.errors import MissingFileError
from headrace_consumers.lake.objects import PendingFile

_AHEAD = 4
"""Files that are read before they are asked for."""


@dataclass(frozen=True, slots=True)
class LetterFile:
    """One file of a letters' table that is of the lake."""

    commit: Commit
    """That brought the file; its letters may have come with others."""
    file: PendingFile


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file with all its rows, and which of them are meant."""

    source: LetterFile
    letters: pa.Table
    meant: Mask

    @property
    def chosen(self) -> pa.Table:
        return self.letters.filter(pa.array(self.meant))


def letter_files(standing: Standing, table: str, wanted: LetterFilter) -> list[LetterFile]:
    """Of `table`, oldest arrivals first: those that may have what is wanted."""
    found = [
        LetterFile(commit, file)
        for commit in standing.commits.values()
        for file in commit.files
        if file.table == table and wanted.may_be_in(file)
    ]
    return sorted(found, key=lambda one: (one.file.partition, one.file.key))


def read_files(place: Place, files: Iterable[LetterFile], wanted: LetterFilter) -> Iterator[ReadFile]:
    """In the order given; files without a letter that is meant are left out. Raises MissingFileError where another
    command took a file out meanwhile."""
    waiting: deque[Future[ReadFile]] = deque()
    with ThreadPoolExecutor(_AHEAD) as pool:
        for source in files:
            waiting.append(pool.submit(_read, place, source, wanted))
            if len(waiting) > _AHEAD:
                yield from _worth_it(waiting.popleft().result())
        for one in waiting:
            yield from _worth_it(one.result())


def _worth_it(found: ReadFile) -> Iterator[ReadFile]:
    if found.meant.any():
        yield found


def _read(place: Place, source: LetterFile, wanted: LetterFilter) -> ReadFile:
    letters = pq.read_table(pa.BufferReader(_body(place, source)))
    return ReadFile(source, letters, wanted.mask(letters))


def _body(place: Place, source: LetterFile) -> bytes:
    file = source.file
    try:
        return place.store.read(file.bucket, file.key)
    except MissingFileError:
        complete_pending(place.store, replace(source.commit, files=(file,)))
        return place.store.read(file.bucket, file.key)
