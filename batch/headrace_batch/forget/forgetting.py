"""Forgetting: files that hold a person are written anew without, and the log keeps the digest for good.

Theory of operation. The commit that names the replaced files also erases: the loader takes the rows out of staging in
one transaction, and whoever stages records once more, or mends letters, drops them. Where more files hold the person
than one commit can name, the commits follow each other, letters first; a command that dies is finished by the next.
What the raw zone holds stays until its retention ends, and the windows service's own state until its windows close.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from headrace_batch.committing import Draft, commit, new_attempt, settle, upload
from headrace_batch.followers import passed_by_loader
from headrace_batch.forget.finding import Find, Search
from headrace_batch.forget.forgotten import Person
from headrace_batch.place import Place
from headrace_batch.retention.expired import expired_files
from headrace_batch.retention.places import Kept
from headrace_batch.rewriting import rewritten
from headrace_consumers.commitlog.model import Commit, CommitKind, Counts, Replaced
from headrace_consumers.lake.objects import EncodedFile
from headrace_consumers.records import ROOT
from headrace_producers.errors import TerminalError

MAX_FILES = 1_000
"""Replaced by one commit, which names them in one item of the log."""


class Forgotten(msgspec.Struct, frozen=True, kw_only=True):
    """What left one table; in a dry run, what would."""

    table: str
    files: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgetting:
    """One person, once."""

    place: Place
    buckets: Kept
    person: Person
    reason: str
    progress: Callable[[str], None] = lambda _: None

    def planned(self, *, no_loader: bool) -> list[Forgotten]:
        """What would leave. Raises SettingsError."""
        return list(_told(self._search(no_loader=no_loader)[0]))

    def done(self, *, no_loader: bool) -> list[Forgotten]:
        """Again for a person that new events came of. Raises FencedError where another command was faster,
        SettingsError, and TerminalError where the loader has still to pass files of the person."""
        settle(self.place)
        position = self.place.chain.position()
        finds, waiting = self._search(no_loader=no_loader)
        if waiting:
            raise TerminalError(
                f"the loader has not passed commit {waiting[0].source.commit.attempt_id} yet, which brought rows of "
                "the person, and what it had not loaded would never be; run the command again once it has"
            )
        self._commit_all(position, finds)
        return list(_told(finds))

    def _search(self, *, no_loader: bool) -> tuple[list[Find], list[Find]]:
        """All finds, and those among them that the loader has not passed."""
        standing = self.place.standing()
        expired = list(expired_files(self.place, self.buckets))
        search = Search(self.place, standing, self.person, expired)
        finds = search.files(self.progress)
        is_passed = passed_by_loader(self.place, standing, no_loader=no_loader, also=search.windows_links)
        loaded = {self.person.table.name, *search.windows}
        unread = [one for one in finds if one.source.file.table in loaded and one.source not in expired]
        return finds, [one for one in unread if not is_passed(one.source)]

    def _commit_all(self, position: int, finds: Sequence[Find]) -> None:
        """Also where nothing was found: what comes of letters and raw records later is dropped all the same."""
        known = any(self.person.erasure in one.erases for one in self.place.chain.after(ROOT))
        parts = [finds[begin : begin + MAX_FILES] for begin in range(0, len(finds), MAX_FILES)]
        ours: set[str] = set()
        for number, part in enumerate(parts or ([] if known else [()]), start=1):
            ours.add(self._commit(position, part, ours).attempt_id)
            self.progress(f"commit {number} of {max(len(parts), 1)}: {len(part)} files written anew")

    def _commit(self, position: int, finds: Sequence[Find], ours: set[str]) -> Commit:
        attempt_id = new_attempt(self.place)
        replaced: list[Replaced] = []
        draft = Draft(
            attempt_id=attempt_id,
            kind=CommitKind.FORGET,
            files=upload(self.place, _written_anew(self.place, finds, attempt_id, replaced), attempt_id),
            counts=Counts(rows=sum(one.rows for one in finds)),
            replaces=tuple(replaced),
            erases=(self.person.erasure,),
            record=self.reason,
            contracts=(self.person.table.contract.type,),
        )
        return commit(self.place, draft, position, self._brings_nobody_back({one.key for one in replaced}, ours))

    def _brings_nobody_back(self, replaced: set[str], ours: set[str]) -> Callable[[Commit], bool]:
        """Whether another commit, which came since the lake was searched, has no file that the person could be in."""
        pipeline = self.place.pipeline
        tables = {self.person.table.name, pipeline.dead_letter_table, pipeline.late_table, pipeline.partials_table}

        def goes_with(other: Commit) -> bool:
            if other.attempt_id in ours:
                return True
            taken = {one.key for one in other.replaces} & replaced
            return not taken and not other.retires and not any(file.table in tables for file in other.files)

        return goes_with


def _told(finds: Sequence[Find]) -> Iterator[Forgotten]:
    for table in dict.fromkeys(one.source.file.table for one in finds):
        own = [one for one in finds if one.source.file.table == table]
        yield Forgotten(table=table, files=len(own), rows=sum(one.rows for one in own))


def _written_anew(
    place: Place, finds: Sequence[Find], attempt_id: str, replaced: list[Replaced]
) -> Iterator[EncodedFile]:
    for one in finds:
        new = rewritten(place, one.source, one.keep, attempt_id)
        replaced += new.replaces
        yield from new.files
