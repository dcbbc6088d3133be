"""A warehouse that is filled from nothing, when batch has written files anew: it has the rows of all that stands."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pyarrow as pa
import pytest

from headrace_consumers.commitlog.model import CommitKind
from headrace_consumers.load.ledger import FileState
from headrace_consumers.load.passed import PASSED
from tests.consumers.load.batches import Batch, erasure
from tests.consumers.load.harbour import SCHEMA, settle
from tests.consumers.load.quay import ROWS, SHARD, Quay
from tests.consumers.load.stepped import Stepped
from tests.consumers.load.test_bad_files import others_of_its_length
from tests.consumers.load.test_batch_commits import ask_ledger, brought, ids_of, passed, stream
from tests.fakes.steps import Crash

BACKFILL, COMPACTION, FORGET = CommitKind.BACKFILL, CommitKind.COMPACTION, CommitKind.FORGET


@pytest.fixture
def batch(quay: Quay) -> Batch:
    return Batch(quay)


def both(*commits: tuple[str, pa.Table]) -> pa.Table:
    return pa.concat_tables(brought(name, rows) for name, rows in commits)


class Story:
    """Two commits of the stream, and what was made of them: with the rows that stand in the end."""

    def __init__(self, quay: Quay, batch: Batch, *, is_followed: bool = False) -> None:
        """Compaction takes what the loader has passed, where one follows."""
        self.quay, self.batch, self.is_followed = quay, batch, is_followed
        self.rows = [quay.rows(station=["Hull", "Deal", "Hull"]), quay.rows()]
        self.commits = [stream(quay, one) for one in self.rows]
        self.first, self.second = (name for name, _ in self.commits)

    def compact(self, urls: list[str], rows: pa.Table) -> str:
        if self.is_followed:
            self.quay.load()
        [url] = self.batch.urls(self.batch.commit(COMPACTION, replaces=urls, rewritten=[("gauges", rows)]))
        return url

    def compacted(self) -> list[pa.Table]:
        self.compact_both()
        return self.rows

    def compact_both(self) -> str:
        merged = both((self.first, self.rows[0]), (self.second, self.rows[1]))
        return self.compact([url for _, url in self.commits], merged)

    def compacted_twice(self) -> list[pa.Table]:
        """What was compacted, together with what came later."""
        once, third = self.compact_both(), self.quay.rows()
        name, url = stream(self.quay, third)
        merged = both((self.first, self.rows[0]), (self.second, self.rows[1]), (name, third))
        self.compact([once, url], merged)
        return [*self.rows, third]

    def redriven(self) -> list[pa.Table]:
        """A mended letter's row is compacted together with what a stream had brought."""
        letter = self.quay.rows()
        mended = self.batch.commit(CommitKind.REDRIVE, ("gauges", letter))
        merged = both((self.first, self.rows[0]), (mended, letter))
        self.compact([self.commits[0][1], *self.batch.urls(mended)], merged)
        return [*self.rows, letter]

    def forgotten(self) -> list[pa.Table]:
        """One row of a file is left out, and nothing is left of a commit."""
        gone, url = stream(self.quay, self.quay.rows(station="Deal"))
        kept = self.rows[0].take([0, 2])
        self.batch.commit(
            FORGET,
            replaces=[self.commits[0][1]],
            rewritten=[("gauges", brought(self.first, kept))],
            erases=[erasure(self.quay, "station", "Deal")],
        )
        self.batch.commit(FORGET, replaces=[url], erases=[erasure(self.quay, "station", "Deal")])
        assert gone
        return [kept, self.rows[1]]

    def forgotten_after_compaction(self) -> list[pa.Table]:
        once, kept = self.compact_both(), self.rows[0].take([0, 2])
        self.batch.commit(
            FORGET,
            replaces=[once],
            rewritten=[("gauges", both((self.first, kept), (self.second, self.rows[1])))],
            erases=[erasure(self.quay, "station", "Deal")],
        )
        return [kept, self.rows[1]]

    def backfilled(self) -> list[pa.Table]:
        """One commit's rows were carved out of the compacted file; then the backfill itself is retired."""
        once, new, newer = self.compact_both(), self.quay.rows(), self.quay.rows()
        rest = [("gauges", brought(self.second, self.rows[1]))]
        first = self.batch.commit(BACKFILL, ("gauges", new), retires=[self.first], replaces=[once], rewritten=rest)
        carved = self.batch.urls(first)[1]
        self.batch.commit(BACKFILL, ("gauges", newer), retires=[first], replaces=[carved], rewritten=rest)
        return [newer, self.rows[1]]


