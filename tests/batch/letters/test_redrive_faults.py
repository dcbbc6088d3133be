"""Whatever dies, answers late or comes in between: each letter comes back once, or is a letter still."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache

import pytest
from msgspec.structs import replace as replace_struct

from headrace_batch.committing import Draft, commit, new_attempt, settle
from headrace_batch.letters.filters import LetterFilter
from headrace_batch.letters.reading import letter_files, read_files
from headrace_batch.letters.redriving import MAX_PLANS
from headrace_batch.letters.report import RedriveReport
from headrace_batch.letters.units import Unit, UnitLimits
from headrace_consumers.commitlog import keys
from headrace_consumers.commitlog.model import Commit, CommitKind, Erasure
from headrace_consumers.errors import FencedError, GenerationRaisedError, MissingFileError
from tests.batch.backfill.runs import run as backfill
from tests.batch.letters.desk import Desk, spoilt_desk
from tests.fakes.s3 import _Upload
from tests.fakes.steps import Crash, Steps

FEWEST_CALLS = 30
Position = tuple[str, str, int]
SMALL = UnitLimits(letters=1)
"""Each file is a commit of its own."""


@cache
def _spoilt() -> Desk:
    return spoilt_desk(flights=12, commits=2)


def at_each_call(act: Callable[[Desk], object], wanted: LetterFilter | None = None) -> Iterator[tuple[Desk, int]]:
    """A lake for each call of AWS that a redrive takes: `act` came right before it. And how many letters the redrive
    brought back."""
    for call in itertools.count():
        desk, steps, done = _spoilt().copied(), Steps(), False

        def before(_: str) -> None:
            nonlocal done
            if steps.calls == call + 1 and not done:  # noqa: B023 - called within this round alone
                done = True
                act(desk)  # noqa: B023

        steps.before_call = before
        report = desk.redrive(wanted, steps=steps, unit=SMALL)
        if not done:
            assert call > FEWEST_CALLS
            return
        yield desk, report.redriven


def test_it_dies_at_every_step() -> None:
    """Before or after any call: readers see nothing of a unit or all of it, and whoever runs the command again ends
    it."""
    for crash_at in itertools.count():
        desk, steps = _spoilt().copied(), Steps(crash_at=crash_at)
        with suppress(Crash):
            desk.redrive(steps=steps, unit=SMALL)
        if crash_at >= 2 * steps.calls:
            assert crash_at > 2 * FEWEST_CALLS
            return
        settle(desk.place())
        desk.check()
        desk.redrive(unit=SMALL)
        desk.check_complete()


def test_an_answer_is_lost_at_every_step() -> None:
    """What took effect is not done again, nor taken for undone."""
    for call in itertools.count():
        desk, steps = _spoilt().copied(), Steps(lost_answers=frozenset({call}))
        report = desk.redrive(steps=steps, unit=SMALL)
        assert (report.redriven, len(report.commits)) == (len(desk.spoilt), 2)
        desk.check_complete()
        if steps.calls <= call:
            assert call > FEWEST_CALLS
            return


def test_two_at_once_bring_each_letter_back_once() -> None:
    """One redrives all, before any call of the other."""
    others: list[RedriveReport] = []
    for desk, redriven in at_each_call(lambda desk: others.append(desk.redrive())):
        assert redriven + others[-1].redriven == len(desk.spoilt)
        desk.check_complete()
    assert {other.redriven for other in others} > {0, len(_spoilt().spoilt)}


def test_two_that_redrive_other_letters_both_succeed() -> None:
    """Of the same files: who comes second rewrites what the first one left."""
    for desk, _ in at_each_call(
        lambda desk: desk.redrive(LetterFilter(stage="validate")), LetterFilter(stage="decode")
    ):
        desk.check_complete()


def test_letter_and_backfill() -> None:
    """A backfill retires the letters' commits between any two calls of a redrive: neither loses a letter, and none is
    accepted twice."""
    redriven = []
    for desk, count in at_each_call(lambda desk: backfill(desk.place())):
        redriven.append(count)
        desk.check()
        desk.redrive()
        desk.check_complete()
    assert set(redriven) == {len(_spoilt().spoilt)}


def test_letters_of_a_retired_commit_are_there_no_more() -> None:
    """What was redriven before stays redriven; the rest are letters of the backfill now."""
    desk = _spoilt().copied()
    desk.redrive(LetterFilter(stage="decode"))
    before = len(desk.letters())
    backfill(desk.place())
    assert len(desk.letters()) == before
    desk.check()
    desk.redrive()
    desk.check_complete()


def test_a_rewind_ends_it() -> None:
    """Nothing of what was planned before it becomes visible, and the sentence says so."""
    desk = _spoilt().copied()
    before = desk.letters()

    def rewind() -> None:
        for copy in range(keys.GENERATION_COPIES):
            place = (keys.generation_key("flights"), f"{copy:02d}")
            desk.world.dynamo.items[place] = desk.world.dynamo.items[place] | {"generation": {"N": "2"}}

    with pytest.raises(GenerationRaisedError, match="superseded by a rewind"):
        desk.redrive(steps=_before_commit(rewind))
    desk.check()
    assert (desk.letters(), desk.world.s3.uploads) == (before, {})


def _before_commit(act: Callable[[], object]) -> Steps:
    def before(call: str) -> None:
        if call == "TransactWriteItems":
            act()

    return Steps(before_call=before)


def test_it_gives_up_where_others_always_come_first() -> None:
    """After some plans, with a sentence that says what to do; nothing was done."""
    desk = _spoilt().copied()
    plans = []

    def forget() -> None:
        place = desk.place()
        plans.append(new_attempt(place))
        commit(place, Draft(attempt_id=plans[-1], kind=CommitKind.FORGET, files=()), len(plans) - 1, lambda _: True)

    with pytest.raises(FencedError, match=r"\(forget\).* came first .*run the command again"):
        desk.redrive(steps=_before_commit(forget))
    assert len(plans) == MAX_PLANS
    desk.check()


def test_a_letters_file_that_is_pending_is_completed() -> None:
    """A worker that died after its commit left it so."""
    desk = _spoilt().copied()
    place = next(place for place in desk.world.s3.objects if place[1].startswith("flights_dead_letters/"))
    stored = desk.world.s3.objects.pop(place)
    commits = desk.place().standing().commits.values()
    [file] = [file for one in commits for file in one.files if file.key == place[1]]
    parts = {number: stored.body for number, _ in enumerate(file.etags, 1)}
    desk.world.s3.uploads[file.upload_id] = _Upload(*place, stored.metadata, parts)
    assert desk.redrive(dry_run=True).redriven == len(desk.spoilt)


def _before_read(act: Callable[[], object]) -> Steps:
    """Once, before the first letters are read."""
    waiting = [act]

    def before(call: str) -> None:
        if call == "GetObject" and waiting:
            waiting.pop()()

    return Steps(before_call=before)


def test_letters_that_move_while_they_are_listed_are_one_sentence() -> None:
    """Who lists them runs it again; a redrive plans anew by itself."""
    desk = _spoilt().copied()
    place = desk.place(_before_read(lambda: desk.redrive(LetterFilter(stage="validate"))))
    files = letter_files(place.standing(), "flights_dead_letters", LetterFilter())
    with pytest.raises(FencedError, match="out of the lake meanwhile; run the command again"):
        list(read_files(place, files, LetterFilter()))
    desk = _spoilt().copied()
    desk.redrive(steps=_before_read(lambda: desk.redrive(LetterFilter(stage="validate"))))
    desk.check_complete()


def test_a_letters_file_that_is_lost_is_told() -> None:
    """It is no letter of anybody's redrive: `repair` makes it again."""
    desk = _spoilt().copied()
    lost = next(place for place in desk.world.s3.objects if place[1].startswith("flights_dead_letters/"))
    del desk.world.s3.objects[lost]
    with pytest.raises(MissingFileError, match="headrace-consumers repair"):
        desk.redrive()


