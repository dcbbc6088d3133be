"""The windows service beside batch: what was taken back leaves the windows, what came instead is in them, once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from headrace_consumers.commitlog.model import CommitKind
from headrace_consumers.windows import Window
from tests.consumers.windows_service.shore import Shore
from tests.consumers.windows_service.tides import ALL, HOPS, HOURS, VISITS, at, settle

LATER = ("Hull", 500, 9)
"""Closes everything before it."""


def shore_of(*shard_ids: str, windows: Sequence[Window] = ALL, names_days: bool = True) -> Shore:
    shore = Shore(windows=windows, names_days=names_days)
    for shard_id in shard_ids:
        shore.sea.add_shard(shard_id)
    return shore


def rows_of_all(shore: Shore) -> list[int]:
    return [len(shore.rows(window)) for window in shore.windows]


def test_what_batch_brings_is_merged_once() -> None:
    """Letters that were mended, files that landed: in the windows at once, where these are out."""
    shore = shore_of("a")
    shore.commit({"a": [("Dover", 5, 1), LATER]})
    service = shore.service()
    settle(service)
    shore.batch([("Dover", 6, 2)], kind=CommitKind.REDRIVE)
    shore.batch([("Deal", 7, 4)], kind=CommitKind.LANDING)
    settle(service)
    settle(shore.service())
    assert shore.seen(HOURS)["Dover", at(0)] == (at(60), 2, 2, 3)
    assert shore.seen(HOURS)["Deal", at(0)] == (at(60), 1, 1, 4)
    shore.flush()
    shore.check()
    assert max(row["revision"] for row in shore.rows(HOURS)) == 2


@pytest.mark.parametrize("names_days", [True, False])
@pytest.mark.parametrize("settled", [True, False])
def test_a_backfill_that_gives_the_same_rows_writes_no_window(*, names_days: bool, settled: bool) -> None:
    """Whether the retired commit's files are still there or not, and whatever its folders tell."""
    shore = shore_of("a", names_days=names_days)
    first = shore.commit({"a": [("Dover", 5, 1), ("Dover", 70, 2), LATER]})
    shore.commit({"a": [("Dover", 6, 3)]})
    service = shore.service()
    settle(service)
    before = rows_of_all(shore)
    shore.batch(shore.brought[first.attempt_id], first, settled=settled)
    assert settle(service)[0].committed
    assert rows_of_all(shore) == before
    shore.flush()
    shore.check()
    shore.check_state()


def test_after_a_backfill_that_makes_letters_of_rows_windows_are_those_of_what_stands() -> None:
    """Less events: a revision; none: a tombstone; untouched: nothing."""
    shore = shore_of("a", windows=(HOURS,))
    first = shore.commit({"a": [("Dover", 5, 1), ("Dover", 6, 2), ("Deal", 70, 4), ("Hull", 7, 5), LATER]})
    settle(shore.service())
    shore.batch([("Dover", 5, 1), ("Hull", 7, 5), LATER], first)
    [report, *_] = settle(shore.service())
    assert (report.new, report.revised, report.deleted) == (0, 1, 1)
    said = {(row["station"], row["revision"]): (row["events"], row["deleted"]) for row in shore.rows(HOURS)}
    assert said == {
        ("Dover", 1): (2, False), ("Dover", 2): (1, False),
        ("Deal", 1): (1, False), ("Deal", 2): (0, True), ("Hull", 1): (1, False),
    }  # fmt: skip
    shore.flush()
    shore.check()


def test_a_window_comes_back_after_its_tombstone() -> None:
    """With the next revision, so that readers, who take the greatest, see it."""
    shore = shore_of("a")
    first = shore.commit({"a": [("Dover", 5, 1), LATER]})
    settle(shore.service())
    gone = shore.batch([LATER], first)
    settle(shore.service())
    assert set(shore.seen(HOURS)) == set()
    shore.batch([("Dover", 5, 1), LATER], gone)
    settle(shore.service())
    assert [row["revision"] for row in shore.rows(HOURS)] == [1, 2, 3]
    for window in ALL:
        assert ("Dover", min(start for _, start in shore.seen(window))) in shore.seen(window)
    counts = shore.service()._tip.manifest.windows["hours"].counts
    assert (counts.emitted, counts.revised, counts.deleted, counts.closed) == (2, 0, 1, 1)
    shore.flush()
    shore.check()


def test_a_retired_commit_that_is_met_later_is_passed() -> None:
    """Its replacement was merged before; its files are deleted, and nobody asks for them."""
    shore = shore_of("a")
    first = shore.commit({"a": [("Dover", 5, 1), LATER]}, complete=False)
    shore.batch([("Dover", 5, 2), LATER], first)
    settle(shore.service())
    assert shore.seen(HOURS)["Dover", at(0)] == (at(60), 1, 1, 2)
    assert all(row["revision"] == 1 for row in shore.rows(HOURS))
    shore.flush()
    shore.check()


