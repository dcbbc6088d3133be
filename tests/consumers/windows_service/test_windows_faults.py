"""The windows service dies at every step, meets a rival, loses answers: no window is missing, none is doubled."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace_consumers.errors import FencedError
from headrace_consumers.windows_service.service import WindowsService
from tests.consumers.windows_service.tides import ALL, VISITS, Reading, Tides, settle
from tests.fakes.steps import Crash, Steps

SHARDS = ("a", "b")


@pytest.fixture(autouse=True, scope="module")
def _no_waiting() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tenacity.nap.time.sleep", lambda _s: None)
        yield


def begun() -> Tides:
    """A stream whose first windows are out, with state in memory and in the lake, and more to merge: revisions,
    a merged session, windows that close, a commit whose files are pending."""
    return copy.deepcopy(_begun())


@cache
def _begun() -> Tides:
    tides = Tides(windows=(VISITS,))
    for shard_id in SHARDS:
        tides.sea.add_shard(shard_id)
    tides.commit(
        {"a": [("Dover", 5, 1), ("Dover", 45, 2), ("Hull", 400, 0)], "b": [("Dover", 10, 4), ("Hull", 300, 0)]}
    )
    settle(tides.service())
    tides.commit({"a": [("Dover", 30, 8)], "b": [("Deal", 200, 16)]}, complete=False)
    tides.commit({"a": [("Hull", 700, 0)], "b": [("Dover", 320, 32), ("Hull", 600, 0)]})
    return tides


def calls_of_a_life() -> list[str]:
    steps = Steps()
    settle(begun().service(steps))
    return steps.seen


CALLS = calls_of_a_life()
CRASHES = {
    f"{when} {number} {call}": 2 * number + after
    for number, call in enumerate(CALLS)
    for after, when in enumerate(("before", "after"))
}


@pytest.mark.parametrize("crash", CRASHES)
def test_a_crash_at_any_step(crash: str) -> None:
    """Whoever starts next goes on from what stands, in the middle of whichever call the other died."""
    tides = begun()
    steps = Steps(crash_at=CRASHES[crash])
    with suppress(Crash):
        settle(tides.service(steps))
    assert steps.calls == CRASHES[crash] // 2 + 1 or crash.startswith("after"), "it died there, or HEAD had said 404"
    tides.seen(VISITS)
    tides.check_loose()
    tides.flush()
    tides.check()
    tides.check_loose()
    tides.check_state()


def test_every_call_of_a_life_is_a_crash_point() -> None:
    """The life that is crashed has each kind of call in it: no step of a commit goes untested."""
    assert {"TransactWriteItems", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "HeadObject",
            "GetObject", "DeleteObject", "Query", "GetItem"} == set(CALLS)  # fmt: skip


@given(faults=st.dictionaries(st.integers(0, 2 * len(CALLS)), st.booleans()))
@settings(max_examples=10, deadline=None)
def test_faults_at_any_calls(faults: dict[int, bool]) -> None:
    """Lost answers and throttling are repeated, and change nothing."""
    tides = begun()
    lost = frozenset(call for call, took_effect in faults.items() if took_effect)
    settle(tides.service(Steps(lost_answers=lost, refused=faults.keys() - lost)))  # type: ignore[arg-type]
    tides.flush()
    tides.check()
    tides.check_loose()


@pytest.mark.parametrize("call", range(len(CALLS)), ids=[f"{n} {call}" for n, call in enumerate(CALLS)])
def test_a_rival_at_any_call(call: int) -> None:
    """Another service does a whole step in the midst of ours: one of both is fenced, nothing is missing or doubled."""
    tides = begun()
    steps = Steps()

    def intrude(_name: str) -> None:
        if steps.calls - 1 == call:
            settle(tides.service())

    steps.before_call = intrude
    with suppress(FencedError):
        settle(tides.service(steps))
    assert not tides.sea.s3.uploads, "what the fenced one had uploaded is aborted"
    tides.flush()
    tides.check()
    tides.check_loose()


def test_the_fenced_one_says_so_where_its_state_was_replaced() -> None:
    """It finds its state deleted; the cause is the rival, not a lost file."""
    tides = begun()
    late, rival = tides.service(), tides.service()
    settle(rival)
    with pytest.raises(FencedError, match="ahead"):
        late.step()


readings = st.lists(
    st.tuples(st.sampled_from(["Dover", "Hull"]), st.integers(0, 12), st.integers(-9, 9)), max_size=4
)  # fmt: skip
commits = st.lists(
    st.tuples(st.sets(st.sampled_from(SHARDS), min_size=1), readings, st.integers(0, 5), st.booleans()), max_size=8
)
deaths = st.lists(st.integers(0, 150), max_size=6)


@given(commits=commits, deaths=deaths, step_commits=st.integers(1, 3), rivals=st.booleans())
@settings(max_examples=25, deadline=None)
def test_any_stream_with_any_deaths(
    commits: Sequence[tuple[set[str], list[Reading], int, bool]], deaths: list[int], step_commits: int, *, rivals: bool
) -> None:
    """Events in any order, commits of any shards, services that die and rivals: the last revisions equal the oracle's,
    and revisions count from 1 without a hole."""
    tides = Tides(windows=ALL, max_step_commits=step_commits)
    for shard_id in SHARDS:
        tides.sea.add_shard(shard_id)
    waiting = list(deaths)
    services = [born(tides, waiting) for _ in range(1 + rivals)]
    for number, (shards, batch, jump, idle) in enumerate(commits):
        moved = [(station, 13 * minute + 60 * jump, level) for station, minute, level in batch]
        tides.commit({shard_id: moved if shard_id == min(shards) else [] for shard_id in sorted(shards)})
        for shard_id in shards if idle else ():
            tides.sea.beat(shard_id)
        turn = number % len(services)
        services[turn] = stepped(tides, services[turn], waiting)
        for window in ALL:
            tides.seen(window)
    tides.flush()
    tides.check()
    tides.check_loose()


def born(tides: Tides, waiting: list[int]) -> WindowsService:
    """The next service that survives its start; `waiting` says at which call each dies."""
    while True:
        steps = Steps(crash_at=waiting.pop() if waiting else None)
        try:
            return tides.service(steps)
        except Crash:
            continue


def stepped(tides: Tides, service: WindowsService, waiting: list[int]) -> WindowsService:
    """The service after a step, or the one that follows it."""
    try:
        service.step()
    except (Crash, FencedError):
        return born(tides, waiting)
    return service
