"""The windows service on whole streams: what is out, when, and that its last revision is right."""

from __future__ import annotations

import pytest

from headrace_consumers.commitlog import keys
from headrace_consumers.errors import GenerationRaisedError, LogError, MissingFileError
from headrace_consumers.grain import Grain
from headrace_consumers.windows import Session, Tumbling, count, total
from headrace_consumers.windows_service.watermarks import MINUS_INFINITY_US
from headrace_producers.errors import SettingsError
from tests.consumers.windows_service.sea import TIDES
from tests.consumers.windows_service.tides import HOPS, HOURS, VISITS, Tides, at, settle, us

LATER = ("Hull", 500, 9)
"""Closes everything before it."""


def tides_of(*shard_ids: str, **more: object) -> Tides:
    tides = Tides(**more)  # type: ignore[arg-type]
    for shard_id in shard_ids:
        tides.sea.add_shard(shard_id)
    return tides


def ends(tides: Tides) -> set[tuple[str, int]]:
    """The hourly windows that are out: station and minute of their start."""
    return {(place, int((start - at(0)).total_seconds()) // 60) for place, start in tides.seen(HOURS)}


def test_an_empty_stream_writes_nothing() -> None:
    """No shard, or none with events: no window, no commit, no object."""
    for tides in (tides_of(), tides_of("a", "b")):
        [report] = settle(tides.service())
        assert (report.committed, report.low_watermark_us) == (False, MINUS_INFINITY_US)
        assert tides.sea.s3.objects == {}


def test_windows_are_out_once_every_shard_has_passed_their_end() -> None:
    """Not before; then all kinds equal the oracle."""
    tides = tides_of("a", "b")
    service = tides.service()
    tides.commit({"a": [("Dover", 5, 1), ("Dover", 59, 2), LATER]})
    assert settle(service)[0].new == 0
    tides.commit({"b": [("Dover", 30, 4), ("Dover", 61, 8)]})
    settle(service)
    assert ends(tides) == {("Dover", 0)}
    tides.flush()
    tides.check()
    tides.check_loose()


def test_late_starter() -> None:
    """The service starts when one of four shards has a chain: windows wait for the other three."""
    tides = tides_of("a")
    for shard_id in "bcd":
        tides.sea.add_shard(shard_id, opened=False)
    tides.commit({"a": [("Dover", 5, 1), LATER]})
    service = tides.service()
    [first, *_] = settle(service)
    assert (first.new, first.low_watermark_us, first.held_back_by) == (0, MINUS_INFINITY_US, "b")
    tides.commit({"b": [("Dover", 6, 2), LATER], "c": [("Dover", 7, 3), LATER], "d": [("Dover", 8, 4), LATER]})
    settle(service)
    assert tides.seen(HOURS)["Dover", at(0)] == (at(60), 4, 4, 10)
    assert all(row["revision"] == 1 for row in tides.rows(HOURS))


def test_heartbeat_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shard says that it is idle; its last records are committed, but not merged yet: windows wait for them."""
    tides = tides_of("a", "b")
    service = tides.service()
    tides.commit({"b": [("Dover", 5, 1)], "a": [("Dover", 6, 2), LATER]})
    follow = service._follow

    def follow_and_miss() -> object:
        advances = follow()
        tides.commit({"b": [("Dover", 7, 4)]})
        tides.sea.beat("b")
        return advances

    monkeypatch.setattr(service, "_follow", follow_and_miss)
    assert service.step().new == 0
    monkeypatch.undo()
    settle(service)
    assert tides.seen(HOURS)["Dover", at(0)] == (at(60), 3, 3, 7)
    assert all(row["revision"] == 1 for row in tides.rows(HOURS))


def test_a_heartbeat_of_long_ago_brings_nothing_forward_while_the_log_is_read() -> None:
    """It names a tip that was merged just now, but is the tip no more: the service has not caught up."""
    tides = tides_of("a", "b", max_step_commits=2)
    tides.commit({"b": [("Dover", 5, 1)]})
    tides.sea.beat("b")
    tides.commit({"a": [("Dover", 6, 2), LATER]})
    tides.commit({"b": [("Dover", 7, 4), LATER]})
    service = tides.service()
    assert [service.step().new, service.step().new > 0] == [0, True]
    assert tides.seen(HOURS)["Dover", at(0)] == (at(60), 3, 3, 7)
    assert all(row["revision"] == 1 for row in tides.rows(HOURS))


def test_an_idle_shard_holds_nobody_back() -> None:
    """Neither one that has had events nor one that never had any."""
    tides = tides_of("a", "b", "c")
    service = tides.service()
    tides.commit({"b": [("Dover", 5, 1)]})
    tides.commit({"a": [("Dover", 6, 2), LATER]})
    assert settle(service)[0].new == 0
    tides.sea.beat("b")
    tides.sea.beat("c")
    settle(service)
    assert ends(tides) == {("Dover", 0)}


def test_where_all_are_idle_the_clock_closes_what_is_open() -> None:
    """The last windows of a stream that has gone quiet come out, the newest sessions too."""
    tides = tides_of("a", "b")
    service = tides.service()
    tides.commit({"a": [("Dover", 5, 1), LATER], "b": [("Dover", 6, 2)]})
    tides.sea.now_ms = us(100_000) // 1000
    for shard_id in "ab":
        tides.sea.beat(shard_id)
    settle(service)
    tides.check()


def test_empty_parent() -> None:
    """A parent ends with nothing in hand: windows neither wait for ever nor close before its children count."""
    tides = tides_of("p", "q")
    service = tides.service()
    tides.sea.add_shard("p1", "p", opened=False)
    tides.sea.add_shard("p2", "p", opened=False)
    tides.sea.end("p", "p1", "p2")
    tides.commit({"q": [("Dover", 5, 1), LATER]})
    [first, *_] = settle(service)
    assert (first.new, first.held_back_by) == (0, "p1")
    tides.commit({"p1": [("Dover", 6, 2), LATER], "p2": [("Dover", 7, 4), LATER]})
    settle(service)
    assert tides.seen(HOURS)["Dover", at(0)] == (at(60), 3, 3, 7)


def test_children_of_a_split_go_on_from_their_parent() -> None:
    """No window closes between the parent's end and the first events of both children."""
    tides = tides_of("p")
    service = tides.service()
    tides.commit({"p": [("Dover", 5, 1), ("Hull", 50, 1)]})
    tides.sea.add_shard("p1", "p", opened=False)
    tides.sea.add_shard("p2", "p", opened=False)
    tides.sea.end("p", "p1", "p2")
    tides.commit({"p1": [LATER]})
    settle(service)
    assert ends(tides) == set()
    tides.commit({"p2": [("Dover", 55, 2), ("Dover", 65, 4)]})
    settle(service)
    assert ends(tides) == {("Dover", 0), ("Hull", 0)}
    tides.flush()
    tides.check()
    assert all(row["revision"] == 1 for row in tides.rows(HOURS))


def test_children_are_looked_for_after_their_parents_end_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shard is split, and its end committed, while the step has begun: it does not count as gone."""
    tides = tides_of("p", "q")
    tides.commit({"p": [("Dover", 5, 1)], "q": [("Dover", 6, 2), LATER]})
    service = tides.service()
    follow = service._follow

    def split_and_follow() -> object:
        tides.sea.add_shard("child", "p", opened=False)
        tides.sea.end("p", "child")
        return follow()

    monkeypatch.setattr(service, "_follow", split_and_follow)
    report = service.step()
    assert (report.new, report.held_back_by) == (0, "child")


def test_the_child_of_a_merge_waits_for_the_slower_parent() -> None:
    """The faster one's end alone moves nothing, and the child begins with the minimum."""
    tides = tides_of("p", "q")
    service = tides.service()
    tides.commit({"p": [("Dover", 5, 1), LATER], "q": [("Dover", 10, 2)]})
    tides.sea.add_shard("child", "p", "q", opened=False)
    tides.sea.end("p", "child")
    settle(service)
    tides.commit({"q": [("Dover", 50, 4)]})
    tides.sea.end("q", "child")
    settle(service)
    assert ends(tides) == set()
    tides.commit({"child": [("Dover", 58, 8), ("Dover", 70, 16)]})
    settle(service)
    assert tides.seen(HOURS)["Dover", at(0)] == (at(60), 4, 4, 15)


def test_the_low_watermark_never_moves_back() -> None:
    """A shard that appears late holds back what is to come, not what is known; a restart forgets nothing of it."""
    tides = tides_of("a")
    tides.commit({"a": [("Dover", 5, 1), LATER]})
    service = tides.service()
    settle(service)
    tides.sea.add_shard("b", opened=False)
    tides.commit({"a": [("Dover", 700, 1)]})
    for one in (service.step(), tides.service().step()):
        assert (one.low_watermark_us, one.held_back_by) == (us(500), "b")


def test_what_comes_after_a_window_is_out_revises_it() -> None:
    """One revision per step that brought something to it; windows that it does not touch keep theirs."""
    tides = tides_of("a")
    service = tides.service()
    tides.commit({"a": [("Dover", 5, 1), ("Hull", 5, 1), LATER]})
    settle(service)
    tides.commit({"a": [("Dover", 10, 2)]})
    tides.commit({"a": [("Dover", 11, 2)]})
    settle(service)
    tides.commit({"a": [("Dover", 12, 2), ("Deal", 12, 3)]})
    settle(service)
    revisions = {(row["station"], row["revision"]): row["level_total"] for row in tides.rows(HOURS)}
    assert revisions == {("Dover", 1): 1, ("Dover", 2): 5, ("Dover", 3): 7, ("Hull", 1): 1, ("Deal", 1): 3}
    tides.flush()
    tides.check()


def test_merged_session() -> None:
    """[10:00-10:30] and [11:05-11:20] are out; a late event joins them: the first is revised, the other taken back."""
    tides = tides_of("a", windows=(VISITS,))
    service = tides.service()
    tides.commit({"a": [("Dover", 600, 1), ("Dover", 630, 2), ("Dover", 665, 4), ("Dover", 680, 8), ("Hull", 900, 0)]})
    settle(service)
    assert set(tides.seen(VISITS)) == {("Dover", at(600)), ("Dover", at(665))}
    tides.commit({"a": [("Dover", 650, 16)]})
    settle(service)
    assert tides.seen(VISITS) == {("Dover", at(600)): (at(680), 5, 5, 31)}
    [grave] = [row for row in tides.rows(VISITS) if row["deleted"]]
    assert (grave["window_start"], grave["window_end"]) == (at(665), at(680))
    assert (grave["revision"], grave["events"], grave["readings"], grave["level_total"]) == (2, 0, None, None)


def test_a_session_that_begins_earlier_than_it_was_out_moves() -> None:
    """Its old start gets a tombstone, its new one is a window of its own."""
    tides = tides_of("a", windows=(VISITS,))
    service = tides.service()
    tides.commit({"a": [("Dover", 600, 1), ("Hull", 900, 0)]})
    settle(service)
    tides.commit({"a": [("Dover", 590, 2)]})
    settle(service)
    assert tides.seen(VISITS) == {("Dover", at(590)): (at(600), 2, 2, 3)}


def test_a_session_that_is_open_again_comes_out_when_it_closes() -> None:
    """Until then what was out stands; then it takes back all that it has swallowed, though that has left memory."""
    tides = tides_of("a", windows=(VISITS,))
    service = tides.service()
    tides.commit({"a": [("Dover", 600, 1), ("Dover", 640, 2), ("Hull", 680, 0)]})
    settle(service)
    assert set(tides.seen(VISITS)) == {("Dover", at(600)), ("Dover", at(640))}
    tides.commit({"a": [("Dover", 620, 4), ("Dover", 665, 8)]})
    settle(service)
    assert set(tides.seen(VISITS)) == {("Dover", at(600)), ("Dover", at(640))}
    tides.commit({"a": [("Dover", 690, 16), ("Hull", 800, 0)]})
    settle(tides.service())
    assert tides.seen(VISITS)["Dover", at(600)] == (at(690), 5, 5, 31)
    assert ("Dover", at(640)) not in tides.seen(VISITS)
    tides.flush()
    tides.check()


def test_a_swallowed_session_of_another_partition_is_taken_back_once() -> None:
    """It was out and had left memory when the one that swallowed it closed; a restart, and one more late event, find
    no trace of it."""
    tides = tides_of("a", windows=(VISITS,))
    tides.commit({"a": [("Dover", 590, 1), ("Dover", 655, 2), ("Hull", 690, 0)]})
    settle(tides.service())
    assert set(tides.seen(VISITS)) == {("Dover", at(590)), ("Dover", at(655))}
    tides.commit({"a": [("Dover", 610, 4), ("Dover", 635, 8), ("Dover", 675, 16)]})
    settle(tides.service())
    assert set(tides.seen(VISITS)) == {("Dover", at(590)), ("Dover", at(655))}
    tides.commit({"a": [("Hull", 800, 0)]})
    settle(tides.service())
    assert set(tides.seen(VISITS)) == {("Dover", at(590)), ("Hull", at(690))}
    tides.commit({"a": [("Dover", 656, 32)]})
    settle(tides.service())
    assert tides.seen(VISITS)["Dover", at(590)] == (at(675), 6, 6, 63)
    assert [row["revision"] for row in tides.rows(VISITS) if row["deleted"]] == [2]
    tides.flush()
    tides.check()


def test_a_session_that_moved_to_another_partition_is_not_counted_twice() -> None:
    """An earlier event took it over the edge of an hour: the partition that it left forgets it."""
    tides = tides_of("a", windows=(VISITS,))
    tides.commit({"a": [("Dover", 60, 1), ("Hull", 500, 0)]})
    settle(tides.service())
    for late in (("Dover", 45, 2), ("Dover", 70, 4)):
        tides.commit({"a": [late]})
        settle(tides.service())
    assert tides.seen(VISITS) == {("Dover", at(45)): (at(70), 3, 3, 7)}


def test_a_partition_is_read_back_before_it_is_written_anew() -> None:
    """Also where the late event is far from all that the partition holds."""
    tides = tides_of("a", windows=(HOURS,))
    tides.commit({"a": [("Dover", 5, 1), ("Hull", 5000, 0)]})
    settle(tides.service())
    for late in (("Dover", 1200, 2), ("Dover", 6, 4)):
        tides.commit({"a": [late]})
        settle(tides.service())
    assert tides.seen(HOURS) == {("Dover", at(0)): (at(60), 2, 2, 5), ("Dover", at(1200)): (at(1260), 1, 1, 2)}


def test_closed_partitions_leave_memory_and_come_back_when_they_are_touched() -> None:
    """After a restart too: a late event finds what was merged and which revision is out, over the edge of a month."""
    tides = tides_of("a")
    service = tides.service()
    before, after = 24 * 60 - 30, 24 * 60 + 30
    tides.commit({"a": [("Dover", before, 1), ("Dover", after, 2), ("Hull", 5000, 0)]})
    settle(service)
    assert [len(state.panes) for state in service._states] == [1, 1, 1], "only Hull's last reading is open"
    for _ in range(2):
        tides.commit({"a": [("Dover", before + 10, 4), ("Dover", after - 10, 8)]})
        settle(service)
        service = tides.service()
    assert {row["revision"] for row in tides.rows(HOPS) if row["station"] == "Dover"} == {1, 2, 3}
    tides.flush()
    tides.check()


def test_superseded_state_is_deleted() -> None:
    """What the newest manifest does not name is not kept: storage is bounded by the state, not by the steps."""
    tides = tides_of("a")
    service = tides.service()
    for minute in range(0, 1600, 200):
        tides.commit({"a": [("Dover", minute, 1)]})
        settle(service)
    tides.check_state()


def test_a_jump_of_the_watermark_comes_out_in_several_commits() -> None:
    """So many folders at most in one; the next steps go on, and nothing is left over or doubled."""
    tides = tides_of("a", windows=(HOPS, VISITS))
    tides.commit({"a": [("Dover", 45 * number, number) for number in range(200)] + [("Hull", 20_000, 0)]})
    reports = settle(tides.service())
    assert len([report for report in reports if report.new]) >= 4
    log = tides.sea.log()
    for link in log.newest_links(TIDES.chain("windows")):
        commit = log.commit("tides", 1, link.attempt_id)
        assert commit is not None
        assert len({file.partition for file in commit.files if file.table == "hops"}) <= 32
    tides.flush()
    tides.check()


def test_many_sessions_that_close_at_once_come_out_at_once() -> None:
    """More folders than the limit, one close: waiting would not end."""
    tides = tides_of("a", windows=(VISITS,))
    chain = [(f"Buoy {number}", minute, 1) for number in range(70) for minute in range(60 * number, 4200, 25)]
    tides.commit({"a": [*chain, *((f"Buoy {number}", 4200, 1) for number in range(70)), ("Hull", 9000, 0)]})
    settle(tides.service())
    tides.flush()
    tides.check()


def test_early_rows_show_what_is_open() -> None:
    """On request, revision 0, no more often than asked, only after news; final rows come as if they had not been."""
    tides = tides_of("a", early_every_s=1.0)
    service = tides.service()
    tides.commit({"a": [("Dover", 5, 1)]})
    assert service.step().early == 0
    tides.sea.now_ms += 1000
    assert service.step().early == 5, "an hour, three hops, a visit"
    tides.sea.now_ms += 1000
    assert service.step().early == 0
    tides.commit({"a": [("Dover", 6, 2)]})
    service.step()
    early = [row for row in tides.rows(HOURS) if row["early"]]
    assert [(row["revision"], row["deleted"], row["level_total"]) for row in early] == [(0, False, 1), (0, False, 3)]
    tides.flush()
    tides.check()


def test_windows_without_keys_are_windows_of_everything() -> None:
    """`by` may be empty, for sessions too."""
    aggregates = {"readings": count(), "level_total": total("level_mm")}
    tides = tides_of("a", windows=(
        Tumbling("all_hours", table="tides", size_s=3600, aggregates=aggregates),
        Session("all_visits", table="tides", gap_s=1800, aggregates=aggregates, partition_by=Grain.MONTH),
    ))  # fmt: skip
    tides.commit({"a": [("Dover", 5, 1), ("Hull", 20, 2), ("Dover", 70, 4), ("Hull", 900, 0)]})
    service = tides.service()
    settle(service)
    tides.commit({"a": [("Deal", 45, 8)]})
    settle(service)
    newest = {
        window.name: [row["level_total"] for row in sorted(tides.rows(window), key=lambda row: row["revision"])]
        for window in tides.windows
    }
    assert newest == {"all_hours": [3, 4, 11], "all_visits": [3, 4, 15, None]}


def test_a_window_that_is_new_begins_with_what_comes() -> None:
    """Its neighbours go on with their state; one that is gone leaves nothing behind."""
    tides = tides_of("a", windows=(HOURS,))
    tides.commit({"a": [("Dover", 5, 1)]})
    settle(tides.service())
    tides.windows = (HOURS, VISITS)
    tides.commit({"a": [("Dover", 100, 2)]})
    settle(tides.service())
    tides.commit({"a": [("Hull", 5000, 2)]})
    settle(tides.service())
    assert set(tides.seen(VISITS)) == {("Dover", at(100))}
    assert ends(tides) == {("Dover", 0), ("Dover", 60)}
    tides.windows = (VISITS,)
    tides.commit({"a": [("Hull", 9000, 2)]})
    settle(tides.service())
    assert not [key for _, key in tides.sea.s3.objects if "windows_state/window=hours" in key]


def test_a_window_that_was_declared_otherwise_is_refused() -> None:
    """Its state means something else; the sentence says what to do."""
    tides = tides_of("a", windows=(HOURS,))
    tides.commit({"a": [("Dover", 5, 1)]})
    settle(tides.service())
    other = Tumbling("hours", table="tides", size_s=7200, by=("station",), aggregates=HOURS.aggregates)
    with pytest.raises(SettingsError, match=r"'hours'.*another name"):
        tides.service(windows=(other,))


def test_pending_files_of_engines_are_completed_before_they_are_merged() -> None:
    """An engine died between its commit and the completion: its readings are in the windows all the same."""
    tides = tides_of("a")
    tides.commit({"a": [("Dover", 5, 1), LATER]}, complete=False)
    settle(tides.service())
    assert tides.seen(HOURS)["Dover", at(0)] == (at(60), 1, 1, 1)
    assert not tides.sea.s3.uploads


def test_a_lost_file_stops_with_a_sentence() -> None:
    """Neither readable nor pending: going on would give wrong windows."""
    tides = tides_of("a")
    tides.commit({"a": [("Dover", 5, 1)]}, complete=False)
    tides.sea.s3.uploads.clear()
    with pytest.raises(MissingFileError, match="repair"):
        tides.service().step()


def test_a_commit_that_is_missing_in_our_own_chain_stops_the_start() -> None:
    """State without its manifest is nothing to begin from."""
    tides = tides_of("a")
    tides.commit({"a": [("Dover", 5, 1)]})
    service = tides.service()
    settle(service)
    link = next(tides.sea.log().newest_links(TIDES.chain("windows")))
    del tides.sea.dynamo.items[keys.commit_key("tides", 1, link.attempt_id), "commit"]
    with pytest.raises(LogError, match=link.attempt_id):
        tides.service()


def test_a_raised_generation_ends_the_service() -> None:
    """After a rewind no commit of the old generation stands, whoever thaws."""
    tides = tides_of("a")
    service = tides.service()
    tides.commit({"a": [("Dover", 5, 1), LATER]})
    for copy in range(keys.GENERATION_COPIES):
        tides.sea.dynamo.items[keys.generation_key("tides"), f"{copy:02d}"]["generation"] = {"N": "2"}
    with pytest.raises(GenerationRaisedError):
        service.step()
    assert tides.rows(HOURS) == []


def test_the_windows_chain_is_none_of_the_streams() -> None:
    """It is not registered, and its link carries the low watermark."""
    tides = tides_of("a")
    tides.commit({"a": [("Dover", 5, 1), LATER]})
    settle(tides.service())
    log = tides.sea.log()
    assert [chain.shard_id for chain in log.chains("tides", 1, TIDES.stream_created_ms)] == ["a"]
    [link] = log.newest_links(TIDES.chain("windows"))
    assert (link.start, link.end, link.highest_event_time_us) == (0, 1, us(500))
