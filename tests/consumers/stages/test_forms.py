"""Events are read in every form that JSON, compression and Kinesis allow."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace_consumers.stages.plain import read_plain
from tests.consumers.stages.streams import (
    ARRIVAL_MS,
    BARE,
    MAX_UNPACKED_BYTES,
    NOON,
    SHARD,
    event,
    letters_of,
    line,
    placed,
    record,
    rows_of,
    stage,
)

GOOD = line()
FORMS: dict[str, bytes] = {
    "spaces": json.dumps(event()).encode(),
    "other order": json.dumps(dict(reversed(event().items()))).encode(),
    "wide": b" \t" + json.dumps(event(), indent=None, separators=(" , ", " : ")).encode() + b" \r",
    "carriage return": GOOD[:-1] + b"\r",
    "more attributes": line(datacontenttype="application/json", traceparent="00-ab"),
    "more columns": line(data=placed(colour="red", nested={"a": [1, 2, {"b": None}]})),
    "no time": line(time=...),
    "columns in another order": line(data=dict(reversed(placed().items()))),
    "escaped": GOOD.replace(b'"north"', b'"\\u006eorth"'),
    "escaped key": GOOD.replace(b'"shop"', b'"sh\\u006fp"'),
    "offset": line(data=placed(placed_at="2023-11-14T12:00:00+02:00")),
    "nanoseconds": line(data=placed(placed_at="2023-11-14T10:00:00.000000999Z")),
    "lower case": line(data=placed(placed_at="2023-11-14t10:00:00z")),
    "a space for T": line(data=placed(placed_at="2023-11-14 10:00:00Z")),
    "decimal as a number": GOOD.replace(b'"12.50"', b"12.50"),
    "decimal with fewer places": line(data=placed(amount="12.5")),
    "float as an integer and back": GOOD.replace(b"1.5", b"15e-1"),
    "type named in the data too": line(data=placed(type="order.closed.v1")),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_the_same_row(form: str) -> None:
    """Foreign producers write as they like: the row is the same as of our own line."""
    ours = rows_of(stage([record(GOOD)]))
    foreign = stage([record(FORMS[form])])
    assert letters_of(foreign) == []
    assert rows_of(foreign) == ours


def test_a_row_is_complete() -> None:
    """Every column of the contract and every column of ours, in its type."""
    (row,) = rows_of(stage([record(GOOD)]))
    assert row == {
        "event_id": "order-1", "event_time": NOON, "placed_at": NOON, "shop": "north", "amount": Decimal("12.50"),
        "items": 3, "weight": 1.5, "gift": True, "due": date(2023, 12, 24), "channel": "web", "shard_id": SHARD,
        "sequence_number": str(10**55 + 1), "record_index": 0,
        "arrival_time": datetime.fromtimestamp((ARRIVAL_MS + 1) / 1000, UTC),
    }  # fmt: skip


def test_nulls_are_nulls() -> None:
    """A null and an absent optional column are the same row."""
    empty = dict.fromkeys(("weight", "gift", "due", "channel"))
    absent = dict.fromkeys(empty, ...)
    (null,), (gone,) = (rows_of(stage([record(line(data=placed(**each)))])) for each in (empty, absent))
    assert null == gone
    assert all(null[name] is None for name in empty)


def test_types_mix_in_one_record() -> None:
    """Events of several contracts share a record: each fills its table, in the order of delivery."""
    closed = line(2, "order.closed.v1", {"closed_at": "2023-11-14T11:00:00Z", "shop": "x"})
    staged = stage([record(GOOD + closed + line(3) + FORMS["spaces"].replace(b"order-1", b"order-4") + b"\n" + closed)])
    assert [row["event_id"] for row in rows_of(staged)] == ["order-1", "order-3", "order-4"]
    assert [row["record_index"] for row in rows_of(staged)] == [0, 2, 3]
    assert [row["record_index"] for row in rows_of(staged, "closed")] == [1, 4]


def _gzipped(data: bytes) -> bytes:
    """The same bytes every time: gzip would write the hour down."""
    return gzip.compress(data, mtime=0)


@pytest.mark.parametrize(
    "pack",
    [_gzipped, zstandard.compress, lambda data: _gzipped(data[:100]) + _gzipped(data[100:])],
    ids=["gzip", "zstd", "gzip of two members"],
)
def test_compressed_records_are_unpacked(pack: Any) -> None:
    """The magic bytes say how; the raw zone keeps the record as received."""
    packed = pack(GOOD + line(2))
    staged = stage([record(packed)])
    assert [row["event_id"] for row in rows_of(staged)] == ["order-1", "order-2"]
    assert staged.raw.to_pylist()[0]["data"] == packed


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty_record"),
        (b"\n \r\n\n", "empty_record"),
        (_gzipped(b""), "empty_record"),
        (_gzipped(GOOD)[:-9], "corrupt_compression"),
        (_gzipped(GOOD)[:12] + b"\xff\xff" + _gzipped(GOOD)[14:], "corrupt_compression"),
        (_gzipped(GOOD) + b"rest", "corrupt_compression"),
        (zstandard.compress(GOOD)[:-4], "corrupt_compression"),
        (b"\x1f\x8bgarbage", "corrupt_compression"),
        (b"\x28\xb5\x2f\xfdgarbage", "corrupt_compression"),
        (_gzipped(GOOD * 20_000), "too_big"),
        (zstandard.compress(GOOD * 20_000), "too_big"),
    ],
)
def test_records_that_hold_no_event_are_letters_as_a_whole(data: bytes, reason: str) -> None:
    """Empty, corrupt and exploding records: the letter has the record's bytes, the neighbours are rows."""
    staged = stage([record(GOOD, 1), record(data, 2), record(line(3), 3)])
    assert letters_of(staged) == [("unpack", reason, None)]
    assert staged.dead_letters.to_pylist()[0]["payload"] == data
    assert [row["event_id"] for row in rows_of(staged)] == ["order-1", "order-3"]


