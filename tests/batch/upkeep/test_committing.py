"""What every batch command leans on: a commit is all or nothing, and what it left undone the next command does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import Any

import pytest

from headrace_batch import committing
from headrace_batch.committing import Draft, commit, new_attempt, settle, upload
from headrace_batch.place import Place
from headrace_consumers.commit.completing import complete_pending
from headrace_consumers.commitlog import keys
from headrace_consumers.commitlog.batch import BatchChain
from headrace_consumers.commitlog.model import Commit, CommitKind, Replaced
from headrace_consumers.errors import FencedError, GenerationRaisedError, MissingFileError
from headrace_consumers.lake.objects import EncodedFile
from tests.batch.upkeep.yard import landed, make_pending, named, place_of, visible, visits, world_of
from tests.fakes.steps import Crash, Steps
from tests.faults.simulation import World

SETTLING = {"HeadObject", "CompleteMultipartUpload", "AbortMultipartUpload", "DeleteObject"}


def drafted(place: Place, name: str, **more: Any) -> Draft:
    attempt_id = new_attempt(place)
    file = EncodedFile("notes", "", "processed", f"notes/{name}-{attempt_id}", 1, name.encode())
    kind = CommitKind.BACKFILL if "retires" in more else CommitKind.COMPACTION
    return Draft(attempt_id=attempt_id, kind=kind, files=upload(place, [file], attempt_id), **more)


def unsettled(world: World, monkeypatch: pytest.MonkeyPatch, **more: Any) -> Commit:
    """A commit whose writer died right after the transaction."""
    place = place_of(world)
    with monkeypatch.context() as patch:
        patch.setattr(committing, "settle", lambda _: None)
        return commit(place, drafted(place, "u", **more), place.chain.position(), lambda _: True)


def files_of(one: Commit) -> set[tuple[str, str]]:
    return {(file.bucket, file.key) for file in one.files}


def replaced(one: Commit) -> tuple[Replaced, ...]:
    return tuple(Replaced(one.attempt_id, file.table, file.bucket, file.key) for file in one.files)


def test_a_commit_is_visible_and_what_it_took_out_is_gone() -> None:
    """Retired: all files but the raw one. Replaced: that file."""
    world = world_of()
    old, kept = visits(world, "ann", "bob"), visits(world, "eve")
    place = place_of(world)
    standing = place.standing().commits
    note = landed(place, "n")
    new = commit(place, drafted(place, "b", retires=(old,), replaces=replaced(note)), 1, lambda _: True)
    gone = files_of(standing[old]) | files_of(note)
    raw = {one for one in gone if one[0] == "raw"}
    assert len(raw) == 1
    assert raw <= world.s3.objects.keys()
    assert visible(world) == {one for one in files_of(standing[kept]) | files_of(new) if one[0] != "raw"}
    assert visible(world) == named(place.standing())
    assert not world.s3.uploads


@pytest.mark.parametrize("forgets_completed", [True, False])
def test_a_command_that_dies_anywhere_is_healed_by_the_next(forgets_completed: bool) -> None:  # noqa: FBT001
    """Either nothing of it stands and readers see what they saw; or the next one settles it whole."""
    died = 0
    for step in range(400):
        world = world_of()
        world.s3.forgets_completed = forgets_completed
        old = visits(world, "ann")
        note = landed(place_of(world), "n")
        before = visible(world)
        steps = Steps(crash_at=step)
        try:
            place = place_of(world, steps)
            settle(place)
            commit(place, drafted(place, "b", retires=(old,), replaces=replaced(note)), 1, lambda _: True)
        except Crash:
            died += 1
            settle(place_of(world))
            after = place_of(world).standing()
            assert visible(world) == named(after)
            assert visible(world) == before or old in after.retired
            raw = {(file.bucket, file.key) for file in after.raw.values()}
            assert raw <= world.s3.objects.keys()
        if step > 2 * steps.calls:
            break
    assert died > 40


class Between:
    """Something else that happens right before one call of a command; counts the calls, which threads make."""

    def __init__(self, at: int, what: Callable[[], object], among: Collection[str] = ()) -> None:
        self.at, self.what, self.among = at, what, among
        self.calls = 0
        self._lock = threading.Lock()

    def __call__(self, name: str) -> None:
        with self._lock:
            if self.among and name not in self.among:
                return
            self.calls += 1
            if self.calls == self.at + 1:
                self.what()


def test_two_settlers_at_once_leave_what_one_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first is stopped before each of its calls in turn, the second runs whole, the first goes on."""
    for stop_at in range(40):
        world = world_of()
        old = visits(world, "ann")
        unsettled(world, monkeypatch, retires=(old,))
        steps = Steps()
        place = place_of(world, steps)
        steps.before_call = between = Between(stop_at, partial(settle, place_of(world)))
        settle(place)
        assert visible(world) == named(place_of(world).standing())
        assert not world.s3.uploads
        if between.calls <= stop_at:
            assert stop_at > 10
            return
    raise AssertionError("the slow settler never ends")


def replace_whole(world: World, one: Commit) -> None:
    place = place_of(world)
    commit(place, drafted(place, "k", replaces=replaced(one)), 1, lambda _: True)


