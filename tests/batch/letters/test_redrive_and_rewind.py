"""A rewind takes redriven rows back with the letters that they were, and no more of them than it must."""

from __future__ import annotations

from itertools import islice

import pytest

from headrace_batch.letters.filters import LetterFilter
from headrace_batch.rewind.points import Point
from headrace_batch.rewind.rewinding import go_back
from tests.batch.letters.desk import Desk, spoilt_desk
from tests.faults.simulation import World

HOUR_S = 3_600


def rewind(desk: Desk, to_ms: int) -> None:
    go_back(desk.place(), Point(to_ms=to_ms), "a test", dry_run=False, tell=lambda _: None)


def over_hours(commits: int) -> tuple[Desk, list[int]]:
    """A commit an hour, and when each began."""
    whole, desk, began = spoilt_desk(flights=40), Desk(World(), {}, {}), []
    desk.world.pipeline = desk.pipeline
    desk.world.add_shard()
    events = iter(whole.truth.items())
    for _ in range(commits):
        began.append(desk.world.now_ms)
        desk.stream(dict(islice(events, len(whole.truth) // commits)), whole.spoilt)
        desk.world.now_s += HOUR_S
    desk.spoilt = {event_id: line for event_id, line in whole.spoilt.items() if event_id in desk.truth}
    return desk, began


@pytest.mark.parametrize("wanted", [LetterFilter(), LetterFilter(stage="decode")], ids=["all", "some"])
def test_only_the_hours_that_are_read_again_are_taken_back(wanted: LetterFilter) -> None:
    """Rows of older letters stay; the newer ones come again as what they were, and are redriven again."""
    desk, began = over_hours(4)
    first = desk.redrive(wanted)
    assert len(first.commits) == 4
    rewind(desk, began[2])
    kept = {row["commit_id"] for row in desk.rows()}
    assert kept & set(first.commits) == set(first.commits[:2])
    desk.world.drain()
    desk.check()
    again = desk.redrive()
    assert again.redriven == len(desk.spoilt) - sum(row["commit_id"] in first.commits for row in desk.rows())
    desk.check_complete()


def test_what_no_rewind_can_come_to_is_redriven_together() -> None:
    """Its records are beyond the stream's retention."""
    desk, _ = over_hours(4)
    desk.world.now_s += 48 * HOUR_S
    assert len(desk.redrive().commits) == 1
    desk.check_complete()