def test_a_record_may_fill_the_limit() -> None:
    """What unpacks to the limit to the byte is no bomb."""
    whole = GOOD + b" " * (MAX_UNPACKED_BYTES - len(GOOD) - 1) + b"\n"
    for packed in (_gzipped(whole), zstandard.compress(whole)):
        assert letters_of(stage([record(packed)])) == []
        assert letters_of(stage([record(_gzipped(whole + b"\n"))])) == [("unpack", "too_big", None)]


def test_blank_lines_are_no_events() -> None:
    """Blank lines are skipped and not counted; a last line needs no line feed."""
    staged = stage([record(b"\n" + GOOD + b"\r\n  \n" + line(2)[:-1])])
    assert [(row["event_id"], row["record_index"]) for row in rows_of(staged)] == [("order-1", 0), ("order-2", 1)]


def test_parts_of_an_aggregate_share_one_count() -> None:
    """KCL splits KPL aggregates into records of one sequence number: the index runs on, lost parts included."""
    parts = [GOOD + GOOD, b"", GOOD]
    staged = stage([record(part, 5, sub_sequence_number=place) for place, part in enumerate(parts)])
    assert [row["record_index"] for row in rows_of(staged)] == [0, 1, 3]
    assert [row["record_index"] for row in staged.dead_letters.to_pylist()] == [2]


def test_bare_events_are_named_by_their_place() -> None:
    """A bare object has no id: shard, sequence number and index make one."""
    text = json.dumps(placed()).encode()
    staged = stage([record(text + b"\n" + text, 7)], BARE)
    assert [row["event_id"] for row in rows_of(staged)] == [f"{SHARD}/{10**55 + 7}/{place}" for place in (0, 1)]


