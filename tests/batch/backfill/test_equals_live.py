"""What is staged once more equals what came live: rows, letters, late letters and windows, each in its folder."""

from __future__ import annotations

import pytest

from headrace_batch.backfill.planning import Bounds
from tests.batch.backfill.river import River, memory_river, packs
from tests.batch.backfill.runs import run

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
