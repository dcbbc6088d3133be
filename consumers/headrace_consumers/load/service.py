"""The loader: follow -> wait until a load is due -> load.

Where it is stands in the warehouse, in the transaction that brought the rows. So a crash, a lost answer or a second
loader leaves nothing to repair: the next one reads the books and goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from headrace_consumers.commitlog.following import Lineage
from headrace_consumers.commitlog.log import CommitLog
from headrace_consumers.lake.objects import ObjectStore
from headrace_consumers.load.amendments import Keyed, amendments_of
from headrace_consumers.load.arriving import Arrivals
from headrace_consumers.load.intake import Intake
from headrace_consumers.load.ledger import Books, Entry, FileState
from headrace_consumers.load.loading import Loading, LoadOutcome
from headrace_consumers.load.maintenance import Maintenance
from headrace_consumers.load.passed import PASSED, encode
from headrace_consumers.load.tracing import Tracing
from headrace_consumers.load.waiting import LakeFile, TablePlace, Waiting
from headrace_consumers.load.withdrawing import Withdrawn
from headrace_consumers.warehouse.session import WarehouseSession


@dataclass(frozen=True, slots=True, kw_only=True)
class LoaderPlan:
    """What the loader is to do."""

    lineage: Lineage
    places: frozenset[TablePlace]
    keyed: Keyed = field(default_factory=dict)
    """Which windows tell a column's values once more: what is erased goes from there, too."""
    load_interval_s: float = 60.0
    """A load is due so long after the first commit that waits for it."""
    max_load_bytes: int = 1 << 30
    """Or with so much waiting."""
    max_load_files: int = 2_000
    """Or so many files, or commits."""
    held_retry_s: float = 60.0
    books_check_s: float = 300.0
    """So long after a load the books are looked at: what `release` let go would wait for new commits else."""
    maintenance: Maintenance = field(default_factory=Maintenance)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """What one step did, and how things stand after it."""

    followed: int = 0
    """Commits."""
    loaded: tuple[LakeFile, ...] = ()
    set_aside: tuple[Entry, ...] = ()
    withdrawn: Withdrawn = field(default_factory=Withdrawn)
    held: int = 0
    waiting_files: int = 0
    waiting_bytes: int = 0
    waiting_s: float = 0.0
    in_maintenance: bool = False
    more: bool = False
    """The next step has something to do already."""


