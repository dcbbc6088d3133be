"""The windows service beside batch: what was taken back leaves the windows, what came instead is in them, once."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from headrace_consumers.commitlog import keys
from headrace_consumers.commitlog.model import CommitKind
from headrace_consumers.errors import LogError, MissingFileError
from headrace_consumers.windows import Window
from headrace_consumers.windows_service import files
from headrace_consumers.windows_service.manifest import Manifest, encode_manifest
from headrace_consumers.windows_service.tables import encoded
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
    [report, *_] = settle(service)
    assert (report.committed, report.batch, report.rebuilt) == (True, 1, 9)
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


def test_a_session_that_is_swallowed_by_its_head_alone_is_taken_back() -> None:
    """What joins it comes with the commit that retires its tail: it ends later than what swallows it."""
    shore = shore_of("a", windows=(VISITS,))
    shore.commit({"a": [("Dover", 600, 1), ("Dover", 640, 2)]})
    tail = shore.commit({"a": [("Dover", 660, 4), ("Hull", 900, 0)]})
    settle(shore.service())
    assert shore.seen(VISITS)["Dover", at(640)] == (at(660), 2, 2, 6)
    shore.batch([("Dover", 620, 8), ("Hull", 900, 0)], tail)
    settle(shore.service())
    assert shore.seen(VISITS) == {("Dover", at(600)): (at(640), 3, 3, 11)}
    shore.flush()
    shore.check()


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


def test_a_rewritten_file_is_read_where_windows_are_made_anew() -> None:
    """Of a commit that was merged before its file was replaced: not merged again, and not missed either."""
    shore = shore_of("a", windows=(HOURS,))
    first = shore.commit({"a": [("Dover", 5, 1)]})
    second = shore.commit({"a": [("Dover", 6, 2)]})
    shore.commit({"a": [LATER]})
    settle(shore.service())
    before = rows_of_all(shore)
    shore.rewrite(shore.made[first.attempt_id], HOURS)
    settle(shore.service())
    assert rows_of_all(shore) == before
    shore.batch([], second)
    settle(shore.service())
    assert shore.seen(HOURS) == {("Dover", at(0)): (at(60), 1, 1, 1)}


def test_a_rewritten_file_of_a_commit_that_is_retired_counts_no_more() -> None:
    """Though whoever retired it has not replaced the file: its footer says whose rows it has."""
    shore = shore_of("a", windows=(HOURS,))
    first = shore.commit({"a": [("Dover", 5, 1)]})
    shore.commit({"a": [("Dover", 6, 2), LATER]})
    settle(shore.service())
    shore.rewrite(first, HOURS)
    settle(shore.service())
    shore.batch([], first)
    settle(shore.service())
    assert shore.seen(HOURS) == {("Dover", at(0)): (at(60), 1, 1, 2)}


def test_a_commit_whose_file_was_replaced_before_it_was_merged_is_read_as_it_is_now() -> None:
    """Once; also where windows are made anew before it is met, and after."""
    shore = shore_of("a", windows=(HOURS,))
    first = shore.commit({"a": [("Dover", 5, 1), LATER]})
    settle(shore.service())
    late = shore.commit({"a": [("Dover", 6, 2)]})
    shore.rewrite(late, HOURS)
    shore.batch([("Dover", 7, 4), LATER], first)
    settle(shore.service())
    assert shore.seen(HOURS) == {("Dover", at(0)): (at(60), 2, 2, 6)}
    shore.batch([("Dover", 8, 8)])
    shore.flush()
    shore.check()


def test_a_replaced_file_that_nobody_has_rewritten_stops_with_a_sentence() -> None:
    """Its events would be in no window."""
    shore = shore_of("a", windows=(HOURS,))
    late = shore.commit({"a": [("Dover", 6, 2)]})
    shore.rewrite(late, HOURS, says="another")
    with pytest.raises(MissingFileError, match=r"replaced before the windows.*had merged it"):
        shore.service().step()


def forget_links(shore: Shore, shard_id: str, position: int) -> None:
    """The log expires: the links of a shard up to there."""
    items, chain = shore.sea.dynamo.items, keys.chain_key(shore.sea.lineage.chain(shard_id))
    for key in [key for key in items if key[0] == chain and key[1] < keys.padded(position)]:
        del items[key]


def test_windows_that_expired_commits_may_be_part_of_are_not_made_anew() -> None:
    """It says so, naming the shard and how far the log is lost; nothing is committed."""
    shore = shore_of("a", windows=(HOURS,))
    shore.commit({"a": [("Dover", 5, 1)]})
    second = shore.commit({"a": [("Dover", 6, 2), LATER]})
    settle(shore.service())
    before = rows_of_all(shore)
    forget_links(shore, "a", 10)
    shore.batch([("Dover", 6, 2), LATER], second)
    with pytest.raises(LogError, match=r"shard a \(generation 1\) before position 10 have expired.*backup"):
        shore.service().step()
    assert rows_of_all(shore) == before


def test_windows_after_all_expired_commits_are_made_anew() -> None:
    """Links tell the highest event time before them: what is later, the lost ones had no part in."""
    shore = shore_of("a", windows=(HOURS,))
    shore.commit({"a": [("Dover", 5, 1)]})
    shore.commit({"a": [("Dover", 7, 1)]})
    third = shore.commit({"a": [("Dover", 1500, 2), ("Hull", 3000, 0)]})
    settle(shore.service())
    forget_links(shore, "a", 10)
    shore.batch([("Dover", 1500, 4), ("Hull", 3000, 0)], third)
    settle(shore.service())
    assert shore.seen(HOURS)["Dover", at(1500)] == (at(1560), 1, 1, 4)
    assert shore.seen(HOURS)["Dover", at(0)] == (at(60), 2, 2, 2)


def test_a_retired_commit_that_has_expired_stops_with_a_sentence() -> None:
    """Nobody knows any more which windows it was part of."""
    shore = shore_of("a", windows=(HOURS,))
    first = shore.commit({"a": [("Dover", 5, 1)]})
    shore.commit({"a": [("Dover", 6, 2), LATER]})
    settle(shore.service())
    forget_links(shore, "a", 10)
    commit = shore.batch([("Dover", 5, 1)], first)
    del shore.sea.dynamo.items[keys.commit_key("tides", 1, first.attempt_id), "commit"]
    with pytest.raises(LogError, match=f"{commit.attempt_id}.*retires commit {first.attempt_id}, which has expired"):
        shore.service().step()


def test_state_of_the_version_before_is_gone_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without generations, without tombstones: what comes out again is newer than all that readers have."""
    shore = shore_of("a", windows=(VISITS,))
    with monkeypatch.context() as before:
        before.setattr(files, "encode_manifest", without_generations)
        before.setattr(files, "encoded", without_tombstones)
        shore.commit({"a": [("Dover", 600, 1), ("Dover", 640, 2), ("Hull", 900, 0)]})
        settle(shore.service())
        bridge = shore.commit({"a": [("Dover", 620, 4)]})
        settle(shore.service())
    shore.batch([], bridge)
    settle(shore.service())
    newest_rows = {row["window_start"]: row for row in sorted(shore.rows(VISITS), key=lambda row: row["revision"])}
    assert {start: row["deleted"] for start, row in newest_rows.items()} == {at(600): False, at(640): False}


def without_generations(manifest: Manifest) -> bytes:
    document = msgspec.json.decode(encode_manifest(manifest))
    return msgspec.json.encode(document | {"format": 1, "progress": document["progress"]["1"]})


def without_tombstones(rows: pa.Table) -> memoryview:
    """Of state; curated rows have a commit."""
    if "deleted" in rows.column_names and "commit_id" not in rows.column_names:
        rows = rows.filter(pc.invert(rows["deleted"])).drop_columns(["deleted"])
    return encoded(rows)


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
