"""What batch commits change of what was loaded before them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from headrace_consumers.commitlog.model import Commit, CommitKind, Erasure
from headrace_consumers.lake.rewritten import folder_of, mark_in, mark_of
from headrace_consumers.load.waiting import LakeFile, TablePlace, lake_files

Keyed = Mapping[tuple[str, str], tuple[str, ...]]
"""Table and column to the tables of windows that have this column as a key."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """Files of the warehouse's that a batch commit replaced, and the one that has what is left of their rows."""

    by: str
    gone: tuple[LakeFile, ...]
    new: LakeFile | None = None
    """None where nothing is left."""
    is_clear: bool = True
    """Otherwise the commit does not tell which of its files has these rows."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A replacement, and what it is to the warehouse as the books have it."""

    replacement: Replacement
    lacking: tuple[LakeFile, ...] = ()
    """The files that came first, of whose rows the warehouse has none; no rows where the log lacks their commits."""
    between: tuple[LakeFile, ...] = ()
    """Files that stood for them until now, and are in the books as not loaded."""
    is_copied: bool = False
    """The new file brings the rows."""
    is_told: bool = False
    """It would bring others once more: some of what it stands for is loaded."""
    is_passed: bool = False
    """A later commit has replaced the new file: that one's exchange counts."""


@dataclass(frozen=True, slots=True)
class Amendments:
    """Of the batch commits of one load, in their order."""

    retired: frozenset[str] = frozenset()
    """Commits whose rows go."""
    exchanges: tuple[Exchange, ...] = ()
    erases: tuple[Erasure, ...] = ()
    tables: tuple[str, ...] = ()
    """All that loads fill."""


NOTHING_AMENDED = Amendments()


def amendments_of(
    commits: Iterable[Commit], exchanges: Iterable[Exchange], places: Collection[TablePlace], keyed: Keyed
) -> Amendments:
    commits = list(commits)
    return Amendments(
        retired=frozenset(commit_id for commit in commits for commit_id in commit.retires),
        exchanges=tuple(exchanges),
        erases=tuple(dict.fromkeys(one for commit in commits for one in _erases(commit, keyed))),
        tables=tuple(sorted({place.table for place in places})),
    )


def replacements_of(commit: Commit, places: Collection[TablePlace]) -> list[Replacement]:
    """A compaction makes one file of many; everybody else writes files anew one by one, and their names say which."""
    by_place: dict[tuple[str, str, str], tuple[list[LakeFile], list[LakeFile]]] = {}
    for file in lake_files(commit, places):
        if file.rewritten:
            by_place.setdefault(_place(file), ([], []))[1].append(file)
    for gone in commit.replaces:
        if TablePlace(gone.table, gone.bucket) in places:
            file = LakeFile(gone.commit_id, gone.table, gone.bucket, gone.key, rows=0, bytes=0)
            by_place.setdefault(_place(file), ([], []))[0].append(file)
    merges = commit.kind is CommitKind.COMPACTION
    return [one for gone, new in by_place.values() for one in _matched(commit.attempt_id, gone, new, merges=merges)]


def _place(file: LakeFile) -> tuple[str, str, str]:
    return file.table, file.bucket, folder_of(file.key)


def _matched(by: str, gone: list[LakeFile], new: list[LakeFile], *, merges: bool) -> Iterator[Replacement]:
    """Of one table and partition."""
    marks = {} if merges else {mark_of(file.key): file for file in gone}
    named = {marks[mark_in(file.key)].url: file for file in new if mark_in(file.key) in marks}
    for file in gone:
        if file.url in named:
            yield Replacement(by, (file,), named[file.url])
    rest = tuple(file for file in gone if file.url not in named)
    unnamed = [file for file in new if file not in named.values()]
    if rest and len(unnamed) <= 1:
        yield Replacement(by, rest, unnamed[0] if unnamed else None)
    elif rest:
        yield Replacement(by, rest, is_clear=False)


def _erases(commit: Commit, keyed: Keyed) -> Iterator[Erasure]:
    for one in commit.erases:
        yield one
        for window in keyed.get((one.table, one.column), ()):
            yield Erasure(window, one.column, one.sha256)