STORIES: list[Callable[[Story], list[pa.Table]]] = [
    Story.compacted, Story.compacted_twice, Story.redriven, Story.forgotten, Story.forgotten_after_compaction,
    Story.backfilled,
]  # fmt: skip
told = pytest.mark.parametrize("story", STORIES, ids=lambda story: str(story.__name__))


@told
@pytest.mark.parametrize("met", ["before", "never"])
def test_all_rows_that_stand_are_there(
    quay: Quay, batch: Batch, story: Callable[[Story], list[pa.Table]], met: str
) -> None:
    """For the loader that was there all the time, for one that is late, and for the next one, which begins anew."""
    wanted = ids_of(*story(Story(quay, batch, is_followed=met == "before")))
    for _ in range(2):
        quay.load()
        assert quay.ids() == wanted
        assert quay.findings() == ()
        assert not quay.reasons(FileState.QUARANTINED)
        assert passed(quay).unloaded == ()
        quay.empty()


@told
def test_a_load_at_a_time(quay: Quay, batch: Batch, story: Callable[[Story], list[pa.Table]]) -> None:
    """By a new loader each, with one file in it at most: between two of them a file may be replaced and not loaded."""
    wanted = ids_of(*story(Story(quay, batch)))
    followed = True
    while followed:
        followed = quay.loader(max_load_files=1).step().followed > 0
        assert not quay.ids() - wanted
        quay.harbour.close()
    assert quay.ids() == wanted
    assert quay.findings() == ()


def test_commits_of_which_nothing_is_left_go_into_loads_too(quay: Quay, batch: Batch) -> None:
    """Where years of them are compacted, what was followed is kept now and then."""
    commits = [(*stream(quay, rows), rows) for rows in [quay.rows() for _ in range(5)]]
    merged = both(*((name, rows) for name, _, rows in commits))
    batch.commit(COMPACTION, replaces=[url for _, url, _ in commits], rewritten=[("gauges", merged)])
    loader = quay.loader(max_load_files=2, load_interval_s=3600.0)
    reports = settle(loader)
    assert [report.followed for report in reports if report.followed] == [2, 2, 2]
    assert quay.ids() == ids_of(*(rows for _, _, rows in commits))


def test_the_books_have_the_rows_by_their_commits(quay: Quay, batch: Batch) -> None:
    """With the load that brought them, so that whoever reads staging by loads sees all of them, and their generation;
    what a batch commit has rewritten brought none."""
    story = Story(quay, batch)
    story.forgotten_after_compaction()
    quay.load()
    found = ask_ledger(quay, "commit_id, row_count, state, generation", "commit_id <> '' ORDER BY commit_id, state")
    once, twice = batch.chain_ids()
    assert sorted(found) == sorted([
        (story.first, ROWS, "replaced", 1), (story.first, 1, "erased", 1), (story.second, ROWS, "replaced", 1),
        (twice, 0, "loaded", 0),
    ])  # fmt: skip
    assert once != twice
    assert len(quay.load_seqs()) == 1


def test_a_file_that_was_held_comes_with_the_one_in_its_place(quay: Quay, batch: Batch) -> None:
    """A loader that goes on has forgotten it, and so have the books."""
    rows = quay.rows()
    name, url = stream(quay, rows)
    body = quay.body(url)
    quay.put(url, body[:-20])
    loader = quay.loader()
    settle(loader)
    assert list(quay.reasons(FileState.HELD)) == [url]
    batch.commit(COMPACTION, replaces=[url], rewritten=[("gauges", brought(name, rows))])
    settle(loader)
    assert loader.step().held == 0
    assert quay.ids() == ids_of(rows)
    assert quay.findings() == ()
    assert passed(quay).unloaded == ()


