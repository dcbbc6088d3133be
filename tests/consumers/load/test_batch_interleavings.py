"""Stream commits, batch commits that take others out, and loaders that die: in any order, the same rows in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

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
from tests.consumers.load.test_batch_commits import ask_ledger, brought, fork, passed
from tests.fakes.steps import Crash

STATIONS = ("Hull", "Deal", "Ryde")


@dataclass
class Port:
    """A quay on which things happen, and what must stand in the warehouse by the log alone."""

    quay: Quay
    batch: Batch
    standing: dict[str, pa.Table] = field(default_factory=dict)
    """Commits that nobody retired, with their rows."""
    files: dict[str, set[str]] = field(default_factory=dict)
    """URLs of the lake's files, and whose rows they have."""
    rewritten: set[str] = field(default_factory=set)
    """Those of several commits, and those of which rows were taken."""
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
        """Rewritten files lose the rows of what is retired."""
        for name in retires:
            del self.standing[name]
        touched = {url for url in self.rewritten if self.files[url] & set(retires)}
        for url, names in list(self.files.items()):
            if url not in self.rewritten and names <= set(retires):
                del self.files[url]
        return self._carve(kind, touched, files, retires=retires, settled=settled)

    def _carve(self, kind: CommitKind, touched: set[str], files: list[Cargo], **more: Any) -> str:
        """One file each, of the rows that are left."""
        left = {url: self.files.pop(url) & self.standing.keys() for url in sorted(touched)}
        self.rewritten -= touched
        carved = {url: ("gauges", self._merged(sorted(names))) for url, names in left.items()}
        new = self.batch.commit(kind, *files, carved=carved, **more)
        rests = [names for url, names in left.items() if carved[url][1].num_rows]
        for url, names in zip(self.batch.urls(new)[len(files) :], rests, strict=True):
            self._is_rewritten(url, names)
        return new

    def _is_rewritten(self, url: str, names: set[str]) -> None:
        self.files[url] = names
        self.rewritten.add(url)

    def compact(self) -> None:
        """What the loader has behind it."""
        taken = [url for url in self.loaded if url in self.files]
        names = {name for url in taken for name in self.files[url]}
        rows = self._merged(sorted(names))
        if len(taken) < 2 or not rows.num_rows:
            return
        for url in taken:
            del self.files[url]
        self.rewritten -= set(taken)
        new = self.batch.commit(CommitKind.COMPACTION, replaces=taken, rewritten=[("gauges", rows)])
        self._is_rewritten(self.batch.urls(new)[0], names)

    def forget(self, station: str) -> None:
        """From all files, where the loader has passed them; else only from what it loads."""
        self.forgotten.add(station)
        having = {url for url, names in self.files.items() if any(self._has(name, station) for name in names)}
        touched = having if having <= set(self.loaded) else set()
        self._carve(CommitKind.FORGET, touched, [], erases=[erasure(self.quay, "station", station)])

    def _has(self, name: str, station: str) -> bool:
        return station in self.standing[name].column("station").to_pylist()

    @property
    def loaded(self) -> list[str]:
        """URLs, by the books."""
        return [url for (url,) in ask_ledger(self.quay, "file_key", "state = 'loaded' ORDER BY file_key")]

    def empty(self) -> None:
        """The warehouse is lost; the next loader fills another one."""
        self.loader = None
        self.quay.empty()

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
        rows = [brought(name, self._kept(self.standing[name])) for name in names]
        return pa.concat_tables([self.quay.schema().empty_table(), *rows])

    def _stands(self, commit_id: str, rows: pa.Table, url: str) -> None:
        self.standing[commit_id], self.files[url] = rows, {commit_id}


@st.composite
def happenings(draw: st.DrawFn) -> list[str]:
    kinds = ["stream", "stream", "land", "backfill", "rewind", "compact", "forget", "step", "step", "death", "empty"]
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
    for _ in ("the one that was there", "one that begins anew"):
        quay.load()
        assert quay.ids() == port.wanted
        assert quay.findings() == ()
        assert passed(quay).unloaded == ()
        assert not quay.manifests()
        quay.empty()


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
        case "empty":
            port.empty()
        case "death":
            port.load(data.draw(st.integers(0, 60)), answer_lost=data.draw(st.booleans()))
