"""The windows service over a rewind: its state goes on, what came after the cut leaves the windows."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from copy import deepcopy
from functools import cache

import pytest

from headrace_consumers.commitlog.model import LinkKind
from headrace_consumers.errors import GenerationRaisedError
from headrace_consumers.operate.view import Place
from headrace_consumers.operate.windows_reading import read_standing
from headrace_consumers.windows import Window
from tests.consumers.operate.test_windows_status import view
from tests.consumers.windows_service.shore import Shore
from tests.consumers.windows_service.tides import ALL, HOURS, at, settle, us
from tests.fakes.steps import Crash, Steps

LATER = ("Hull", 500, 9)
"""Closes everything before it."""


def shore_of(*shard_ids: str, windows: Sequence[Window] = ALL) -> Shore:
    shore = Shore(windows=windows)
    for shard_id in shard_ids:
        shore.sea.add_shard(shard_id)
    return shore


def surged(windows: Sequence[Window] = ALL) -> Shore:
    """Two transactions that a rewind keeps, two that it does not; the second half of these is of both shards."""
    shore = shore_of("a", "b", windows=windows)
    shore.commit({"a": [("Dover", 5, 1)], "b": [("Dover", 65, 2)]})
    shore.commit({"b": [("Dover", 150, 4)]})
    shore.commit({"a": [("Dover", 6, 8), ("Deal", 7, 16), LATER]})
    shore.commit({"a": [("Dover", 70, 32)], "b": [LATER]})
    return shore


def go_on(shore: Shore) -> None:
    """The stream once more, from the cut on: as before, but for one event."""
    shore.commit({"a": [("Dover", 6, 8), LATER], "b": [("Dover", 70, 32), LATER]})


@pytest.mark.parametrize("by", [1, 3])
@pytest.mark.parametrize("steps", [0, 1, 2, 9])
def test_a_rewind(steps: int, by: int) -> None:
    """Whether the service had merged nothing, a part, or all of what is taken back; numbers may be left out."""
    shore = surged()
    shore.max_step_commits = 1
    service = shore.service()
    for _ in range(steps):
        service.step()
    shore.rewind(2, by=by)
    with suppress(GenerationRaisedError):
        settle(service)
    settle(shore.service())
    go_on(shore)
    settle(shore.service())
    assert ("Deal", at(0)) not in shore.seen(HOURS)
    shore.flush()
    shore.check()
    shore.check_loose()
    shore.check_state()


def test_two_rewinds() -> None:
    """The state goes over both, also over a generation in which the service never committed."""
    for settles_between in (True, False):
        shore = surged()
        settle(shore.service())
        shore.rewind(2)
        if settles_between:
            settle(shore.service())
        go_on(shore)
        shore.rewind(len(shore.sea.history) - 1)
        settle(shore.service())
        go_on(shore)
        shore.flush()
        shore.check()
        shore.check_state()


def test_a_generation_begins_with_the_state_of_the_one_before() -> None:
    """Nothing comes out twice, and its first link stands at the root."""
    shore = surged()
    settle(shore.service())
    before = len(shore.rows(HOURS))
    shore.rewind(4)
    settle(shore.service())
    [link] = shore.sea.log().newest_links(shore.sea.lineage.chain("windows"))
    assert (link.start, link.end, link.highest_event_time_us) == (0, 1, us(500))
    assert len(shore.rows(HOURS)) == before


def test_the_low_watermark_does_not_move_back_over_a_rewind() -> None:
    """Shards go on from their forks, whose events are earlier than what was known: windows that are out stay so."""
    shore = surged()
    settle(shore.service())
    shore.rewind(2)
    report = settle(shore.service())[-1]
    assert report.low_watermark_us == us(500)
    manifest = shore.service()._tip.manifest
    assert sorted(manifest.progress) == [1, 2]
    assert {shard_id: known.watermark_us for shard_id, known in manifest.shards.items()} == {"a": us(5), "b": us(150)}


def test_a_shard_that_had_ended_is_forked_and_ended_again() -> None:
    """Its children count, as before."""
    shore = shore_of("p", "q")
    shore.commit({"p": [("Dover", 5, 1)], "q": [("Dover", 6, 2)]})
    shore.sea.add_shard("child", "p")
    shore.sea.end("p", "child")
    shore.commit({"q": [LATER], "child": [LATER]})
    settle(shore.service())
    shore.rewind(2)
    assert [link.kind for link in shore.sea.history[2].values()] == [LinkKind.FORK]
    report = settle(shore.service())[-1]
    assert report.held_back_by == "child"
    shore.commit({"q": [LATER], "child": [("Dover", 7, 4), LATER]})
    shore.flush()
    shore.check()


def test_a_frozen_service_of_the_generation_before_neither_commits_nor_deletes() -> None:
    """It thaws before the new one's first commit, or after it: what the new one needs is there."""
    shore = surged()
    shore.max_step_commits = 3
    shore.service().step()
    early, late = shore.service(), shore.service()
    shore.rewind(2)
    with pytest.raises(GenerationRaisedError):
        early.step()
    new = shore.service()
    new.step()
    with pytest.raises(GenerationRaisedError):
        late.step()
    go_on(shore)
    settle(new)
    shore.check_state()
    shore.flush()
    shore.check()


def test_a_service_that_begins_in_a_generation_of_the_past_is_told() -> None:
    """It read the number before the rewind, and the state after the new generation had superseded it."""
    shore = surged()
    settle(shore.service())
    lineage = shore.sea.lineage
    shore.rewind(2)
    settle(shore.service())
    with pytest.raises(GenerationRaisedError, match="rewind"):
        shore.service(lineage=lineage)


def rewound() -> Shore:
    """The service of the old generation has merged all, and died after its commit: what it superseded is there."""
    return deepcopy(_rewound())


@cache
def _rewound() -> Shore:
    shore = surged((HOURS,))
    shore.max_step_commits = 3
    shore.service().step()
    steps = Steps()
    doomed = shore.service(steps)
    steps.before_call = lambda name: _die_after_commit(steps, name)
    with pytest.raises(Crash):
        settle(doomed)
    shore.rewind(2)
    go_on(shore)
    return shore


def _die_after_commit(steps: Steps, name: str) -> None:
    if name == "TransactWriteItems":
        steps.crash_at = 2 * (steps.calls - 1) + 1


def calls_of_a_life() -> list[str]:
    steps = Steps()
    settle(rewound().service(steps))
    return steps.seen


CALLS = calls_of_a_life()


@pytest.mark.parametrize("call", range(len(CALLS)), ids=[f"{n} {call}" for n, call in enumerate(CALLS)])
def test_a_crash_at_any_call_of_the_first_life_in_a_generation(call: int) -> None:
    """Before the first commit the state of the generation before can be read; after it nothing of that is left over."""
    shore = rewound()
    with suppress(Crash):
        settle(shore.service(Steps(crash_at=2 * call + 1)))
    shore.seen(HOURS)
    shore.flush()
    shore.check()
    shore.check_loose()
    shore.check_state()


def test_status_tells_of_the_generation_before_until_a_new_one_has_committed() -> None:
    """What is out is out; and from then on of the new one."""
    shore = surged((HOURS,))
    settle(shore.service())
    shore.rewind(2)
    place = Place(shore.sea.identity(), shore.sea.generation)
    standing = read_standing(view(shore), place)
    assert standing.manifest is not None
    assert (sorted(standing.manifest.progress), standing.remark) == ([1], "")
    settle(shore.service())
    standing = read_standing(view(shore), place)
    assert standing.manifest is not None
    assert (sorted(standing.manifest.progress), standing.remark) == ([1, 2], "")
