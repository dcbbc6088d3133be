"""A rebuild that dies at every step, and any interleaving of stream, batch, rewinds and steps of the service."""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace_consumers.commitlog.model import CommitKind
from headrace_consumers.errors import FencedError
from headrace_consumers.windows_service.service import WindowsService
from tests.consumers.windows_service.shore import Shore
from tests.consumers.windows_service.tides import ALL, HOURS, VISITS, Reading, settle
from tests.fakes.steps import Crash, Steps

SHARDS = ("a", "b")


@pytest.fixture(autouse=True, scope="module")
def _no_waiting() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tenacity.nap.time.sleep", lambda _s: None)
        yield


def retired() -> Shore:
    """Windows are out whose commits a backfill has retired: a session is split, one vanishes, one is new; its files
    are pending, those of the retired are deleted."""
    return copy.deepcopy(_retired())


@cache
def _retired() -> Shore:
    shore = Shore(windows=(VISITS,))
    for shard_id in SHARDS:
        shore.sea.add_shard(shard_id)
    shore.commit({"a": [("Dover", 5, 1), ("Dover", 55, 2)], "b": [("Hull", 400, 0)]})
    gone = shore.commit({"a": [("Dover", 30, 4), ("Deal", 100, 8), ("Hull", 400, 0)], "b": []})
    settle(shore.service())
    backfill = shore.batch([("Deal", 200, 16), ("Dover", 60, 32)], gone, settled=False)
    shore.take_out(backfill)
    shore.commit({"b": [("Hull", 410, 0)], "a": [("Hull", 420, 0)]}, complete=False)
    return shore


def calls_of_a_life() -> list[str]:
    steps = Steps()
    settle(retired().service(steps))
    return steps.seen


CALLS = calls_of_a_life()


@pytest.mark.parametrize("call", range(len(CALLS)), ids=[f"{n} {call}" for n, call in enumerate(CALLS)])
def test_a_rebuild_dies_at_any_call(call: int) -> None:
    """Whoever starts next goes on from what stands: the windows are those of the commits that stand. After one call is
    before the next."""
    shore = retired()
    with suppress(Crash):
        settle(shore.service(Steps(crash_at=2 * call + 1)))
    shore.seen(VISITS)
    shore.check_loose()
    shore.flush()
    shore.check()
    shore.check_loose()
    shore.check_state()


@pytest.mark.parametrize("call", range(len(CALLS)), ids=[f"{n} {call}" for n, call in enumerate(CALLS)])
def test_batch_commits_at_any_call(call: int) -> None:
    """What is being merged is retired, and its files deleted, in the midst of a step."""
    shore = retired()
    steps = Steps()

    def intrude(_name: str) -> None:
        if steps.calls - 1 == call:
            latest = max(made for made in shore.made if made not in shore.retired)
            shore.batch([("Deal", 210, 64)], latest)

    steps.before_call = intrude
    settle(shore.service(steps))
    shore.flush()
    shore.check()
    shore.check_loose()


@dataclass(frozen=True)
class Move:
    """One thing that happens; numbers choose among what there is."""

    verb: str
    number: int
    readings: tuple[Reading, ...] = ()


readings = st.lists(
    st.tuples(st.sampled_from(["Dover", "Hull"]), st.integers(0, 12).map(lambda n: 13 * n), st.integers(-9, 9)),
    max_size=4,
).map(tuple)
VERBS = (
    "commit", "commit", "close", "backfill", "redrive", "retire", "rewind", "step", "step", "step", "restart", "settle"
)  # fmt: skip
moves = st.lists(st.builds(Move, st.sampled_from(VERBS), st.integers(0, 40), readings), min_size=3, max_size=14)


@given(script=moves, step_commits=st.integers(1, 3))
@settings(max_examples=20, deadline=None)
def test_windows_depend_on_the_commits_that_stand_alone(script: list[Move], step_commits: int) -> None:
    """However commits of the stream, of batch, rewinds, deletions, deaths and steps come one after the other: the last
    revisions are the oracle's over what stands, and revisions count from 1 without a hole."""
    shore = played(script, step_commits).shore
    shore.check_loose()
    shore.check_state()


