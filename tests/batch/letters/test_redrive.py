"""Redriven letters complete the tables: each event is a row once, where it should have been all the time."""

from __future__ import annotations

import gzip
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from headrace_batch.committing import Draft, commit, new_attempt
from headrace_batch.landing.landing import land
from headrace_batch.letters.filters import LetterFilter
from headrace_batch.letters.fixing import AsItIs, JqFix
from headrace_batch.letters.restaging import restage
from headrace_batch.letters.units import UnitLimits
from headrace_consumers.commitlog.model import CommitKind, Erasure
from headrace_consumers.pipeline import EventFormat, LakeTable, Pipeline
from headrace_consumers.settings import BatchSettings
from headrace_consumers.stages.letters import Finding
from headrace_consumers.stages.schemas import DEAD_LETTER_SCHEMA
from tests.batch.landing.harbour import DEPOTS, Sent, csv_of
from tests.batch.letters.desk import MIB, PIPELINE, SHARD, Desk, Truth, jq_truth, spoilt_desk
from tests.fakes.steps import Steps
from tests.faults.simulation import TideMeasured

WRITES = {"CreateMultipartUpload", "UploadPart", "TransactWriteItems", "PutItem", "PutObject", "DeleteObject"}


@cache
def _spoilt() -> Desk:
    return spoilt_desk()


@pytest.fixture
def desk() -> Desk:
    return _spoilt().copied()