def test_who_is_forgotten_meanwhile_does_not_come_back() -> None:
    """Between the plan and the commit: it is planned anew, without them."""
    desk = _spoilt().copied()
    commits: list[Commit] = []

    def forget() -> None:
        if not commits:
            place = desk.place()
            erases = tuple(map(_erased, ("EWR", "JFK", "LGA")))
            draft = Draft(attempt_id=new_attempt(place), kind=CommitKind.FORGET, files=(), erases=erases)
            commits.append(commit(place, draft, place.chain.position(), lambda _: True))

    report = desk.redrive(steps=_before_commit(forget))
    assert (report.forgotten, report.rows.get("flights_departed", 0)) == (_flights(desk), 0)
    assert not desk.letters()


def _erased(origin: str) -> Erasure:
    return Erasure("flights_departed", "origin", hashlib.sha256(origin.encode()).hexdigest())


def _flights(desk: Desk) -> int:
    return sum(b"flight.departed" in desk.truth[event_id] for event_id in desk.spoilt)


def _blind_to_retiring(unit: Unit, other: Commit) -> bool:
    return unit_goes_with(unit, replace_struct(other, retires=()))


def _blind_to_replacing(unit: Unit, other: Commit) -> bool:
    return unit_goes_with(unit, replace_struct(other, replaces=()))


def _blind_to_forgetting(unit: Unit, other: Commit) -> bool:
    return unit_goes_with(unit, replace_struct(other, kind=CommitKind.COMPACTION))


unit_goes_with = Unit.goes_with


@pytest.mark.parametrize(
    ("blind", "schedule"),
    [
        (_blind_to_retiring, test_letter_and_backfill),
        (_blind_to_replacing, test_two_at_once_bring_each_letter_back_once),
        (_blind_to_forgetting, test_who_is_forgotten_meanwhile_does_not_come_back),
    ],
)
def test_each_safeguard_is_needed(
    blind: Callable[[Unit, Commit], bool], schedule: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it, its schedule loses letters or doubles them."""
    monkeypatch.setattr(Unit, "goes_with", blind)
    with pytest.raises(AssertionError):
        schedule()
