"""What goes on in a warehouse while models are built: a loader that loads, and somebody who reads a mart."""

from __future__ import annotations

import random
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from headrace_consumers.load.waiting import LakeFile
from headrace_consumers.warehouse.session import WarehouseSession
from tests.sql.stories import PLANES, hour, rotation, tombstone
from tests.sql.world import PATIENCE_S, World, at

BEGIN = at("2015-01-01T00:00")
_PAUSE_S = 0.25
_GLANCE_S = 0.005
_MOST_WAITING = 12


@dataclass
class Running(ABC):
    """A thread with a connection of its own."""

    world: World
    stopped: threading.Event = field(default_factory=threading.Event)
    fault: BaseException | None = None

    @abstractmethod
    def step(self, session: WarehouseSession) -> None: ...

    def finish(self, session: WarehouseSession) -> None:  # noqa: B027 -- most leave nothing undone
        """Once it is stopped."""

    @contextmanager
    def beside(self) -> Iterator[None]:
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield
        finally:
            self.stopped.set()
            thread.join(PATIENCE_S)
        assert self.fault is None, self.fault
        assert not thread.is_alive()

    def _run(self) -> None:
        try:
            with self.world.session() as session:
                while not self.stopped.is_set():
                    self.step(session)
                self.finish(session)
        except BaseException as error:  # noqa: BLE001 -- the test tells it
            self.fault = error


@dataclass
class Loader(Running):
    """Small commits in any order, a few at a time: some flights in each load, and rows of windows, each of which has
    some revisions."""

    chance: random.Random = field(default_factory=lambda: random.Random(11))
    flights: list[list[LakeFile]] = field(default_factory=list)
    windows: list[list[LakeFile]] = field(default_factory=list)
    loads: int = 0

    def step(self, session: WarehouseSession) -> None:
        while len(self.flights) < _MOST_WAITING:
            self.flights.append(self.world.next_commit(self.chance.randint(5, 40)))
        while len(self.windows) < _MOST_WAITING:
            self.windows += self._revisions(BEGIN + timedelta(days=self.loads, seconds=len(self.windows)))
        for waiting in (self.flights, self.windows):
            self.chance.shuffle(waiting)
        self._load(session, self.chance.randint(1, 3))
        self.stopped.wait(_PAUSE_S)

    def finish(self, session: WarehouseSession) -> None:
        while self.flights or self.windows:
            self._load(session, 5)

    def _load(self, session: WarehouseSession, commits: int) -> None:
        taken = [*self.flights[:commits], *self.windows[:commits]]
        del self.flights[:commits], self.windows[:commits]
        self.world.load([file for commit in taken for file in commit], session)
        self.loads += 1

    def _revisions(self, start: datetime) -> Iterator[list[LakeFile]]:
        """All of one hour and of one rotation, each a commit; the last one of the rotation often a tombstone."""
        plane, revisions = self.chance.choice(PLANES), self.chance.randint(2, 4)
        rows = [hour(start, revision, 10 * revision) for revision in range(1, revisions + 1)]
        rows += [rotation(plane, start, revision, revision) for revision in range(1, revisions)]
        rows.append(self.chance.choice((tombstone(plane, start, revisions), rotation(plane, start, revisions, 9))))
        yield from ([self.world.window(name, row)] for name, row in rows)


@dataclass
class Reader(Running):
    """Looks at one mart and one fact, each in one statement; what it sees must be of one build."""

    totals: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def step(self, session: WarehouseSession) -> None:
        [(flights, rows, keys)] = session.query(
            "SELECT sum(flights), count(*), count(DISTINCT carrier || local_month) FROM mart.on_time_performance"
        )
        if rows != keys or not rows:
            self.faults.append(f"on_time_performance: {rows} rows of {keys} keys")
        self.totals.append(int(flights or 0))
        [(dead, rows, keys)] = session.query(
            "SELECT count(CASE WHEN events = 0 THEN 1 END), count(*), count(DISTINCT tailnum || rotation_start)"
            " FROM core.fct_rotations"
        )
        if rows != keys or dead or not rows:
            self.faults.append(f"fct_rotations: {rows} rows of {keys} keys, {dead} of them tombstones")
        self.stopped.wait(_GLANCE_S)
