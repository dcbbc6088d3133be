"""The loader dies at every statement, loses answers, meets rivals: each committed file is in the warehouse once."""

from __future__ import annotations

from contextlib import suppress

import pytest

from headrace_consumers.errors import FencedError, WarehouseAwayError
from headrace_consumers.warehouse.session import WarehouseSession
from headrace_producers.errors import SettingsError
from tests.consumers.load.harbour import SCHEMA, settle
from tests.consumers.load.quay import ROWS, Quay
from tests.consumers.load.stepped import Stepped
from tests.consumers.load.test_bad_files import check
from tests.fakes.steps import Crash

BOOKS = ("loader_ledger", "loader_positions")


def statements(quay: Quay) -> list[str]:
    """Of one load."""
    quay.commit_rows()
    stepped = Stepped(quay.harbour.session())
    settle(quay.loader(stepped))
    return stepped.seen


def require_once(quay: Quay, commits: int) -> None:
    """Every event that was ever committed is in the table once."""
    ids = quay.ids()
    assert set(ids.values()) == {1}
    assert len(ids) == ROWS * commits
    quay.harbour.close()


def require_right_books(quay: Quay) -> None:
    assert quay.findings() == ()
    assert not quay.manifests()


def test_a_death_at_every_statement(quay: Quay) -> None:
    """Before it reaches the warehouse, and after; the next loader goes on from the books."""
    seen = statements(quay)
    assert {"BEGIN", "COMMIT"} < set(seen)
    assert any(statement.startswith("COPY") for statement in seen)
    for half_step in range(2 * len(seen)):
        quay.commit_rows()
        stepped = Stepped(quay.harbour.session(), at=half_step)
        with suppress(Crash):
            settle(quay.loader(stepped))
        assert stepped.dead
        settle(quay.loader())
        require_once(quay, half_step + 2)
    require_right_books(quay)


def test_an_answer_lost_at_every_statement(quay: Quay) -> None:
    """The connection ends; what was asked may have been done. Whoever connects anew reads what stands."""
    seen = statements(quay)
    inside = range(2 * seen.index("BEGIN"), 2 * len(seen))
    for commits, half_step in enumerate(inside, start=2):
        quay.commit_rows()
        stepped = Stepped(quay.harbour.session(), at=half_step, fault=WarehouseAwayError("lost"))
        with pytest.raises(WarehouseAwayError):
            settle(quay.loader(stepped))
        settle(quay.loader())
        require_once(quay, commits)
    require_right_books(quay)


def test_a_rival_at_every_statement(quay: Quay) -> None:
    """Another loader does a whole load in the midst of ours; one of both is fenced, and nothing is loaded twice."""
    fenced = 0
    seen = statements(quay)
    inside = range(seen.index("BEGIN"), seen.index("COMMIT") + 1)
    places = [number for number in range(len(seen)) if number not in inside or number == inside.start]
    for commits, number in enumerate(places, start=2):
        quay.commit_rows()
        intruding = Intruded(quay.harbour.session(), quay, number)
        try:
            settle(quay.loader(intruding))
        except FencedError:
            fenced += 1
        assert intruding.intruded
        settle(quay.loader())
        require_once(quay, commits)
    assert fenced
    require_right_books(quay)


class Intruded(Stepped):
    """A session beside which, before one of its statements, another loader loads."""

    def __init__(self, session: WarehouseSession, quay: Quay, number: int) -> None:
        super().__init__(session)
        self.quay, self.number, self.intruded = quay, number, False

    def _fail_at(self, half_step: int) -> None:
        if half_step == 2 * self.number:
            self.intruded = True
            settle(self.quay.loader())


@pytest.mark.parametrize("table", BOOKS)
def test_books_that_a_hand_emptied(quay: Quay, table: str) -> None:
    """Without positions the log is followed anew, and the ledger knows the files; without the ledger nothing is loaded
    again, and the reconciler tells every file."""
    files = [quay.commit_rows() for _ in range(3)]
    settle(quay.loader())
    before = quay.ids()
    own = f"FROM \"{SCHEMA}\".{table} WHERE pipeline = '{quay.pipeline.name}'"
    kept = quay.ask(f"SELECT * {own}")
    session = quay.harbour.session()
    session.run(f"DELETE {own}")
    settle(quay.loader())
    assert quay.ids() == before
    if table == "loader_positions":
        check(quay, *files)
        return
    findings = quay.findings()
    assert {finding.file for finding in findings if finding.kind == "overdue"} == set(files)
    assert sum(finding.kind == "rows doubled" for finding in findings) == len(findings) - len(files) == len(files)
    marks = ", ".join(["%s"] * len(kept[0]))
    for row in kept:
        session.run(f'INSERT INTO "{SCHEMA}".loader_ledger VALUES ({marks})', *row)  # noqa: S608
    check(quay, *files)


def test_a_head_that_a_hand_removed(quay: Quay) -> None:
    """`schema apply` puts it back above all that the ledger remembers: the numbers of loads only grow."""
    files = [quay.commit_rows()]
    settle(quay.loader())
    files.append(quay.commit_rows())
    settle(quay.loader())
    seen = quay.load_seqs()
    quay.sql(f"DELETE FROM \"{SCHEMA}\".loader_head WHERE pipeline = '{quay.pipeline.name}'")  # noqa: S608
    with pytest.raises(SettingsError, match="schema apply"):
        quay.loader()
    quay.apply_schema()
    files.append(quay.commit_rows())
    settle(quay.loader())
    check(quay, *files)
    first, second, third = quay.load_seqs()
    assert [first, second] == seen
    assert first < second < third


def test_books_of_an_older_version(quay: Quay) -> None:
    """They cannot remember what is to be forgotten: the sentence says what makes them whole, before anything loads."""
    url = quay.commit_rows()
    quay.rename("loader_erasures", "set_aside")
    try:
        with pytest.raises(SettingsError, match="loader_erasures is not there: run `headrace-consumers schema apply`"):
            quay.loader()
    finally:
        quay.rename("set_aside", "loader_erasures")
    settle(quay.loader())
    check(quay, url)


def test_a_table_that_a_hand_emptied(quay: Quay) -> None:
    """The loader goes on with what is new; the reconciler tells what is gone."""
    gone = [quay.commit_rows() for _ in range(2)]
    settle(quay.loader())
    quay.sql("DELETE FROM gauges")
    quay.commit_rows()
    settle(quay.loader())
    findings = quay.findings()
    assert {finding.kind for finding in findings} == {"rows missing"}
    assert all(finding.commit_id in url for finding, url in zip(findings, gone, strict=True))
    assert quay.ids().total() == ROWS
