"""What is staged once more equals what came live: rows, letters, late letters and windows, each in its folder."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headrace_batch.backfill.planning import Bounds
from headrace_batch.backfill.running import Progress
from headrace_batch.backfill.staging import Work
from headrace_consumers.commitlog.model import Counts
from headrace_consumers.errors import GenerationRaisedError
from tests.batch.backfill.river import River, memory_river, packs
from tests.batch.backfill.runs import run
from tests.fakes.steps import Crash

SMALL = Bounds(commits=3)


@pytest.fixture
def river() -> River:
    river = memory_river()
    river.flow(packs(120))
    return river


def test_the_river_has_all_that_makes_it_hard(river: River) -> None:
    """Else the tests below prove little."""
    content = river.content()
    assert len(content["flights_departed"]) > 2000
    assert content["flights_dead_letters"]
    assert content["flights_late"]
    standing = river.place().standing()
    assert sum(commit.counts.repeats for commit in standing.commits.values()) > 10
    assert len(standing.commits) == 10


def test_everything_staged_once_more_is_what_it_was(river: River) -> None:
    live = river.content()
    before = river.place().standing()
    progress = run(river.place(), bounds=SMALL)
    after = river.place().standing()
    assert river.content() == live
    assert (progress.done, progress.retired) == (4, 10)
    assert set(after.retired) == set(before.commits)
    counts = [commit.counts for commit in before.commits.values()]
    for name in ("records", "events", "rows", "dead_letters", "repeats", "late"):
        assert getattr(progress.counts, name) == sum(getattr(count, name) for count in counts), name


@pytest.mark.parametrize("committed", [0, 1, 3])
def test_a_run_that_dies_is_finished_by_the_next(river: River, committed: int) -> None:
    """What it committed stands, and with a record is not staged again."""
    live = river.content()

    def die(progress: Progress) -> None:
        if progress.done == committed:
            raise Crash

    if committed:
        with pytest.raises(Crash):
            run(river.place(), bounds=SMALL, done="march", told=die)
    else:
        with pytest.raises(Crash):
            run(river.place(), bounds=SMALL, done="march", between=lambda _work: die(Progress(0, 0, Counts(), 0)))
    assert river.content() == live
    progress = run(river.place(), bounds=SMALL, done="march")
    assert progress.done == 4 - committed
    assert river.content() == live
    assert run(river.place(), bounds=SMALL, done="march").done == 0


def test_one_without_a_record_retires_what_the_last_one_brought(river: River) -> None:
    """Each time the same comes out."""
    live = river.content()
    run(river.place(), bounds=SMALL)
    progress = run(river.place(), bounds=SMALL)
    assert (progress.done, progress.retired) == (4, 4)
    assert river.content() == live


def test_live_commits_between_plan_and_commit_change_nothing(river: River) -> None:
    """They stand beside what is staged once more."""
    rest = iter([packs(150)[120:135], packs(150)[135:150], (), ()])

    def go_on(_work: Work) -> None:
        river.flow(next(rest))

    run(river.place(), bounds=SMALL, between=go_on)
    other = memory_river()
    other.flow(packs(150)[:120])
    other.flow(packs(150)[120:135])
    other.flow(packs(150)[135:150])
    assert river.content() == other.content()
    assert len(river.place().standing().commits) == 4 + 4


def test_two_at_once_give_way_to_each_other(river: River) -> None:
    """Who comes second stages what the first one brought once more; nothing is doubled, nothing lost."""
    live = river.content()
    rivals = iter([True])

    def rival(_work: Work) -> None:
        if next(rivals, False):
            run(river.place(), bounds=Bounds(commits=4), done="the rival")

    progress = run(river.place(), bounds=SMALL, done="ours", between=rival)
    assert progress.counts.rows == sum(len(live[table.name]) for table in river.pipeline.tables)
    assert river.content() == live
    assert {commit.record for commit in river.place().standing().commits.values()} == {"ours"}


def test_what_another_staged_of_later_commits_too_is_not_lost(river: River) -> None:
    """The rival's plan is newer than ours: it retires, with one of our commits, one that we have never heard of."""
    rivals = iter([True])

    def rival(_work: Work) -> None:
        if next(rivals, False):
            river.flow(packs(132)[120:])
            run(river.place(), bounds=Bounds(commits=11), done="the rival")

    run(river.place(), bounds=SMALL, done="ours", between=rival)
    other = memory_river()
    other.flow(packs(132))
    assert river.content() == other.content()


def test_a_rewind_ends_it(river: River) -> None:
    """What was planned in the old generation is not committed."""
    place = replace(river.place(), generation=2)
    with pytest.raises(GenerationRaisedError):
        run(place)
    assert not river.place().standing().retired
