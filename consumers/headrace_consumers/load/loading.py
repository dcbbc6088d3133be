"""One load: files that fit go into their tables by one COPY each, together with the books, in one transaction.

Theory of operation. Everything before the transaction only looks. In it, the head is taken first, so that no other
loader can be in its own; the ledger is read again; then rows and books change together. Whatever fails rolls all of it
back, and nothing is remembered that the warehouse does not have. Where a COPY fails, its files are tried apart from
each other: a file is quarantined only where others of its table load without it and its own bytes are to blame; all
else is held, and tried again. What failed by itself is tried apart before the transaction, so that it spoils no other's
load twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from headrace_consumers.commitlog.model import Chain
from headrace_consumers.errors import FencedError, WarehouseStatementError
from headrace_consumers.lake.objects import ObjectStore
from headrace_consumers.load.amendments import NOTHING_AMENDED, Amendments
from headrace_consumers.load.copying import Copier, CopyFailedError, CopyGroup
from headrace_consumers.load.exchanging import Exchanging
from headrace_consumers.load.fitting import Fitting
from headrace_consumers.load.ledger import IN_THE_TABLE, Entry, FileState, Ledger, quarantined
from headrace_consumers.load.preflight import Look
from headrace_consumers.load.sifting import Budget, Sifted, is_of_the_file, sift
from headrace_consumers.load.waiting import ChainPosition, LakeFile
from headrace_consumers.load.withdrawing import Withdrawing, Withdrawn
from headrace_consumers.warehouse.session import WarehouseSession

_TRIALS = 64
"""Of one load: some bad files among thousands are found by far fewer."""
_SUSPECT_TRIALS = 8
_RULE = re.compile("-{5,}")
_NOTHING_HELD: Mapping[str, Entry] = {}


@dataclass(frozen=True, slots=True)
class LoadOutcome:
    """What one load changed."""

    loaded: tuple[LakeFile, ...] = ()
    set_aside: tuple[Entry, ...] = ()
    """Held and quarantined, with reasons; held ones of which the same was said before are not among them."""
    held: tuple[Entry, ...] = ()
    """All that stay held."""
    withdrawn: Withdrawn = field(default_factory=Withdrawn)
    exchanged: frozenset[str] = frozenset()
    """URLs of files that wait no more: their rows came with another, or were there."""


@dataclass(slots=True)
class Loading:
    """Loads what it is given. Every call blocks on the network."""

    ledger: Ledger
    store: ObjectStore
    role: str
    now_ms: Callable[[], int]
    new_id: Callable[[int], str]
    _fitting: Fitting = field(init=False)
    _withdrawing: Withdrawing = field(init=False)
    _exchanging: Exchanging = field(init=False)
    _copier: Copier = field(init=False)
    _suspects: dict[str, bool] = field(default_factory=dict)
    """URLs of held files whose COPY failed without others, the one tried last at the end; and whether others of the
    table have loaded since."""

    def __post_init__(self) -> None:
        schema, pipeline = self.ledger.schema, self.ledger.lineage.pipeline
        self._fitting = Fitting(schema)
        self._withdrawing = Withdrawing(self.ledger)
        self._exchanging = Exchanging(self.ledger)
        self._copier = Copier(schema, pipeline, self.store, self.role, lambda: self.new_id(self.now_ms()))

    def load(
        self,
        session: WarehouseSession,
        seq: int,
        files: Sequence[LakeFile],
        moved: Mapping[Chain, ChainPosition],
        *,
        looks: Mapping[str, Look],
        held: Mapping[str, Entry] = _NOTHING_HELD,
        amendments: Amendments = NOTHING_AMENDED,
    ) -> LoadOutcome:
        """Loads what fits, says what became of the rest, and moves the positions. Raises FencedError where another
        loader is ahead, TransientError where the warehouse is away. `held` is what the ledger says of those files that
        are tried again; `looks` has what each file says of itself, by URL. `amendments` are those of batch: what they
        take out goes in the same transaction, and rewritten files come as they say."""
        fresh = self._to_load(session, files, amendments)
        fitting, set_aside = self._fitting.fitted(session, fresh, looks)
        groups = self._tried_apart(session, fitting, set_aside)
        budget = Budget(_TRIALS)
        while True:
            try:
                outcome = self._transact(session, seq, groups, set_aside, amendments, moved=moved, held=held)
            except CopyFailedError as failed:
                groups = self._sifted(session, groups, failed, budget, set_aside)
            else:
                self._remember(outcome)
                return outcome

    def _to_load(self, session: WarehouseSession, files: Sequence[LakeFile], amendments: Amendments) -> list[LakeFile]:
        known = self.ledger.known(session, files)
        lacking = {file.url for one in amendments.exchanges for file in one.lacking}
        copied = {one.replacement.new.url for one in amendments.exchanges if one.is_copied and one.replacement.new}

        def is_loaded(file: LakeFile) -> bool:
            if file.rewritten:
                return file.url in copied
            is_open = known.get(file.url, FileState.HELD) is FileState.HELD
            return is_open and file.commit_id not in amendments.retired and file.url not in lacking

        return [file for file in {file.url: file for file in files}.values() if is_loaded(file)]

    # --- the transaction

    def _transact(
        self,
        session: WarehouseSession,
        seq: int,
        groups: Sequence[CopyGroup],
        set_aside: Sequence[Entry],
        amendments: Amendments,
        *,
        moved: Mapping[Chain, ChainPosition],
        held: Mapping[str, Entry],
    ) -> LoadOutcome:
        now_ms = self.now_ms()
        loaded = [file for group in groups for file in group.files]
        news = [entry for entry in set_aside if not entry.says_as(held.get(entry.file.url))]
        entries = [*(Entry(file, FileState.LOADED) for file in loaded), *news]
        session.begin()
        try:
            self.ledger.take_head(session, seq)
            known = self._known(session, entries)
            self._exchanging.require_lacking(session, amendments.exchanges)
            retired = self._withdrawing.retire(session, amendments, seq + 1, now_ms)
            self._copier.copy(session, groups, self.new_id(now_ms))
            self.ledger.record(session, entries, seq + 1, now_ms, known)
            urls = {file.url for file in loaded}
            exchanged = self._exchanging.record(session, amendments.exchanges, urls, seq + 1, now_ms)
            tables = {group.table for group in groups}
            erased = self._withdrawing.erase(session, amendments.erases, tables, seq + 1, now_ms)
            self._exchanging.count(session, exchanged, seq + 1, now_ms)
            self.ledger.save_positions(session, moved)
            session.commit()
        except BaseException:
            session.rollback()
            raise
        news += [entry for entry in exchanged if entry.state is FileState.QUARANTINED]
        still = [entry for entry in set_aside if entry.state is FileState.HELD]
        done = frozenset(entry.file.url for entry in exchanged if entry.state in IN_THE_TABLE)
        return LoadOutcome(tuple(loaded), tuple(news), tuple(still), Withdrawn(retired, erased), done)

    def _known(self, session: WarehouseSession, entries: Sequence[Entry]) -> Collection[str]:
        """What the ledger has of them. The head was ours, so nobody has changed it since it was read; nobody but a
        hand: what is held may be recorded anew, and nothing else."""
        known = self.ledger.known(session, [entry.file for entry in entries])
        urls = {entry.file.url for entry in entries if not entry.file.rewritten}
        if done := {url for url, state in known.items() if state is not FileState.HELD} & urls:
            raise FencedError(f"the ledger has {min(done)} by now: someone else loads this pipeline; starting over")
        return known.keys()

    def _remember(self, outcome: LoadOutcome) -> None:
        tables = {file.table for file in outcome.loaded}
        for file in (
            *outcome.loaded,
            *(entry.file for entry in outcome.set_aside if entry.state is not FileState.HELD),
        ):
            self._suspects.pop(file.url, None)
        for entry in outcome.held:
            if entry.file.url in self._suspects and entry.file.table in tables:
                self._suspects[entry.file.url] = True

    # --- around a COPY that fails

    def _tried_apart(
        self, session: WarehouseSession, groups: Sequence[CopyGroup], set_aside: list[Entry]
    ) -> list[CopyGroup]:
        """The groups without suspects, and with those suspects that load by now."""
        budget = Budget(_SUSPECT_TRIALS)
        order = {url: place for place, url in enumerate(self._suspects)}
        kept: list[CopyGroup] = []
        for group in groups:
            suspects = sorted((file for file in group.files if file.url in order), key=lambda file: order[file.url])
            kept.append(group.of(file for file in group.files if file.url not in order))
            if suspects:
                kept += self._acquitted(session, group.of(suspects), budget, set_aside)
        return [group for group in kept if group.files]

    def _acquitted(
        self, session: WarehouseSession, suspects: CopyGroup, budget: Budget, set_aside: list[Entry]
    ) -> list[CopyGroup]:
        error = self._copier.trial(session, suspects)
        if error is None:
            return [suspects]
        found = self._sift(session, suspects, error, budget)
        set_aside += self._entries(suspects, error, found)
        return [suspects.of(part) for part in found.good]

    def _sifted(
        self,
        session: WarehouseSession,
        groups: Sequence[CopyGroup],
        failed: CopyFailedError,
        budget: Budget,
        set_aside: list[Entry],
    ) -> list[CopyGroup]:
        """What is left to load. A group of which all parts load goes on in parts: it may be too much for one COPY."""
        group = failed.group
        found = self._sift(session, group, failed.error, budget)
        set_aside += self._entries(group, failed.error, found)
        whole = [tuple(file for part in found.good for file in part)]
        parts = whole if found.bad or found.unknown else found.good
        left = [group.of(part) for part in parts if part]
        return [after for before in groups for after in (left if before == group else [before])]

    def _sift(
        self, session: WarehouseSession, group: CopyGroup, error: WarehouseStatementError, budget: Budget
    ) -> Sifted:
        return sift(group.files, error, lambda files: self._copier.trial(session, group.of(files)), budget)

    def _entries(self, group: CopyGroup, error: WarehouseStatementError, found: Sifted) -> Iterable[Entry]:
        """Of what does not load."""
        others_load = bool(found.good)
        for file, why in found.bad:
            condemned = is_of_the_file(why) and (others_load or self._suspects.pop(file.url, False))
            if not condemned:
                self._suspects.pop(file.url, None)
                self._suspects[file.url] = False
            sentence = self._sentence(group, file, why)
            yield quarantined(file, sentence) if condemned else Entry(file, FileState.HELD, sentence)
        for file in found.unknown:
            yield Entry(file, FileState.HELD, self._sentence(group, file, error))

    def _sentence(self, group: CopyGroup, file: LakeFile, error: WarehouseStatementError) -> str:
        return f"COPY of {file.url} into {self.ledger.schema}.{group.table}: {_in_a_line(str(error))}"


def _in_a_line(said: str) -> str:
    """Without the rules that Redshift draws around details."""
    return " ".join(_RULE.sub(" ", said).split())