def test_a_commit_that_is_retired_while_it_is_merged_is_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files vanish after the batch chain was read: the step begins anew, with what batch says by then."""
    shore = shore_of("a")
    service = shore.service()
    shore.commit({"a": [("Hull", 1, 1)]})
    first = shore.commit({"a": [("Dover", 5, 1), LATER]})
    follow = service._follow

    def follow_and_lose() -> object:
        advances = follow()
        monkeypatch.undo()
        shore.batch([("Dover", 5, 2), LATER], first)
        return advances

    monkeypatch.setattr(service, "_follow", follow_and_lose)
    settle(service)
    assert shore.seen(HOURS) == {("Dover", at(0)): (at(60), 1, 1, 2), ("Hull", at(0)): (at(60), 1, 1, 1)}


def test_a_batch_commit_that_is_retired_itself_counts_no_more() -> None:
    """A backfill of a backfill, the first of which is merged, or not."""
    for merges_between in (True, False):
        shore = shore_of("a")
        first = shore.commit({"a": [("Dover", 5, 1), LATER]})
        settle(shore.service())
        second = shore.batch([("Dover", 5, 2), ("Deal", 5, 2), LATER], first)
        if merges_between:
            settle(shore.service())
        shore.batch([("Dover", 5, 4), LATER], second)
        settle(shore.service())
        assert shore.seen(HOURS) == {("Dover", at(0)): (at(60), 1, 1, 4)}
        shore.flush()
        shore.check()


def test_a_session_is_split_where_what_joined_it_is_retired() -> None:
    """Its first part is revised, its second one, once swallowed, stands again; and the other way round once more."""
    shore = shore_of("a", windows=(VISITS,))
    shore.commit({"a": [("Dover", 600, 1), ("Dover", 640, 2), ("Hull", 900, 0)]})
    settle(shore.service())
    bridge = shore.commit({"a": [("Dover", 620, 4)]})
    settle(shore.service())
    assert shore.seen(VISITS) == {("Dover", at(600)): (at(640), 3, 3, 7)}
    shore.batch([], bridge)
    settle(shore.service())
    assert shore.seen(VISITS) == {
        ("Dover", at(600)): (at(600), 1, 1, 1), ("Dover", at(640)): (at(640), 1, 1, 2),
    }  # fmt: skip
    shore.batch([("Dover", 621, 8)])
    settle(shore.service())
    assert shore.seen(VISITS) == {("Dover", at(600)): (at(640), 3, 3, 11)}
    revisions = {(int((row["window_start"] - at(0)).total_seconds()) // 60): row["revision"] for row in
                 sorted(shore.rows(VISITS), key=lambda row: row["revision"])}  # fmt: skip
    assert revisions == {600: 4, 640: 4}
    shore.flush()
    shore.check()


def test_a_session_whose_first_event_is_retired_begins_later() -> None:
    """Its old start gets a tombstone, also over the edge of a partition."""
    shore = shore_of("a", windows=(VISITS,))
    head = shore.commit({"a": [("Dover", 50, 1)]})
    shore.commit({"a": [("Dover", 70, 2), ("Dover", 90, 4), ("Hull", 900, 0)]})
    settle(shore.service())
    shore.batch([], head)
    settle(shore.service())
    assert shore.seen(VISITS) == {("Dover", at(70)): (at(90), 2, 2, 6)}
    shore.flush()
    shore.check()
    shore.check_state()


def test_an_open_window_loses_what_is_retired_before_it_is_out() -> None:
    """It comes out once, right; one that has nothing left never does."""
    shore = shore_of("a")
    gone = shore.commit({"a": [("Dover", 5, 1), ("Deal", 6, 2)]})
    shore.commit({"a": [("Dover", 7, 4)]})
    service = shore.service()
    settle(service)
    shore.batch([], gone)
    settle(service)
    shore.commit({"a": [LATER]})
    settle(service)
    assert shore.seen(HOURS) == {("Dover", at(0)): (at(60), 1, 1, 4)}
    assert all(row["revision"] == 1 for row in shore.rows(HOPS))
    shore.flush()
    shore.check()


def test_closed_partitions_far_away_are_rebuilt() -> None:
    """Days after their windows left memory, in a service that has just begun."""
    shore = shore_of("a")
    old = shore.commit({"a": [("Dover", 5, 1), ("Hull", 1500, 2)]})
    shore.commit({"a": [("Dover", 6, 2), ("Hull", 6000, 0)]})
    settle(shore.service())
    shore.batch([("Dover", 1505, 8)], old)
    settle(shore.service())
    shore.flush()
    shore.check()
    shore.check_state()


def test_commits_of_other_days_are_not_read_again() -> None:
    """Their folders tell: a rebuild costs what it touches."""
    shore = shore_of("a", windows=(HOURS,))
    first = shore.commit({"a": [("Dover", 5, 1)]})
    near = shore.commit({"a": [("Dover", 6, 2)]})
    far = shore.commit({"a": [("Hull", 6000, 0)]})
    service = shore.service()
    settle(service)
    read: list[str] = []
    object.__setattr__(service._reader, "store", _Noting(service._reader.store, read))
    shore.batch([], first)
    settle(service)
    keys = {name: {file.key for file in commit.files} for name, commit in (("near", near), ("far", far))}
    assert keys["near"] & set(read)
    assert not keys["far"] & set(read)


class _Noting:
    """A store whose reads are noted."""

    def __init__(self, store: object, read: list[str]) -> None:
        self._store, self._read = store, read

    def read(self, bucket: str, key: str) -> bytes:
        self._read.append(key)
        found: bytes = self._store.read(bucket, key)  # type: ignore[attr-defined]
        return found

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)