def content(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Without the commit, by event id."""
    return {row["event_id"]: {name: value for name, value in row.items() if name != "commit_id"} for row in rows}


def test_all_that_was_spoilt_is_as_if_it_never_had_been(desk: Desk) -> None:
    """Rows, positions and windows are those of a stream without a fault."""
    sound = spoilt_desk(percent=0)
    report = desk.redrive()
    desk.check_complete()
    assert (report.redriven, report.stayed) == (len(desk.spoilt), 0)
    assert sum(report.rows.values()) == report.redriven
    assert content(desk.rows()) == content(sound.rows())
    assert desk.panes() == sound.panes()


def test_a_jq_program_mends(desk: Desk) -> None:
    """What is no JSON, too."""
    with JqFix(jq_truth(desk), raw=True) as fix:
        assert desk.redrive(fix=fix).redriven == len(desk.spoilt)
    desk.check_complete()


def test_twice_is_once(desk: Desk) -> None:
    """The second finds nothing, and writes nothing."""
    desk.redrive()
    steps = Steps()
    assert desk.redrive(steps=steps).redriven == 0
    assert not WRITES & set(steps.seen)
    desk.check_complete()


def test_a_dry_run_writes_nothing_and_says_the_same(desk: Desk) -> None:
    steps = Steps()
    rehearsed = desk.redrive(steps=steps, dry_run=True)
    assert not WRITES & set(steps.seen)
    done = desk.redrive()
    assert (rehearsed.redriven, rehearsed.rows, rehearsed.commits) == (done.redriven, done.rows, ())


def test_what_stays_wrong_stays_as_it_was(desk: Desk) -> None:
    """And is told with what is wrong with it now; nothing is committed."""
    before, steps = desk.letters(), Steps()
    report = desk.redrive(fix=AsItIs(), steps=steps)
    assert (report.redriven, report.stayed) == (0, len(before))
    assert sum(group.letters for group in report.why) == len(before)
    assert {(group.stage, group.reason) for group in report.why} == {(row["stage"], row["reason"]) for row in before}
    assert (desk.letters() == before, WRITES & set(steps.seen)) == (True, set())


def test_only_what_is_wanted_comes_back(desk: Desk) -> None:
    """The others keep their commit, their reason and their payload."""
    others = [row for row in desk.letters() if row["reason"] != "not_allowed"]
    report = desk.redrive(LetterFilter(reason="not_allowed"))
    assert 0 < report.redriven == len(desk.spoilt) - len(others)
    assert sorted(desk.letters(), key=str) == sorted(others, key=str)
    desk.check()


def test_a_program_that_mends_one_letter_leaves_all_others(desk: Desk) -> None:
    """Whichever of the files that share a commit it is in."""
    before = sorted(desk.letters(), key=str)
    for letter in before:
        one = desk.copied()
        assert one.redrive(fix=_Only(letter["payload"], desk.truth)).redriven == 1
        assert sorted(one.letters(), key=str) == [row for row in before if row != letter]
        one.check()


class _Only(Truth):
    """Mends the letter of one payload."""

    def __init__(self, payload: bytes, lines: dict[str, bytes]) -> None:
        super().__init__(lines)
        self._payload = payload

    def mend(self, payload: bytes) -> bytes | Finding:
        return super().mend(payload) if payload == self._payload else payload


def test_a_letter_gives_one_event(desk: Desk) -> None:
    """It has one position: two events, or none, are no mended letter."""
    line = next(iter(desk.truth.values()))
    for given, reason in ((line + b"\n" + line, "several_events"), (b" \n", "nothing_in_it")):
        report = desk.redrive(fix=_Lines({"": given}))
        assert (report.redriven, [group.reason for group in report.why]) == (0, [reason])


def test_a_limit_is_kept_over_all_units(desk: Desk) -> None:
    """And the rest comes back the next time."""
    assert desk.redrive(limit=5, unit=UnitLimits(letters=1)).redriven == 5
    desk.check()
    desk.redrive()
    desk.check_complete()


def test_the_commit_says_what_it_is(desk: Desk) -> None:
    """Which letters it mends, what it replaces, and why."""
    [attempt_id] = desk.redrive(why="origins were cut off", unit=UnitLimits()).commits
    commit = desk.place().standing().commits[attempt_id]
    brought = {row["commit_id"] for row in _spoilt().letters()}
    assert (commit.kind, commit.record) == (CommitKind.REDRIVE, "origins were cut off")
    assert set(commit.letters_of) == brought == {gone.commit_id for gone in commit.replaces}
    assert (commit.counts.rows, commit.retires) == (len(desk.spoilt), ())


def test_units_are_commits_of_their_own(desk: Desk) -> None:
    """Each file once, whatever a unit may hold."""
    report = desk.redrive(unit=UnitLimits(letters=1))
    assert len(report.commits) == 3
    desk.check_complete()


def test_a_type_that_is_declared_by_now_comes_back() -> None:
    """Without any program: the pipeline as it is today is asked."""
    old = replace(PIPELINE, tables=PIPELINE.tables[:2])
    desk = spoilt_desk(percent=0, pipeline=old)
    assert {row["reason"] for row in desk.letters()} == {"unknown_type"}
    desk.pipeline = PIPELINE
    report = desk.redrive(fix=AsItIs())
    assert report.rows.keys() == {"weather_hourly"}
    desk.check_complete()


def test_what_is_ahead_of_its_arrival_still_is() -> None:
    """Only lateness is forgiven: a letter's event may not lie after the letter came."""
    desk = spoilt_desk(commits=1)
    ahead = {event_id: line.replace(b"2013-", b"2199-") for event_id, line in desk.truth.items()}
    report = desk.redrive(fix=_Lines(ahead))
    assert (report.redriven, {group.reason for group in report.why}) == (0, {"future"})


class _Lines:
    def __init__(self, lines: dict[str, bytes]) -> None:
        self._lines = lines

    def mend(self, payload: bytes) -> bytes:
        return next(line for event_id, line in self._lines.items() if event_id.encode() in payload)


def test_relive_late() -> None:
    """Letters of the morning come back in the evening: into their table and their window, and none is late again."""
    desk = spoilt_desk(commits=1)
    evening = {f"evening-{event_id}": _of_february(event_id, line) for event_id, line in desk.truth.items()}
    desk.stream(evening)
    assert desk.redrive().stayed == 0
    desk.check_complete()
    assert not desk.world.rows_of("processed", PIPELINE.late_table)


def _of_february(event_id: str, line: bytes) -> bytes:
    return line.replace(b"2013-01-01", b"2013-02-01").replace(event_id.encode(), b"evening-" + event_id.encode(), 1)


def _of_whole_records(desk: Desk, payloads: Sequence[bytes]) -> None:
    """Records of a worker that took no more than 1,000 bytes of each."""
    for payload in payloads:
        desk.world.put_record(SHARD, payload, "foreign")
    desk.world.drain(BatchSettings(max_batch_age_s=5.0, max_unpacked_bytes=1_000))


def test_a_whole_record_comes_back_once_it_can_be_unpacked() -> None:
    """As far as it holds one event: several would be letters in the place of one. What still cannot be unpacked, no
    program can mend."""
    desk = spoilt_desk(percent=0, commits=1)
    event_id, line = next(iter(desk.truth.items()))
    wide = line.replace(event_id.encode(), b"wide", 1)[:-1] + b" " * 2_000 + b"}"
    payloads = [gzip.compress(wide), gzip.compress(b"\n".join([line] * 9)), gzip.compress(wide)[:-9], b"", b"\n"]
    _of_whole_records(desk, payloads)
    assert {row["stage"] for row in desk.letters()} == {"unpack"}
    report = desk.redrive(fix=AsItIs())
    assert {group.reason: group.letters for group in report.why} == {
        "several_events": 1, "corrupt_compression": 1, "nothing_in_it": 2,
    }  # fmt: skip
    assert (report.redriven, "wide" in {row["event_id"] for row in desk.rows()}) == (1, True)
    assert len(desk.letters()) == 4


def test_what_came_with_a_file_is_sent_again_as_a_file(desk: Desk) -> None:
    """Its letters stand beside the stream's, and stay, whatever a program makes of them."""
    desk.pipeline = replace(PIPELINE, landings=(DEPOTS,))
    sent = Sent(csv_of("depot,town", [",Nowhere", "North,York"]), "depots.csv")
    assert land(desk.place(), DEPOTS, sent).letters == 1
    [landed] = [row for row in desk.letters() if row["shard_id"] == "landing/depots"]
    report = desk.redrive()
    assert (report.redriven, report.stayed) == (len(desk.spoilt), 1)
    assert [(group.reason, group.ids) for group in report.why] == [
        ("came_with_a_file", (f"landing/depots/{landed['sequence_number']}/{landed['record_index']}",))
    ]
    assert any("send the file again" in sentence for sentence in report.sentences())
    assert desk.letters() == [landed]


def test_who_was_forgotten_does_not_come_back(desk: Desk) -> None:
    """A letter that is theirs, once mended, leaves and becomes no row; all others come back."""
    tails = Counter(msgspec.json.decode(desk.truth[event_id])["data"].get("tailnum") for event_id in desk.spoilt)
    tail = next(tail for tail in tails if tail)
    erased = Erasure("flights_departed", "tailnum", hashlib.sha256(tail.encode()).hexdigest())
    place = desk.place()
    draft = Draft(attempt_id=new_attempt(place), kind=CommitKind.FORGET, files=(), erases=(erased,))
    commit(place, draft, 0, lambda _: False)
    report = desk.redrive()
    assert (report.forgotten, report.redriven) == (tails[tail], len(desk.spoilt) - tails[tail])
    assert not desk.letters()
    brought = {row["event_id"] for row in desk.rows() if row["commit_id"] in report.commits}
    assert brought == {
        event_id for event_id in desk.spoilt if msgspec.json.decode(desk.truth[event_id])["data"].get("tailnum") != tail
    }


def test_bare_events_keep_the_ids_that_their_positions_give() -> None:
    """As they would have had live."""
    bare = Pipeline("bare", "bare", (LakeTable("tides", TideMeasured),), EventFormat.BARE)
    at = datetime(2026, 1, 31, tzinfo=UTC)
    row: dict[str, Any] = {"stage": "decode", "reason": "wrong_type", "payload": b"{}"}
    row |= {"shard_id": "s", "sequence_number": "7"}
    letters = pa.Table.from_pylist(
        [row | {"record_index": 4, "arrival_time": at, "commit_id": "c"}], DEAD_LETTER_SCHEMA
    )
    event = b'{"station": "Dover", "measured_at": "2026-01-31T00:00:00Z", "level_mm": 7}'
    restaged = restage(bare, letters, _Lines({"{}": event}), MIB)
    [found] = restaged.rows.tables["tides"].to_pylist()
    assert (found["event_id"], found["record_index"], found["arrival_time"]) == ("s/7/4", 4, at)
