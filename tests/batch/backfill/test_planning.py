"""Which commits a span means, and what is told where their records are not to be had."""

from __future__ import annotations

import pytest

from headrace_batch.backfill.planning import Bounds, make_plan
from headrace_batch.backfill.span import Span
from headrace_consumers.errors import LogError
from headrace_producers.errors import TerminalError
from tests.batch.backfill.river import BORN_MS, PACKS_A_COMMIT, River, memory_river, packs
from tests.batch.backfill.runs import run

SMALL = Bounds(commits=3)


@pytest.fixture
def river() -> River:
    river = memory_river()
    river.flow(packs(60))
    return river


def arrivals(river: River) -> list[tuple[int, int, str]]:
    """First and last arrival of each commit, oldest first."""
    found = []
    for commit_id, file in river.place().standing().raw.items():
        times = river.raw_arrivals_ms(file)
        found.append((min(times), max(times), commit_id))
    return sorted(found)


def chosen(river: River, start_ms: int, end_ms: int) -> list[str]:
    plan = make_plan(river.place(), Span(start_ms, end_ms))
    return [commit_id for unit in plan.units for commit_id in unit.retires]


def test_a_span_takes_the_commits_that_have_records_in_it(river: River) -> None:
    """To the millisecond: its start is of it, its end is not."""
    (first, second, third, *_) = arrivals(river)
    assert chosen(river, second[0], second[1] + 1) == [second[2]]
    assert chosen(river, second[1], second[1] + 1) == [second[2]]
    assert chosen(river, second[0], second[0] + 1) == [second[2]]
    assert chosen(river, first[1], third[0]) == [first[2], second[2]]
    assert chosen(river, first[1] + 1, third[0] + 1) == [second[2], third[2]]
    assert chosen(river, first[1] + 1, second[0]) == []
    assert chosen(river, 0, BORN_MS) == []


def test_what_a_backfill_covers_goes_with_it(river: River) -> None:
    """A span that means one of its commits means all that it staged."""
    (first, second, third, fourth, _) = arrivals(river)
    run(river.place(), Span(first[0], third[1] + 1))
    standing = river.place().standing().retired[second[2]]
    plan = make_plan(river.place(), Span(second[0], second[0] + 1))
    [unit] = plan.units
    assert unit.retires == (standing,)
    assert {source for source, _ in unit.sources} == {first[2], second[2], third[2]}
    assert chosen(river, third[1], fourth[0] + 1) == [standing, fourth[2]]


def test_units_keep_their_bounds(river: River) -> None:
    """By commits, rows and bytes; what is over them is alone."""
    place = river.place()
    assert [len(unit.retires) for unit in make_plan(place, Span(0, 2**62), "", SMALL).units] == [3, 2]
    assert [len(unit.retires) for unit in make_plan(place, Span(0, 2**62), "", Bounds(rows=1)).units] == [1] * 5
    assert [len(unit.retires) for unit in make_plan(place, Span(0, 2**62), "", Bounds(bytes=1)).units] == [1] * 5
    [whole] = make_plan(place, Span(0, 2**62)).units
    assert whole.rows == sum(len(river.rows(table.name)) for table in river.pipeline.tables)


def test_a_raw_file_that_is_gone_is_named_before_anything_is_done(river: River) -> None:
    """And nothing is half done."""
    live = river.content()
    file = river.place().standing().raw[arrivals(river)[3][2]]
    river.lose(file)
    with pytest.raises(LogError, match=f"raw file s3://{file.bucket}/{file.key} of commit .* is not there any more"):
        run(river.place(), bounds=SMALL)
    assert river.content() == live
    assert not river.place().standing().retired


def test_a_raw_file_that_goes_while_it_runs_ends_it_with_the_same_sentence(river: River) -> None:
    """What was committed before stands, and the lake is whole."""
    live = river.content()
    file = river.place().standing().raw[arrivals(river)[4][2]]
    with pytest.raises(TerminalError, match=f"raw file s3://{file.bucket}/{file.key} .* is not there any more"):
        run(river.place(), bounds=SMALL, between=lambda _work: river.lose(file))
    assert len(river.place().standing().retired) == 3
    assert river.content() == live


def test_a_raw_file_that_is_pending_is_completed(river: River) -> None:
    """The newest commit may have been written a moment ago."""
    live = river.content()
    commit = river.commit_pending(packs(60 + PACKS_A_COMMIT)[60:])
    run(river.place())
    assert river.place().standing().retired.keys() >= {commit.attempt_id}
    assert len(river.content()["flights_departed"]) > len(live["flights_departed"])


def test_what_has_expired_from_the_log_is_told(river: River) -> None:
    """Else its commits would be left out in silence."""
    oldest = river.place().standing().links[arrivals(river)[0][2]]
    second = arrivals(river)[1]
    for link in oldest:
        river.forget_link(link)
    with pytest.raises(LogError, match="begin the span after that"):
        make_plan(river.place(), Span(BORN_MS, second[1] + 1))
    assert chosen(river, second[1] + 1, 2**62)
