"""What batch commits change of what was loaded before them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from headrace_consumers.commitlog.model import Commit, Erasure
from headrace_consumers.load.waiting import LakeFile, TablePlace

Keyed = Mapping[tuple[str, str], tuple[str, ...]]
"""Table and column to the tables of windows that have this column as a key."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """A file of the warehouse's that is of the lake no more, and the commit whose files have its rows now."""

    file: LakeFile
    by: str


@dataclass(frozen=True, slots=True)
class Amendments:
    """Of the batch commits of one load, in their order."""

    retired: frozenset[str] = frozenset()
    """Commits whose rows go."""
    replaced: tuple[Replacement, ...] = ()
    rewritten: tuple[LakeFile, ...] = ()
    """What came in place of files: of rows that are loaded already, so they bring none."""
    erases: tuple[Erasure, ...] = ()
    tables: tuple[str, ...] = ()
    """All that loads fill."""


NOTHING_AMENDED = Amendments()


def amendments_of(commits: Iterable[Commit], places: Collection[TablePlace], keyed: Keyed) -> Amendments:
    commits = list(commits)
    return Amendments(
        retired=frozenset(commit_id for commit in commits for commit_id in commit.retires),
        replaced=tuple(found for commit in commits for found in _replaced(commit, places)),
        rewritten=tuple(file for commit in commits for file in _rewritten(commit, places)),
        erases=tuple(dict.fromkeys(one for commit in commits for one in _erases(commit, keyed))),
        tables=tuple(sorted({place.table for place in places})),
    )


def _replaced(commit: Commit, places: Collection[TablePlace]) -> Iterator[Replacement]:
    for gone in commit.replaces:
        if TablePlace(gone.table, gone.bucket) in places:
            file = LakeFile(gone.commit_id, gone.table, gone.bucket, gone.key, rows=0, bytes=0)
            yield Replacement(file, commit.attempt_id)


def _rewritten(commit: Commit, places: Collection[TablePlace]) -> Iterator[LakeFile]:
    for file in commit.files:
        if file.rewritten and TablePlace(file.table, file.bucket) in places:
            yield LakeFile(commit.attempt_id, file.table, file.bucket, file.key, 0, file.bytes, file.sha256)


def _erases(commit: Commit, keyed: Keyed) -> Iterator[Erasure]:
    for one in commit.erases:
        yield one
        for window in keyed.get((one.table, one.column), ()):
            yield Erasure(window, one.column, one.sha256)
