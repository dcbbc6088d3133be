"""`headrace-consumers release`: quarantined files are held again, so that the loader tries them once more."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from headrace_consumers.load.ledger import Entry, FileState, Ledger
from headrace_consumers.warehouse.session import WarehouseSession
from headrace_producers.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Releaser:
    """Blocks on the warehouse. Safe beside a loader: it takes the head, so one that is in a load starts over."""

    ledger: Ledger
    session: WarehouseSession
    now_ms: Callable[[], int]

    def release(self, urls: Collection[str]) -> tuple[Entry, ...]:
        """Those that are released, as they were; all quarantined ones where none are named. Raises SettingsError
        where one that is named is not in quarantine, FencedError where a loader was faster."""
        seq = self.ledger.head(self.session)
        found = tuple(self.ledger.entries(self.session, FileState.QUARANTINED))
        chosen = tuple(entry for entry in found if entry.file.url in urls) if urls else found
        if unknown := sorted(set(urls) - {entry.file.url for entry in chosen}):
            raise SettingsError(
                f"not in quarantine: {', '.join(unknown)}; `headrace-consumers reconcile` tells what is"
            )
        if chosen:
            self._release(seq, chosen)
        return chosen

    def _release(self, seq: int, chosen: Collection[Entry]) -> None:
        held = [Entry(entry.file, FileState.HELD, f"released; was: {entry.reason}") for entry in chosen]
        self.session.begin()
        try:
            self.ledger.take_head(self.session, seq)
            self.ledger.record(self.session, held, seq + 1, self.now_ms(), {entry.file.url for entry in held})
            self.session.commit()
        except BaseException:
            self.session.rollback()
            raise