def test_what_a_later_commit_replaced_is_not_completed_by_a_slow_settler(monkeypatch: pytest.MonkeyPatch) -> None:
    """It read the chain before; the other one has aborted the upload meanwhile, whoever is about to complete it."""
    for stop_at in range(60):
        world = world_of()
        first = unsettled(world, monkeypatch)
        steps = Steps()
        slow = place_of(world, steps, "slow")
        steps.before_call = between = Between(stop_at, partial(replace_whole, world, first), SETTLING)
        settle(slow)
        settle(place_of(world))
        assert visible(world) == named(place_of(world).standing())
        assert not world.s3.uploads
        if between.calls <= stop_at:
            assert stop_at > 1
            return
    raise AssertionError("the slow settler never ends")


def test_a_retired_commit_that_was_pending_is_never_completed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rows' uploads are aborted, its raw file is there; who tries to complete it finds nothing to complete."""
    world = world_of()
    died = visits(world, "ann")
    pending = make_pending(world, died)
    assert not visible(world)
    unsettled(world, monkeypatch, retires=(died,))
    settle(place_of(world))
    assert not world.s3.uploads
    raw = next(file for file in pending.files if file.bucket == "raw")
    assert (raw.bucket, raw.key) in world.s3.objects
    with pytest.raises(MissingFileError):
        complete_pending(place_of(world).store, pending)
    assert visible(world) == named(place_of(world).standing())


def test_a_file_that_is_lost_is_told() -> None:
    """Settling says so, and does not go on as if it were there."""
    world = world_of()
    place = place_of(world)
    one = drafted(place, "x")
    world.s3.uploads.clear()
    with pytest.raises(MissingFileError, match="is committed by"):
        commit(place, one, 0, lambda _: True)


def test_what_is_fenced_leaves_nothing() -> None:
    """Its uploads are aborted: it can never stand."""
    world = world_of()
    place = place_of(world)
    landed(place, "first")
    with pytest.raises(FencedError, match="came first"):
        commit(place, drafted(place, "x"), 0, lambda _: False)
    assert not world.s3.uploads
    assert len(visible(world)) == 1


def raise_generation(world: World) -> None:
    for key, item in list(world.dynamo.items.items()):
        if key[0] == keys.generation_key(world.pipeline.name):
            world.dynamo.items[key] = {**item, "generation": {"N": "2"}}


def test_a_raised_generation_leaves_nothing_either() -> None:
    """What was planned before a rewind ends with it."""
    world = world_of()
    place = place_of(world)
    one = drafted(place, "x")
    raise_generation(world)
    with pytest.raises(GenerationRaisedError):
        commit(place, one, 0, lambda _: True)
    assert not world.s3.uploads


def test_a_commit_whose_answer_was_lost_before_a_rewind_keeps_its_files() -> None:
    """commit-timeout, with a rewind in between: the second try is told of the raised generation alone. The log says
    that the first one stands; to abort its uploads would be to lose them."""
    world = world_of()
    steps = Steps()
    place = place_of(world, steps)
    one = drafted(place, "x")

    def rewound(name: str) -> None:
        if name == "TransactWriteItems" and place_of(world).chain.position() == 1:
            world.dynamo.tokens.clear()
            raise_generation(world)

    steps.before_call, steps.lost_answers = rewound, frozenset({steps.calls})
    stood = commit(place, one, 0, lambda _: True)
    assert files_of(stood) == visible(world)


def test_files_are_uploaded_while_the_next_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never more of them in memory than the budget and one: the maker of files is held back."""
    monkeypatch.setattr(committing, "MAX_BYTES_IN_FLIGHT", 300)
    world = world_of()
    steps = Steps()
    place = place_of(world, steps)
    made, most = 0, 0

    def files() -> Iterator[EncodedFile]:
        nonlocal made, most
        for number in range(30):
            most = max(most, made - len(world.s3.uploads))
            made += 1
            yield EncodedFile("notes", "", "processed", f"notes/{number}", 1, bytes(100))

    pending = upload(place, files(), new_attempt(place))
    assert [file.key for file in pending] == [f"notes/{number}" for number in range(30)]
    assert len(world.s3.uploads) == 30
    assert most <= 4


def test_the_chain_alone_says_what_to_settle() -> None:
    """A mark that was lost costs work, not rows."""
    world = world_of()
    place = place_of(world)
    old = visits(world, "ann")
    landed(place, "b", retires=(old,))
    place.log.mark("visits", committing.SETTLED, "0")
    before = visible(world)
    settle(place)
    assert visible(world) == before == named(place.standing())
    assert place.log.marks("visits")[committing.SETTLED] == "1"


def test_the_chain_is_read_from_where_it_is_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also by a command of many commits, each of which is settled."""
    place, read = place_of(world_of()), []
    after = BatchChain.after

    def counted(chain: BatchChain, position: int) -> Iterator[Commit]:
        for found in after(chain, position):
            read.append(found)
            yield found

    monkeypatch.setattr(BatchChain, "after", counted)
    for number in range(5):
        landed(place, str(number))
    settle(place)
    assert len(read) == 5