@pytest.mark.parametrize("state", [FileState.HELD, FileState.QUARANTINED])
@pytest.mark.parametrize("replaced", [False, True], ids=["mended", "replaced"])
def test_a_rewritten_file_that_is_bad(quay: Quay, batch: Batch, state: FileState, *, replaced: bool) -> None:
    """What it stands for is told, and points to it; once it is whole, or another one is in its place, all is there."""
    story = Story(quay, batch)
    url = story.compact_both()
    stream(quay, last := quay.rows())
    whole = quay.body(url)
    quay.put(url, whole[:-20] if state is FileState.HELD else others_of_its_length(whole))
    loader = quay.loader()
    settle(loader)
    assert quay.ids() == ids_of(last)
    assert url in quay.reasons(state)
    findings = {finding.file: finding.detail for finding in quay.findings()}
    assert findings.keys() == {url, *(one for _, one in story.commits)}
    assert f"its rows are in {url}" in findings[story.commits[0][1]]
    assert url in passed(quay).unloaded
    if replaced:
        merged = both((story.first, story.rows[0]), (story.second, story.rows[1]))
        batch.commit(COMPACTION, replaces=[url], rewritten=[("gauges", merged)])
    else:
        quay.put(url, whole)
        if state is FileState.QUARANTINED:
            quay.release()
            loader = quay.loader()
    settle(loader)
    assert quay.ids() == ids_of(last, *story.rows)
    assert quay.findings() == ()
    assert loader.step().held == 0
    assert passed(quay).unloaded == ()


def test_a_commit_that_the_log_has_no_more(quay: Quay, batch: Batch) -> None:
    """It was loaded, and the tables were lost, and the books with them but for how far they were: its rows are in a
    compacted file, and the books have as many as come with it."""
    story = Story(quay, batch)
    quay.load()
    log = quay.harbour.stack.log
    log.expire(next(log.links_after(quay.lineage.chain(SHARD), 0)), with_commit=True)
    assert log.commit(quay.pipeline.name, 1, story.first) is None
    quay.sql("DELETE FROM gauges")
    quay.sql(f"DELETE FROM \"{SCHEMA}\".loader_ledger WHERE pipeline = '{quay.pipeline.name}'")  # noqa: S608
    story.compacted()
    quay.load()
    assert quay.ids() == ids_of(*story.rows)
    assert quay.findings() == ()
    assert ask_ledger(quay, "row_count, state", f"commit_id = '{story.first}'") == [(ROWS, "replaced")]


def test_a_warehouse_that_begins_says_that_it_has_passed_nothing(quay: Quay, batch: Batch) -> None:
    """Before its first load: the note that one before it left would have compaction take what this one lacks."""
    Story(quay, batch)
    quay.load()
    assert passed(quay).reaches(quay.lineage.chain(SHARD), 1)
    quay.empty()
    quay.loader()
    assert PASSED in quay.harbour.stack.log.marks(quay.pipeline.name)
    assert not passed(quay).reaches(quay.lineage.chain(SHARD), 0)


def test_a_death_at_every_statement_of_a_filling(quay: Quay, batch: Batch) -> None:
    """Before it reaches the warehouse, and after: no rows are there, or all of them, once."""
    wanted = ids_of(*Story(quay, batch).forgotten_after_compaction())
    half_step, died = 0, True
    while died:
        stepped = Stepped(quay.harbour.session(), at=half_step)
        with suppress(Crash):
            settle(quay.loader(stepped))
        assert quay.ids() in (ids_of(), wanted)
        quay.load()
        assert quay.ids() == wanted
        assert quay.findings() == ()
        died, half_step = stepped.dead, half_step + 1
        quay.empty()
    assert half_step > 30
    assert not quay.manifests()
