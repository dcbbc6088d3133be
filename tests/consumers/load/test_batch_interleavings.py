"""Stream commits, batch commits that take others out, and loaders that die: in any order, the same rows in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

import pyarrow as pa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from headrace_consumers.commitlog.model import CommitKind
from headrace_consumers.errors import FencedError, WarehouseAwayError
from headrace_consumers.load.service import Loader
from tests.consumers.load.batches import Batch, Cargo, erasure
from tests.consumers.load.harbour import Harbour, settle
from tests.consumers.load.quay import ROWS, Quay, commit_of
from tests.consumers.load.stepped import Stepped
from tests.consumers.load.test_batch_commits import brought, fork, passed
from tests.fakes.steps import Crash

STATIONS = ("Hull", "Deal", "Ryde")


@dataclass
class Port:
    """A quay on which things happen, and what must stand in the warehouse by the log alone."""

    quay: Quay
    batch: Batch
    standing: dict[str, pa.Table] = field(default_factory=dict)
    """Commits that nobody retired, with their rows."""
    replaceable: dict[str, str] = field(default_factory=dict)
    """URLs of their files to their commits."""
    mixed: dict[str, set[str]] = field(default_factory=dict)
    """URLs of compacted files, and whose rows they have."""
    forgotten: set[str] = field(default_factory=set)
    loader: Loader | None = None

    # --- what happens

    def stream(self, stations: list[str]) -> None:
        rows = self.quay.rows(station=stations)
        [url] = self.quay.commit(("gauges", rows))
        self._stands(commit_of(url), rows, url)

    def land(self, stations: list[str]) -> None:
        rows = self.quay.rows(station=stations)
        commit_id = self.batch.commit(CommitKind.LANDING, ("gauges", rows))
        self._stands(commit_id, rows, self.batch.urls(commit_id)[0])

    def backfill(self, chosen: list[str], *, settled: bool) -> None:
        """Stages them once more: one row each is a letter now."""
        rows = pa.concat_tables(self.standing[name].slice(1) for name in chosen)
        new = self._commit(CommitKind.BACKFILL, chosen, [("gauges", rows)], settled=settled)
        self._stands(new, rows, self.batch.urls(new)[0])

    def rewind(self, chosen: list[str], *, settled: bool) -> None:
        fork(self.quay, self.quay.position)
        self._commit(CommitKind.REWIND, chosen, [], settled=settled)

    def _commit(self, kind: CommitKind, retires: list[str], files: list[Cargo], *, settled: bool) -> str:
        """Compacted files lose the rows of what is retired."""
        for name in retires:
            del self.standing[name]
        self.replaceable = {url: name for url, name in self.replaceable.items() if name not in retires}
        touched = [url for url, names in self.mixed.items() if names & set(retires)]
        left = {name for url in touched for name in self.mixed.pop(url)} - set(retires)
        rewritten = [("gauges", self._merged(sorted(left)))] if left else []
        new = self.batch.commit(
            kind, *files, retires=retires, replaces=touched, rewritten=rewritten, settled=settled
        )  # fmt: skip
        if left:
            self.mixed[self.batch.urls(new)[-1]] = left
        return new

    def compact(self) -> None:
        """What the loader says is behind it."""
        loaded = {name for (name,) in self.quay.ask("SELECT DISTINCT commit_id FROM gauges")}
        taken = {url: name for url, name in self.replaceable.items() if name in loaded}
        if len(taken) < 2 or not passed(self.quay).chains:
            return
        new = self.batch.commit(
            CommitKind.COMPACTION, replaces=taken, rewritten=[("gauges", self._merged(taken.values()))]
        )
        for url in taken:
            del self.replaceable[url]
        self.mixed[self.batch.urls(new)[0]] = set(taken.values())

    def forget(self, station: str) -> None:
        self.batch.commit(CommitKind.FORGET, erases=[erasure(self.quay, "station", station)])
        self.forgotten.add(station)

    def load(self, at: int | None, *, answer_lost: bool) -> None:
        """One that dies at this statement, or goes on."""
        if at is None:
            self._step()
            return
        self.loader = None
        fault: BaseException = WarehouseAwayError("lost") if answer_lost else Crash("dies")
        with suppress(Crash, WarehouseAwayError):
            settle(self.quay.loader(Stepped(self.quay.harbour.session(), at, fault)))
        self.quay.harbour.close()

    def _step(self) -> None:
        """One that another may have overtaken by now."""
        self.loader = self.loader or self.quay.loader(max_load_files=3)
        try:
            self.loader.step()
        except FencedError:
            self.loader = None

    # --- what must be there

    @property
    def wanted(self) -> Counter[str]:
        kept = [self._kept(rows) for rows in self.standing.values()]
        return Counter(event_id for rows in kept for event_id in rows.column("event_id").to_pylist())

    def _kept(self, rows: pa.Table) -> pa.Table:
        kept = [station not in self.forgotten for station in rows.column("station").to_pylist()]
        return rows.filter(pa.array(kept, pa.bool_()))

    def _merged(self, names: Iterable[str]) -> pa.Table:
        return pa.concat_tables(brought(name, self._kept(self.standing[name])) for name in names)

    def _stands(self, commit_id: str, rows: pa.Table, url: str) -> None:
        self.standing[commit_id], self.replaceable[url] = rows, commit_id


@st.composite
def happenings(draw: st.DrawFn) -> list[str]:
    kinds = ["stream", "stream", "land", "backfill", "rewind", "compact", "forget", "step", "step", "death"]
    return draw(st.lists(st.sampled_from(kinds), min_size=6, max_size=20))


@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(kinds=happenings(), data=st.data())
def test_exactly_the_rows_of_standing_commits(quays: Harbour, kinds: list[str], data: st.DataObject) -> None:
    """Whatever is met before or after it was retired, loaded, compacted or forgotten, wherever a loader died."""
    quay = Quay(quays)
    port = Port(quay, Batch(quay))
    for kind in kinds:
        happen(port, kind, data)
    quay.load()
    assert quay.ids() == port.wanted
    assert quay.findings() == ()
    assert passed(quay).unloaded == ()
    assert not quay.manifests()


def happen(port: Port, kind: str, data: st.DataObject) -> None:
    stations = st.lists(st.sampled_from(STATIONS), min_size=ROWS, max_size=ROWS)
    match kind:
        case "stream":
            port.stream(data.draw(stations))
        case "land":
            port.land(data.draw(stations))
        case "backfill" | "rewind" if port.standing:
            chosen = data.draw(st.lists(st.sampled_from(sorted(port.standing)), min_size=1, max_size=3, unique=True))
            act = port.backfill if kind == "backfill" else port.rewind
            act(chosen, settled=data.draw(st.booleans()))
        case "compact":
            port.compact()
        case "forget":
            port.forget(data.draw(st.sampled_from(STATIONS)))
        case "step":
            port.load(None, answer_lost=False)
        case "death":
            port.load(data.draw(st.integers(0, 60)), answer_lost=data.draw(st.booleans()))
