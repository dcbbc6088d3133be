"""Which rewritten files bring rows: those that stand for files of which the warehouse has none.

A rewritten file stands for what it replaced, and so for what that had stood for, down to the files that first brought
the rows. As a rule these are loaded long before, and it brings nothing. Where a warehouse is filled from nothing they
are of the lake no more, and the last file that stands for them is loaded in their stead.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from headrace_consumers.commitlog.model import Commit
from headrace_consumers.load.amendments import Exchange, Replacement, replacements_of
from headrace_consumers.load.arriving import Arrivals
from headrace_consumers.load.ledger import IN_THE_TABLE, Booked, FileState, Ledger
from headrace_consumers.load.waiting import IsGone, LakeFile, lake_files
from headrace_consumers.warehouse.session import WarehouseSession

_NOTHING = Booked(None, 0)


@dataclass(frozen=True, slots=True)
class Tracing:
    """Blocks on the log and the warehouse."""

    arrivals: Arrivals
    ledger: Ledger
    is_gone: IsGone
    retired: Collection[str]
    """By commits that the ledger does not know of yet."""

    def exchanges(
        self, session: WarehouseSession, commits: Iterable[Commit], again: Sequence[LakeFile]
    ) -> list[Exchange]:
        """Of batch commits that the warehouse has not passed, and of files that are tried again."""
        places = self.arrivals.places
        found = [one for commit in commits for one in replacements_of(commit, places)]
        urls = {file.url for file in again if file.rewritten}
        tried = self.arrivals.commits({file.commit_id for file in again if file.rewritten})
        held = [one for commit in tried for one in replacements_of(commit, places) if one.new and one.new.url in urls]
        trace = _Trace(self, session)
        trace.follow([file for one in (*found, *held) for file in one.gone])
        return [self._judged(one, trace) for one in (*found, *held)]

    def _judged(self, one: Replacement, trace: _Trace) -> Exchange:
        if one.new is not None and self.is_gone(one.new):
            return Exchange(one, is_passed=True)
        between: list[LakeFile] = []
        first = list(trace.first_files(one.gone, between))
        lacking = tuple(file for file in first if trace.state(file) not in IN_THE_TABLE)
        mixed = len(lacking) < len(first) and one.new is not None
        return Exchange(
            one,
            lacking=lacking,
            between=tuple(file for file in between if trace.state(file) in _SET_ASIDE),
            is_copied=bool(lacking) and one.new is not None and not mixed,
            is_told=bool(lacking) and (mixed or not one.is_clear),
        )


_SET_ASIDE = (FileState.HELD, FileState.QUARANTINED)


@dataclass(slots=True)
class _Trace:
    """Mutable: replaced files, with what they had replaced before."""

    of: Tracing
    session: WarehouseSession
    booked: dict[str, Booked] = field(default_factory=dict)
    before: dict[str, tuple[LakeFile, ...]] = field(default_factory=dict)
    """By the URL of a rewritten file."""
    whole: dict[str, LakeFile] = field(default_factory=dict)
    """As their commits have them, as far as these were looked at."""

    def state(self, file: LakeFile) -> FileState | None:
        return self.booked.get(file.url, _NOTHING).state

    def follow(self, files: Sequence[LakeFile]) -> None:
        """Level by level, down to the files that came first."""
        while files:
            self.booked |= self.of.ledger.booked(self.session, files)
            unclear = {file.commit_id for file in files if not self._came_first(file)}
            for commit in self.of.arrivals.commits(unclear):
                self._add(commit)
            below = (older for file in files for older in self.before.get(file.url, ()))
            files = list({file.url: file for file in below if file.url not in self.booked}.values())
            self.booked |= {file.url: _NOTHING for file in files}

    def _came_first(self, file: LakeFile) -> bool:
        """The books tell it of files that brought rows: no rewritten one is said to have brought any."""
        found = self.booked.get(file.url, _NOTHING)
        return found.state in (*IN_THE_TABLE, FileState.RETIRED) and found.rows > 0

    def _add(self, commit: Commit) -> None:
        places = self.of.arrivals.places
        self.whole |= {file.url: file for file in lake_files(commit, places)}
        for one in replacements_of(commit, places):
            if one.new is not None:
                self.before[one.new.url] = one.gone

    def first_files(self, files: Iterable[LakeFile], between: list[LakeFile]) -> Iterator[LakeFile]:
        """Those of commits that count; and in `between` what stood for them."""
        left = list(files)
        while left:
            file = left.pop()
            if file.url in self.before:
                between.append(self.whole[file.url])
                left += self.before[file.url]
            elif file.commit_id not in self.of.retired and self.state(file) is not FileState.RETIRED:
                yield self.whole.get(file.url, file)
