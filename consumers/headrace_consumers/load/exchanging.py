"""Files in the place of others, in the books. Parts of a load's transaction, once the head is taken.

Where a rewritten file brings rows, the books have these by the files that came first, as if each had been loaded and
then replaced: a commit that is met later is known, and its rows are counted with it. Rows that were taken out before,
such as a forgotten person's, are booked as erased.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from headrace_consumers.errors import FencedError
from headrace_consumers.load.amendments import Exchange
from headrace_consumers.load.counting import rows_by_commit
from headrace_consumers.load.ledger import IN_THE_TABLE, Entry, FileState, Ledger, never_loaded, waits_for
from headrace_consumers.load.waiting import LakeFile, by_table
from headrace_consumers.warehouse.session import WarehouseSession


@dataclass(frozen=True, slots=True)
class Exchanging:
    """Every call blocks on the warehouse. `seq` is the head's, once taken."""

    ledger: Ledger

    def require_lacking(self, session: WarehouseSession, exchanges: Iterable[Exchange]) -> None:
        """Raises FencedError where the books have rows by now that a file would bring once more."""
        files = [file for one in exchanges for file in one.lacking]
        known = self.ledger.known(session, files)
        if done := [file.url for file in files if known.get(file.url) in IN_THE_TABLE]:
            raise FencedError(f"the ledger has {min(done)} by now: someone else loads this pipeline; starting over")

    def record(
        self, session: WarehouseSession, exchanges: Sequence[Exchange], loaded: Collection[str], seq: int, now_ms: int
    ) -> list[Entry]:
        """Once this load's files are recorded, of which `loaded` are in: what became of all the others."""
        wanted = {entry.file.url: entry for one in exchanges for entry in _entries(one, loaded)}
        known = self.ledger.known(session, [entry.file for entry in wanted.values()])
        entries = [entry for url, entry in wanted.items() if _is_news(entry, known.get(url))]
        self.ledger.record(session, entries, seq, now_ms, known.keys())
        self.ledger.mark_replaced(session, [file.url for one in exchanges for file in one.replacement.gone])
        return entries

    def count(self, session: WarehouseSession, entries: Iterable[Entry], seq: int, now_ms: int) -> None:
        """Holds the rows of files that were replaced and not loaded by themselves against their tables, once all of
        this load is in and out."""
        first = (entry.file for entry in entries if entry.state is FileState.REPLACED and not entry.file.rewritten)
        for table, files in by_table(first).items():
            self._count(session, table, files, seq, now_ms)

    def _count(self, session: WarehouseSession, table: str, files: Sequence[LakeFile], seq: int, now_ms: int) -> None:
        commit_ids = sorted({file.commit_id for file in files})
        held = rows_by_commit(session, self.ledger.schema, table, commit_ids)
        if held is None:
            return
        booked = self.ledger.rows_booked(session, commit_ids)
        lost = {commit_id: booked[commit_id, table] - held[commit_id] for commit_id in commit_ids}
        erased = [(commit_id, table, number) for commit_id, number in lost.items() if number > 0]
        self.ledger.record_commits(session, erased, FileState.ERASED, seq, now_ms)
        uncounted = {file.commit_id: file for file in files if not file.rows and lost[file.commit_id] < 0}
        found = [
            Entry(replace(file, rows=-lost[commit_id]), FileState.REPLACED) for commit_id, file in uncounted.items()
        ]
        self.ledger.record(session, found, seq, now_ms, {entry.file.url for entry in found})


def _entries(one: Exchange, loaded: Collection[str]) -> Iterator[Entry]:
    by, new = one.replacement.by, one.replacement.new
    if one.is_passed:
        return
    if new is not None and not one.is_copied:
        yield Entry(new, FileState.LOADED)
    for file in one.between:
        yield Entry(file, FileState.REPLACED)
    for file in one.lacking:
        if one.is_told:
            yield never_loaded(file, by)
        elif new is None or new.url in loaded:
            yield Entry(file, FileState.REPLACED)
        else:
            yield waits_for(file, new)


def _is_news(entry: Entry, known: FileState | None) -> bool:
    """A new file that is known keeps what is said of it, unless it had to wait; so does one that waits still."""
    if entry.state is FileState.LOADED:
        return known in (None, FileState.HELD, FileState.QUARANTINED)
    return entry.state is FileState.REPLACED or known is not FileState.QUARANTINED
