"""What an operator sees of dead letters: how many of which fault, and each as it came."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache

import pyarrow as pa
import pytest

from headrace_batch.letters.filters import LetterFilter
from headrace_batch.letters.reading import letter_files, read_files
from headrace_batch.letters.showing import ShownLetter, shown, told
from headrace_batch.letters.summing import FAULT, LATE, LetterGroup, sum_up
from headrace_consumers.stages.schemas import DEAD_LETTER_SCHEMA
from headrace_producers.errors import SettingsError
from tests.batch.letters.desk import Desk, spoilt_desk

ARRIVED = datetime(2026, 1, 31, 18, tzinfo=UTC)
LATER = ARRIVED + timedelta(hours=1)


@cache
def desk() -> Desk:
    return spoilt_desk()


def chosen(wanted: LetterFilter) -> list[pa.Table]:
    place = desk().place()
    files = letter_files(place.standing(), desk().pipeline.dead_letter_table, wanted)
    return [found.chosen for found in read_files(place, files, wanted)]


def ids(wanted: LetterFilter) -> list[str]:
    return [letter.id for table in chosen(wanted) for letter in shown(table)]


def test_counts_are_those_of_what_was_spoilt() -> None:
    """By fault, over all files, the greatest first; with the first and the last arrival."""
    groups = sum_up(chosen(LetterFilter()), FAULT)
    rows = desk().letters()
    counted = Counter(tuple(row[name] for name in FAULT) for row in rows)
    assert {_fault(group): group.letters for group in groups} == counted
    assert sum(group.letters for group in groups) == len(desk().spoilt)
    assert [group.letters for group in groups] == sorted(counted.values(), reverse=True)
    for group in groups:
        arrivals = [row["arrival_time"] for row in rows if tuple(row[name] for name in FAULT) == _fault(group)]
        assert (group.first_arrival, group.last_arrival) == (min(arrivals), max(arrivals))


def _fault(group: LetterGroup) -> tuple[str | None, ...]:
    return group.stage, group.reason, group.field, group.rule, group.event_type


def test_nothing_is_no_group() -> None:
    assert sum_up([], FAULT) == sum_up([], LATE) == []
    assert sum_up(chosen(LetterFilter(reason="no_such_reason")), FAULT) == []


@pytest.mark.parametrize(
    ("wanted", "column", "value"),
    [
        (LetterFilter(stage="decode"), "stage", "decode"),
        (LetterFilter(reason="out_of_range"), "reason", "out_of_range"),
        (LetterFilter(field="origin"), "field", "origin"),
        (LetterFilter(type="flight.departed.v1"), "event_type", "flight.departed.v1"),
    ],
    ids=str,
)
def test_filters_choose_what_they_say(wanted: LetterFilter, column: str, value: str) -> None:
    """And nothing else; where a letter has no value there, it is not meant."""
    matching = [row for row in desk().letters() if row[column] == value]
    assert 0 < len(matching) < len(desk().letters())
    found = [row for table in chosen(wanted) for row in table.to_pylist()]
    assert sorted(found, key=str) == sorted(matching, key=str)


def test_filters_go_together() -> None:
    one = desk().letters()[0]
    both = LetterFilter(commit=one["commit_id"], stage=one["stage"])
    matching = [row for row in desk().letters() if (row["commit_id"], row["stage"]) == (one["commit_id"], one["stage"])]
    assert len(ids(both)) == len(matching)


def test_time_is_from_then_on_and_before() -> None:
    """Of the arrival."""
    times = sorted({row["arrival_time"] for row in desk().letters()})
    assert len(times) > 1
    at = times[-1].isoformat()
    last = [row for row in desk().letters() if row["arrival_time"] == times[-1]]
    assert len(ids(LetterFilter(from_=at))) == len(last)
    assert len(ids(LetterFilter(to=at))) == len(desk().letters()) - len(last)
    assert ids(LetterFilter(from_=(times[-1] + timedelta(days=1)).isoformat())) == []


def test_an_id_names_one_letter() -> None:
    """As `show` prints it."""
    every = ids(LetterFilter())
    assert len(set(every)) == len(every) == len(desk().spoilt)
    assert ids(LetterFilter(id=(every[3], every[-1]))) == [every[3], every[-1]]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"id": ("shard/7",)}, "'shard/7' names no letter: SHARD/SEQUENCE/INDEX please"),
        ({"id": ("shard/7/x",)}, "'shard/7/x' names no letter"),
        ({"from_": "yesterday"}, "--from 'yesterday' is no ISO 8601 time such as"),
        ({"from_": "2026-01-31"}, "--from '2026-01-31' names no offset"),
        ({"stage": "delivery"}, "--stage 'delivery' is none of unpack, decode, validate"),
        ({"to": "2026-31-01"}, "--to '2026-31-01' is no ISO 8601 time such as"),
    ],
)
def test_wrong_filters_are_refused_at_once(wanted: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        LetterFilter(**wanted)  # type: ignore[arg-type]


def test_ids_of_what_landed_have_more_slashes() -> None:
    assert LetterFilter(id=("landing/planes/00ff/12",)).id == ("landing/planes/00ff/12",)


def _letters(*payloads: bytes) -> pa.Table:
    row = {
        "stage": "decode",
        "reason": "malformed_json",
        "shard_id": "s",
        "sequence_number": "7",
        "arrival_time": ARRIVED,
    }
    rows = [row | {"payload": payload, "record_index": at, "commit_id": "c"} for at, payload in enumerate(payloads)]
    return pa.Table.from_pylist(rows, DEAD_LETTER_SCHEMA)


def test_payloads_are_text_where_they_are_and_else_hexadecimal() -> None:
    """Nothing of a payload moves the terminal's cursor."""
    text, escape, binary = shown(_letters('{"a": "é"}'.encode(), b"\x1b[2J\x7f", b"\xff\x00"))
    assert (text.payload, escape.payload, binary.payload) == ('{"a": "é"}', "\x1b[2J\x7f", None)
    assert binary.payload_hex == "ff00"
    assert told(text) == (
        's/7/0: decode malformed_json, arrived 2026-01-31T18:00:00+00:00, commit c\n  {"a": "é"}'
    )  # fmt: skip
    assert told(escape).endswith("\n  '\\x1b[2J\\x7f'")
    assert told(binary).endswith("\n  hex ff00")


def test_a_late_event_is_told_without_a_payload() -> None:
    """Its row is in its table."""
    late = ShownLetter(
        id="s/7/0", arrival_time=LATER, commit_id="c", event_id="e", event_time=ARRIVED, limit_time=LATER
    )
    assert told(late).endswith(f"\n  event e of {ARRIVED}, which was late from {LATER} on")
