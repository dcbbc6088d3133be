"""What batch made of several commits of the stream: such commits go together, for their rows stand in one.

A backfill's rows may be of commits before and after the point, and a redrive's letters, too. Rows leave the lake by
whole commits; so where one of them goes, the others' records have to be read again as well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from headrace_consumers.commitlog.model import Commit, CommitKind


@dataclass(frozen=True, slots=True)
class Bond:
    """A standing commit of batch."""

    commit_id: str
    kind: CommitKind
    sources: frozenset[str]
    """The commits of the stream that it was made of."""
    rows: int = 0
    landed: bool = False
    """It has letters of files that landed, which no stream brings again."""


@dataclass(frozen=True, slots=True)
class Bonds:
    standing: tuple[Bond, ...]
    retired: Collection[str]
    """All that batch has taken out."""

    def of(self, commit_id: str) -> list[Bond]:
        return [bond for bond in self.standing if commit_id in bond.sources]


def read_bonds(batch: Iterable[Commit]) -> Bonds:
    """Of the batch chain's commits, oldest first."""
    standing: dict[str, Bond] = {}
    landings: set[str] = set()
    retired: set[str] = set()
    for commit in batch:
        staged = _sources(standing, [one for one in commit.retires if one in standing or one not in retired])
        for commit_id in commit.retires:
            standing.pop(commit_id, None)
        retired.update(commit.retires)
        if commit.kind is CommitKind.BACKFILL:
            standing[commit.attempt_id] = Bond(commit.attempt_id, commit.kind, staged, commit.counts.rows)
        elif commit.kind is CommitKind.REDRIVE:
            mended = _sources(standing, [one for one in commit.letters_of if one not in landings])
            landed = any(one in landings for one in commit.letters_of)
            standing[commit.attempt_id] = Bond(commit.attempt_id, commit.kind, mended, commit.counts.rows, landed)
        elif commit.kind is CommitKind.LANDING:
            landings.add(commit.attempt_id)
    return Bonds(tuple(standing.values()), frozenset(retired))


def _sources(standing: dict[str, Bond], commit_ids: Iterable[str]) -> frozenset[str]:
    found: set[str] = set()
    for commit_id in commit_ids:
        found |= standing[commit_id].sources if commit_id in standing else {commit_id}
    return frozenset(found)
