"""Which letters one commit brings back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow.compute as pc

from headrace_batch.letters.reading import ReadFile
from headrace_consumers.commitlog.model import Commit, CommitKind

_HOUR_US = 3_600_000_000
_OLD = -1


@dataclass(frozen=True, kw_only=True)
class UnitLimits:
    """One commit ends with the file that reaches one of them."""

    letters: int = 100_000
    bytes: int = 32 * 1024 * 1024
    """Of Parquet."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Whole files, so that each is rewritten once."""

    files: tuple[ReadFile, ...]

    def goes_with(self, other: Commit) -> bool:
        """Whether what this unit builds on is untouched by the commit that came first."""
        if other.kind is CommitKind.FORGET:
            return False
        replaced = {(gone.bucket, gone.key) for gone in other.replaces}
        ours = {(found.source.file.bucket, found.source.file.key) for found in self.files}
        return not ours & replaced and not self._brought_by() & set(other.retires)

    def _brought_by(self) -> set[str]:
        """Commits whose letters are in these files, those that stay included, and the files' own."""
        origins = {text for found in self.files for text in found.letters["commit_id"].unique().to_pylist()}
        return origins | {found.source.commit.attempt_id for found in self.files}


def up_to(files: Iterable[ReadFile], left: int | None) -> Iterator[ReadFile]:
    """The first so many letters; None is all."""
    for found in files:
        if left is None:
            yield found
            continue
        if left <= 0:
            return
        chosen = np.flatnonzero(found.meant)[:left]
        left -= len(chosen)
        meant = np.zeros_like(found.meant)
        meant[chosen] = True
        yield replace(found, meant=meant)


def units(files: Iterable[ReadFile], limits: UnitLimits, rereadable_us: int) -> Iterator[Unit]:
    """A rewind takes a whole redrive back, with all commits of the stream that its letters are of. So what a rewind may
    come to, which arrived at `rereadable_us` or later, shares no unit with what arrived in another hour."""
    held: list[ReadFile] = []
    hour = _OLD
    for found in files:
        mine = _hour(found, rereadable_us)
        if held and (mine != hour or _is_full(held, limits)):
            yield Unit(tuple(held))
            held = []
        held.append(found)
        hour = mine
    if held:
        yield Unit(tuple(held))


def _is_full(held: Iterable[ReadFile], limits: UnitLimits) -> bool:
    letters = sum(int(found.meant.sum()) for found in held)
    return letters >= limits.letters or sum(found.source.file.bytes for found in held) >= limits.bytes


def _hour(found: ReadFile, rereadable_us: int) -> int:
    latest_us: int = pc.max(found.letters["arrival_time"]).value
    return latest_us // _HOUR_US if latest_us >= rereadable_us else _OLD