class Loader:
    """One process of it, over one session. After an exception the object is of no use: start anew."""

    def __init__(
        self,
        plan: LoaderPlan,
        log: CommitLog,
        store: ObjectStore,
        session: WarehouseSession,
        loading: Loading,
        *,
        now_ms: Callable[[], int],
        pool: ThreadPoolExecutor | None = None,
    ) -> None:
        """Reads the books. Raises the warehouse's errors."""
        self._plan, self._log, self._session, self._loading, self._now_ms = plan, log, session, loading, now_ms
        self._arrivals = Arrivals(log, store, plan.lineage, plan.places, pool)
        self._begin(loading.ledger.read(session))
        self._retried_s = self._now_s()
        self._note_passed()

    def step(self) -> LoadReport:
        """Follows, and loads where that is due. Raises FencedError, LogError, and the warehouse's errors."""
        followed = self._intake.fill(self._now_s())
        in_maintenance = self._plan.maintenance.is_on(self._now_ms())
        outcome = LoadOutcome()
        if not in_maintenance:
            outcome = self._load() if self._is_due() else self._look_at_books()
        return LoadReport(
            followed=followed,
            loaded=outcome.loaded,
            set_aside=outcome.set_aside,
            withdrawn=outcome.withdrawn,
            held=len(self._held),
            waiting_files=len(self._waiting.files),
            waiting_bytes=self._waiting.bytes,
            waiting_s=self._waiting.age_s(self._now_s()),
            in_maintenance=in_maintenance,
            more=not in_maintenance and (self._is_full(self._waiting) or bool(outcome.loaded) or self._intake.more),
        )

    def _begin(self, books: Books) -> None:
        self._seq, self._looked_s = books.seq, self._now_s()
        self._passed = dict(books.positions)
        self._held: Mapping[str, Entry] = {entry.file.url: entry for entry in books.held}
        self._quarantined: Mapping[str, Entry] = {entry.file.url: entry for entry in books.quarantined}
        self._waiting = Waiting(self._plan.places)
        self._intake = Intake(
            self._log, self._plan.lineage, self._arrivals, self._waiting, dict(books.positions), self._is_full
        )

    # --- loading

    def _is_full(self, waiting: Waiting) -> bool:
        plan = self._plan
        number = max(len(waiting.files), waiting.commits)
        return waiting.bytes >= plan.max_load_bytes or number >= plan.max_load_files

    def _is_due(self) -> bool:
        now_s = self._now_s()
        waited = self._waiting.since_s is not None and self._waiting.age_s(now_s) >= self._plan.load_interval_s
        return waited or self._is_full(self._waiting) or self._retries_held(now_s)

    def _retries_held(self, now_s: float) -> bool:
        return bool(self._held) and now_s - self._retried_s >= self._plan.held_retry_s

    def _load(self) -> LoadOutcome:
        held = self._due_again() if self._retries_held(self._now_s()) else {}
        again, looks = self._intake.once_more([entry.file for entry in held.values()])
        exchanges = self._tracing.exchanges(self._session, self._waiting.batch, again)
        outcome = self._loading.load(
            self._session, self._seq, [*self._waiting.files, *again], self._waiting.positions,
            held=held, looks={**self._intake.looks, **looks},
            amendments=amendments_of(self._waiting.batch, exchanges, self._plan.places, self._plan.keyed),
        )  # fmt: skip
        self._seq, self._looked_s = self._seq + 1, self._now_s()
        self._remember(outcome, held)
        self._intake.clear()
        self._note_passed()
        return outcome

    def _remember(self, outcome: LoadOutcome, tried: Mapping[str, Entry]) -> None:
        """As the books have it now. Whoever else changes them takes the head, and we start over."""
        given_up = {entry.file.url for entry in outcome.set_aside if entry.state is not FileState.HELD}
        untried = {url: entry for url, entry in self._held.items() if url not in {*tried, *given_up}}
        self._held = self._standing(untried | {entry.file.url: entry for entry in outcome.held}, outcome)
        bad = {entry.file.url: entry for entry in outcome.set_aside if entry.state is FileState.QUARANTINED}
        self._quarantined = self._standing({**self._quarantined, **bad}, outcome)
        self._passed |= self._waiting.positions
        if tried and not (untried and tried.keys() & {file.url for file in outcome.loaded}):
            self._retried_s = self._now_s()

    def _standing(self, entries: Mapping[str, Entry], outcome: LoadOutcome) -> Mapping[str, Entry]:
        retired = self._intake.retired
        return {
            url: entry
            for url, entry in entries.items()
            if entry.file.commit_id not in retired and url not in outcome.exchanged
        }

    @property
    def _tracing(self) -> Tracing:
        intake = self._intake
        return Tracing(self._arrivals, self._loading.ledger, intake.is_gone, intake.retired)

    def _note_passed(self) -> None:
        """For those who may touch only what is loaded. One that was forgotten says less, and the next makes it good."""
        note = encode(self._passed, {*self._held, *self._quarantined})
        if note is not None:
            self._log.mark(self._plan.lineage.pipeline, PASSED, note)

    def _look_at_books(self) -> LoadOutcome:
        """Now and then, where there is nothing to load."""
        if self._now_s() - self._looked_s >= self._plan.books_check_s:
            self._loading.ledger.require_head(self._session, self._seq)
            self._looked_s = self._now_s()
        return LoadOutcome()

    def _due_again(self) -> dict[str, Entry]:
        """Of what is held the files that were tried the longest ago, as many as go into a load."""
        found: dict[str, Entry] = {}
        size_bytes = 0
        for url, entry in self._held.items():
            size_bytes += entry.file.bytes
            if found and (len(found) >= self._plan.max_load_files or size_bytes > self._plan.max_load_bytes):
                break
            found[url] = entry
        return found

    def _now_s(self) -> float:
        return self._now_ms() / 1000