def test_an_event_of_one_mebibyte_is_a_row() -> None:
    """The largest record of Kinesis, one event in it."""
    staged = stage([record(line(note="x" * (1024 * 1024 - len(GOOD) - 20)))])
    assert (staged.rows, letters_of(staged)) == (1, [])


def test_ten_megabytes_of_tiny_records() -> None:
    """Records of one event each are staged together."""
    count = 10_000_000 // len(GOOD)
    staged = stage([record(line(number), number) for number in range(count)])
    assert staged.rows == count


_texts = st.text(st.characters(codec="utf-8"), max_size=12)
_values = st.fixed_dictionaries({
    "shop": st.one_of(_texts, st.none(), st.integers()),
    "amount": st.sampled_from(["1.00", "1.5", "1e1", "-3.25", "", " 1", "1.001", "99999999.99", 1, 1.25, None, "x"]),
    "items": st.one_of(st.integers(-(2**70), 2**70), st.integers(-9, 9), st.sampled_from([1.0, "1", None, True])),
    "weight": st.one_of(st.floats(allow_nan=False), st.integers(), st.none(), st.booleans()),
    "gift": st.sampled_from([True, False, None, 0, "true"]),
    "due": st.one_of(st.dates().map(str), st.sampled_from(["2023-1-1", "20230101", "", None, 5])),
    "placed_at": st.one_of(
        st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
        st.sampled_from(["2023-11-14T10:00:00", "2023-11-14T10Z", "2023-11-14T10:00:00+0000", "0000-01-01T00:00:00Z"]),
    ),
})  # fmt: skip


def _spoil_literals(text: bytes) -> st.SearchStrategy[bytes]:
    swaps = [
        (b'"items":', b'"items":0'),
        (b'"items":', b'"items":-'),
        (b'"weight":', b'"weight": '),
        (b'"weight":', b'"weight":+'),
        (b'","', b'"\t,"'),
        (b"}}", b'},"more":1}'),
        (b'"data":', b'"data" :'),
        (b'"shop":"', b'"shop":"":"'),
        (b"null", b"nulL"),
        (b'"id":"', b'"id":"a\\"'),
        (b'"time":', b'"time":1,"t":'),
    ]
    return st.sampled_from([text, text, *(text.replace(old, new, 1) for old, new in swaps)])


@settings(max_examples=150, deadline=None)
@given(st.lists(_values.flatmap(lambda data: _spoil_literals(line(data=placed(**data)))), min_size=1, max_size=8))
def test_reading_at_sight_is_only_a_faster_way(lines: list[bytes]) -> None:
    """Whatever the plain reader reads, the patient parser reads to the same rows and letters."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("headrace_consumers.stages.plain.FEWEST_LINES", 1)
        fast = stage([record(b"".join(lines))])
        patch.setattr("headrace_consumers.stages.stage.read_plain", _read_nothing)
        slow = stage([record(b"".join(lines))])
    assert repr(rows_of(fast)) == repr(rows_of(slow))
    assert fast.dead_letters.to_pylist() == slow.dead_letters.to_pylist()


def _read_nothing(_pipeline: object, lines: Any) -> Any:
    return read_plain(BARE, lines)


def test_our_own_lines_are_read_at_sight() -> None:
    """No line of our producer's form is left to the patient parser, whatever stands beside it."""
    with pytest.MonkeyPatch.context() as patch:
        left: list[int] = []

        def spy(pipeline: Any, lines: Any) -> Any:
            found, rest = read_plain(pipeline, lines)
            left.extend(rest.tolist())
            return found, rest

        patch.setattr("headrace_consumers.stages.plain.FEWEST_LINES", 1)
        patch.setattr("headrace_consumers.stages.stage.read_plain", spy)
        strange = [FORMS["escaped"], b"{\n", line(data=placed(shop="n\u00f6rdlich", gift=None))]
        stage([record(GOOD + b"".join(text.rstrip(b"\n") + b"\n" + GOOD for text in strange))])
    assert left == [1, 3]