def played(script: Sequence[Move], step_commits: int) -> Play:
    shore = Shore(windows=ALL, max_step_commits=step_commits)
    for shard_id in SHARDS:
        shore.sea.add_shard(shard_id)
    play = Play(shore, shore.service())
    for move in script:
        getattr(play, move.verb)(move)
        for window in ALL:
            shore.seen(window)
    shore.flush()
    shore.check()
    return play


@dataclass
class Play:
    """A shore, and the service that is at work on it."""

    shore: Shore
    service: WindowsService
    fenced: int = 0

    def commit(self, move: Move) -> None:
        shards = SHARDS if move.number % 3 == 2 else (SHARDS[move.number % 3],)
        moved = [(station, minute + 120 * (move.number // 10), level) for station, minute, level in move.readings]
        by_shard = {shard_id: moved[number :: len(shards)] for number, shard_id in enumerate(shards)}
        self.shore.commit(by_shard, complete=move.number % 4 != 0)

    def close(self, move: Move) -> None:
        """Windows that close before this are out with the next step."""
        self.shore.commit({shard_id: [("Deal", 200 + 10 * move.number, 1)] for shard_id in SHARDS})

    def backfill(self, move: Move) -> None:
        """As it was, or otherwise; settled at once, or later."""
        chosen = self._standing(move)
        came = [one for commit_id in chosen for one in self.shore.brought[commit_id]]
        again = came if move.number % 2 else list(move.readings)
        if chosen:
            self.shore.batch(again, *chosen, settled=move.number % 3 > 0)

    def redrive(self, move: Move) -> None:
        self.shore.batch(move.readings, kind=CommitKind.REDRIVE)

    def retire(self, move: Move) -> None:
        chosen = self._standing(move)
        if chosen:
            self.shore.batch((), *chosen)

    def rewind(self, move: Move) -> None:
        forks = sum(all(link.kind == "fork" for link in links.values()) for links in self.shore.sea.history)
        length = len(self.shore.sea.history)
        if length:
            self.shore.rewind(forks + move.number % (length - forks + 1), by=1 + move.number % 2)

    def step(self, _move: Move) -> None:
        try:
            self.service.step()
        except FencedError:
            self.fenced += 1
            self.service = self.shore.service()

    def restart(self, move: Move) -> None:
        """The service dies in its next step, if that makes so many calls; another one begins."""
        with suppress(Crash, FencedError):
            self.shore.service(Steps(crash_at=60 + 3 * move.number)).step()
        self.service = self.shore.service()

    def settle(self, _move: Move) -> None:
        for commit in list(self.shore.made.values()):
            if commit.kind is not CommitKind.STREAM:
                self.shore.settle(commit)

    def _standing(self, move: Move) -> list[str]:
        """One or two of the commits that brought something and stand."""
        standing = [made for made in self.shore.made if made not in self.shore.retired and self.shore.brought[made]]
        start = move.number % len(standing) if standing else 0
        return standing[start : start + 1 + move.number % 2]


def test_interleavings_reach_what_they_are_to_prove() -> None:
    """Revisions, tombstones, windows that come back, fenced services: random ones have them all."""
    met: Counter[str] = Counter()
    for seed in range(12):
        draw = random.Random(seed)
        script = [
            Move(draw.choice(VERBS), draw.randrange(40), (("Dover", 13 * draw.randrange(12), 1),)) for _ in range(20)
        ]
        play = played(script, 1 + seed % 3)
        rows = play.shore.rows(HOURS)
        graves = [row for row in rows if row["deleted"]]
        met += Counter(
            graves=len(graves),
            revised=sum(row["revision"] > 1 and not row["deleted"] for row in rows),
            returned=sum(_returns(row, rows) for row in graves),
            fenced=play.fenced,
        )
        if len(met) == 4:
            return
    raise AssertionError(f"12 interleavings met only {sorted(met)}")


def _returns(grave: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> bool:
    place = (grave["station"], grave["window_start"])
    return any((row["station"], row["window_start"]) == place and row["revision"] > grave["revision"] for row in rows)
