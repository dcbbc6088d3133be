"""The loader dies at every statement, loses answers, meets rivals: each committed file is in the warehouse once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from headrace_consumers.errors import FencedError, WarehouseAwayError
from headrace_consumers.warehouse.session import WarehouseSession
from tests.consumers.load.harbour import SCHEMA, Harbour, local_harbour, now_ms, settle
from tests.fakes.steps import Crash

T = TypeVar("T")
READINGS = 3
BOOKS = ("loader_ledger", "loader_positions")


@dataclass
class Stepped:
    """A session whose statements are counted; at one of them the process dies, or its connection is lost."""

    session: WarehouseSession
    at: int | None = None
    """Even: before statement at // 2 reaches the warehouse; odd: after it was done."""
    fault: BaseException = field(default_factory=lambda: Crash("the loader dies"))
    seen: list[str] = field(default_factory=list)
    dead: bool = False

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        return self._do(sql, lambda: self.session.query(sql, *parameters))

    def run(self, sql: str, *parameters: object) -> int:
        return self._do(sql, lambda: self.session.run(sql, *parameters))

    def begin(self) -> None:
        self._do("BEGIN", self.session.begin)

    def commit(self) -> None:
        self._do("COMMIT", self.session.commit)

    def rollback(self) -> None:
        """A dead process sends nothing; its connection ends, and the warehouse rolls back."""
        if not self.dead:
            self.session.rollback()

    def close(self) -> None:
        self.session.close()

    def _do(self, sql: str, call: Callable[[], T]) -> T:
        assert not self.dead
        number = len(self.seen)
        self.seen.append(" ".join(sql.split()[:3]))
        self._fail_at(2 * number)
        result = call()
        self._fail_at(2 * number + 1)
        return result

    def _fail_at(self, half_step: int) -> None:
        if self.at == half_step:
            self.dead = True
            self.session.close()
            raise self.fault


@pytest.fixture(scope="module")
def harbour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harbour]:
    with local_harbour(tmp_path_factory.mktemp("harbour")) as made:
        yield made


def commit(harbour: Harbour) -> None:
    """One commit more, of tides of one hour ago."""
    at = datetime.now(UTC) - timedelta(hours=1)
    harbour.stack.measure(*(at + timedelta(seconds=number) for number in range(READINGS)))


def check(harbour: Harbour) -> None:
    """Every event that was ever committed is in the table once, and the books agree with it."""
    ids = harbour.ids()
    assert set(ids.values()) == {1}
    found = harbour.reconciler().reconcile(now_ms(), since_s=3600, overdue_s=0)
    assert (found.findings, found.waiting) == ((), 0)
    assert len(ids) == READINGS * found.committed
    harbour.close()


def statements(harbour: Harbour) -> list[str]:
    commit(harbour)
    stepped = Stepped(harbour.session())
    settle(harbour.loader(stepped))
    return stepped.seen


def test_a_death_at_every_statement(harbour: Harbour) -> None:
    """Before it reaches the warehouse, and after; the next loader goes on from the books."""
    seen = statements(harbour)
    assert {"BEGIN", "COMMIT"} < set(seen)
    assert any(statement.startswith("COPY") for statement in seen)
    for half_step in range(2 * len(seen)):
        commit(harbour)
        stepped = Stepped(harbour.session(), at=half_step)
        with suppress(Crash):
            settle(harbour.loader(stepped))
        assert stepped.dead
        settle(harbour.loader())
        check(harbour)


def test_an_answer_lost_at_every_statement(harbour: Harbour) -> None:
    """The connection ends; what was asked may have been done. Whoever connects anew reads what stands."""
    seen = statements(harbour)
    for half_step in range(2 * seen.index("COMMIT"), 2 * len(seen)):
        commit(harbour)
        stepped = Stepped(harbour.session(), at=half_step, fault=WarehouseAwayError("lost"))
        with pytest.raises(WarehouseAwayError):
            settle(harbour.loader(stepped))
        settle(harbour.loader())
        check(harbour)


def test_a_rival_at_every_statement(harbour: Harbour) -> None:
    """Another loader does a whole load in the midst of ours; one of both is fenced, and nothing is loaded twice."""
    fenced = 0
    seen = statements(harbour)
    inside = range(seen.index("BEGIN"), seen.index("COMMIT") + 1)
    for number in (n for n in range(len(seen)) if n not in inside or n == inside.start):
        commit(harbour)
        intruding = Intruded(harbour.session(), harbour, number)
        try:
            settle(harbour.loader(intruding))
        except FencedError:
            fenced += 1
        assert intruding.intruded
        settle(harbour.loader())
        check(harbour)
    assert fenced


@dataclass
class Intruded(Stepped):
    """A session beside which, before one of its statements, another loader loads."""

    harbour: Harbour | None = None
    intruded: bool = False

    def __init__(self, session: WarehouseSession, harbour: Harbour, number: int) -> None:
        super().__init__(session)
        self.harbour, self.number = harbour, number

    def _fail_at(self, half_step: int) -> None:
        if half_step == 2 * self.number and self.harbour is not None:
            self.intruded = True
            settle(self.harbour.loader())


@pytest.mark.parametrize("table", BOOKS)
def test_books_that_a_hand_emptied(harbour: Harbour, table: str) -> None:
    """Without positions the log is followed anew, and the ledger knows the files; without the ledger nothing is loaded
    again, and the reconciler tells every file."""
    commit(harbour)
    settle(harbour.loader())
    before = harbour.ids()
    kept = harbour.rows(f'SELECT * FROM "{SCHEMA}".loader_ledger')  # noqa: S608
    session = harbour.session()
    session.run(f'DELETE FROM "{SCHEMA}".{table}')  # noqa: S608
    settle(harbour.loader())
    assert harbour.ids() == before
    found = harbour.reconciler().reconcile(now_ms(), since_s=3600, overdue_s=0)
    if table == "loader_positions":
        assert found.findings == ()
        return
    assert sum(finding.kind == "overdue" for finding in found.findings) == len(kept) == found.committed
    marks = ", ".join(["%s"] * len(kept[0]))
    for row in kept:
        session.run(f'INSERT INTO "{SCHEMA}".loader_ledger VALUES ({marks})', *row)  # noqa: S608
    check(harbour)


def test_a_table_that_a_hand_emptied(harbour: Harbour) -> None:
    """The loader goes on with what is new; the reconciler tells what is gone."""
    commit(harbour)
    settle(harbour.loader())
    harbour.session().run(f'DELETE FROM "{SCHEMA}".tides')  # noqa: S608
    commit(harbour)
    settle(harbour.loader())
    found = harbour.reconciler().reconcile(now_ms(), since_s=3600, overdue_s=0)
    assert {finding.kind for finding in found.findings} == {"rows missing"}
    assert len(found.findings) == found.committed - 1
    assert len(harbour.ids()) == READINGS
