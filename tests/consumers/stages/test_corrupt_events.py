"""Every kind of corrupt event becomes one dead letter with the right reason, and its neighbours become rows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.consumers.stages.streams import BARE, event, letters_of, line, placed, record, rows_of, stage

GOOD = line()


def _spoilt(**changes: Any) -> bytes:
    return line(2, data=placed(**changes))


def _literal(field: str, literal: str, **attributes: Any) -> bytes:
    """A field given as a text of JSON that no encoder writes."""
    marked = json.dumps(event(2, data=placed(**{field: "MARK"}), **attributes), separators=(",", ":"))
    return marked.replace('"MARK"', literal).encode() + b"\n"


def _closed(shop: str) -> dict[str, Any]:
    return {"closed_at": "2023-11-14T10:00:00Z", "shop": shop}


DEEP = b"[" * 100_000 + b"]" * 100_000

CASES: dict[str, tuple[bytes, tuple[str, str, str | None]]] = {
    "truncated": (line(2)[:80] + b"\n", ("decode", "truncated_json", None)),
    "truncated inside a string": (line(2)[:60] + b"\n", ("decode", "truncated_json", None)),
    "garbage": (b"\x00\x01garbage\n", ("decode", "malformed_json", None)),
    "garbage inside": (line(2).replace(b'"items":3', b'"items":?'), ("decode", "malformed_json", None)),
    "bad utf-8": (line(2).replace(b"north", b"n\xffrth"), ("decode", "bad_utf8", None)),
    "bad utf-8 where no column is": (line(2, note="MARK").replace(b"MARK", b"\xc3\x28"), ("decode", "bad_utf8", None)),
    "an array": (b"[1,2]\n", ("decode", "not_an_object", None)),
    "a number": (b"42\n", ("decode", "not_an_object", None)),
    "a text": (b'"order"\n', ("decode", "not_an_object", None)),
    "null": (b"null\n", ("decode", "not_an_object", None)),
    "an empty object": (b"{}\n", ("decode", "missing", "type")),
    "two objects on a line": (line(2)[:-1] + line(3), ("decode", "malformed_json", None)),
    "two objects and a blank": (line(2)[:-1] + b" " + line(3), ("decode", "malformed_json", None)),
    "an object over two lines, first half": (b'{"specversion":\n', ("decode", "truncated_json", None)),
    "unknown type": (line(2, "order.lost.v1"), ("decode", "unknown_type", "type")),
    "unknown version": (line(2, "order.placed.v9"), ("decode", "unknown_type", "type")),
    "no type": (line(2, type=...), ("decode", "missing", "type")),
    "type is a number": (line(2, type=7), ("decode", "wrong_type", "type")),
    "no id": (line(2, id=...), ("validate", "missing", "id")),
    "empty id": (line(2, id=""), ("validate", "missing", "id")),
    "id is a number": (line(2, id=7), ("decode", "wrong_type", "id")),
    "no source": (line(2, source=...), ("validate", "missing", "source")),
    "no specversion": (line(2, specversion=...), ("validate", "not_allowed", "specversion")),
    "another specversion": (line(2, specversion="0.3"), ("validate", "not_allowed", "specversion")),
    "no data": (line(2, data=...), ("decode", "missing", "data")),
    "data is null": (line(2).replace(json.dumps(placed(), separators=(",", ":")).encode(), b"null"),
                     ("decode", "missing", "data")),
    "data is a text": (line(2, data="x"), ("decode", "wrong_type", "data")),
    "data is an array": (line(2, data=[1]), ("decode", "wrong_type", "data")),
    "required column absent": (_spoilt(items=...), ("validate", "missing", "items")),
    "required column null": (_spoilt(items=None), ("validate", "missing", "items")),
    "text for an integer": (_spoilt(items="3"), ("decode", "wrong_type", "items")),
    "fraction for an integer": (_spoilt(items=3.5), ("decode", "wrong_type", "items")),
    "boolean for an integer": (_spoilt(items=True), ("decode", "wrong_type", "items")),
    "integer for a text": (_spoilt(shop=3), ("decode", "wrong_type", "shop")),
    "integer for a boolean": (_spoilt(gift=1), ("decode", "wrong_type", "gift")),
    "object for a number": (_spoilt(weight={"kg": 1}), ("decode", "wrong_type", "weight")),
    "huge integer": (_literal("items", "9" * 30), ("decode", "out_of_range", "items")),
    "huge integer of 5000 digits": (_literal("items", "9" * 5000), ("decode", "out_of_range", "items")),
    "float beyond 64 bits": (_literal("weight", "1e999"), ("decode", "out_of_range", "weight")),
    "NaN": (_literal("weight", "NaN"), ("validate", "not_finite", "weight")),
    "Infinity": (_literal("weight", "-Infinity"), ("validate", "not_finite", "weight")),
    "NaN for an integer": (_literal("items", "NaN"), ("decode", "malformed_json", None)),
    "instant without an offset": (_spoilt(placed_at="2023-11-14T10:00:00"), ("decode", "wrong_type", "placed_at")),
    "instant without seconds": (_spoilt(placed_at="2023-11-14T10:00Z"), ("decode", "wrong_type", "placed_at")),
    "no instant": (_spoilt(placed_at="yesterday"), ("decode", "wrong_type", "placed_at")),
    "a month 13": (_spoilt(placed_at="2023-13-14T10:00:00Z"), ("decode", "wrong_type", "placed_at")),
    "the year 0": (_spoilt(placed_at="0000-01-01T00:00:00Z"), ("decode", "wrong_type", "placed_at")),
    "instant as a number": (_spoilt(placed_at=1_700_000_000), ("decode", "wrong_type", "placed_at")),
    "no date": (_spoilt(due="2023-02-30"), ("decode", "wrong_type", "due")),
    "a date in the year 0": (_spoilt(due="0000-01-01"), ("decode", "wrong_type", "due")),
    "date with a time": (_spoilt(due="2023-02-03T00:00:00Z"), ("decode", "wrong_type", "due")),
    "no decimal": (_spoilt(amount="twelve"), ("decode", "wrong_type", "amount")),
    "decimal with too many places": (_spoilt(amount="12.505"), ("decode", "out_of_range", "amount")),
    "decimal with too many digits": (_spoilt(amount="123456789012.50"), ("decode", "out_of_range", "amount")),
    "decimal with a digit too many": (_spoilt(amount="100000000"), ("validate", "out_of_range", "amount")),
    "negative decimal with a digit too many": (_spoilt(amount="-100000000"), ("validate", "out_of_range", "amount")),
    "decimal NaN": (_spoilt(amount="NaN"), ("decode", "wrong_type", "amount")),
    "below ge": (_spoilt(items=0), ("validate", "out_of_range", "items")),
    "above le": (_spoilt(items=1001), ("validate", "out_of_range", "items")),
    "at gt": (_spoilt(weight=0.0), ("validate", "out_of_range", "weight")),
    "at lt": (_spoilt(weight=100.0), ("validate", "out_of_range", "weight")),
    "pattern": (_spoilt(shop="North"), ("validate", "pattern", "shop")),
    "too short": (_spoilt(shop="n"), ("validate", "too_short", "shop")),
    "too long": (_spoilt(shop="n" * 13), ("validate", "too_long", "shop")),
    "a text too wide for the warehouse": (line(2, "order.closed.v1", _closed("é" * 32_768)),
                                          ("validate", "too_long", "shop")),
    "an id of 1025 bytes": (line(2, id="i" * 1025), ("validate", "too_long", "id")),
    "not among the allowed": (_spoilt(channel="fax"), ("validate", "not_allowed", "channel")),
    "the future": (_spoilt(placed_at="2023-11-14T23:00:00Z"), ("validate", "future", "placed_at")),
    "a repeated column": (line(2).replace(b'"items":3', b'"items":3,"items":4'), ("decode", "duplicate_key", "items")),
    "a repeated attribute": (line(2).replace(b'"id":', b'"id":"a","id":'), ("decode", "duplicate_key", "id")),
    "half a surrogate": (line(2).replace(b"north", b"\\ud800"), ("decode", "malformed_json", None)),
    "a control character": (line(2).replace(b"north", b"no\x01th"), ("decode", "malformed_json", None)),
    "deep nesting alone": (DEEP + b"\n", ("decode", "deep_nesting", None)),
    "deep nesting as data": (line(2, data="MARK").replace(b'"MARK"', DEEP), ("decode", "deep_nesting", None)),
    "a byte order mark": (b"\xef\xbb\xbf" + line(2), ("decode", "malformed_json", None)),
    "1 MiB of braces": (b"{" * 1024 * 1024 + b"\n", ("decode", "deep_nesting", None)),
    "1 MiB without a line feed": (b"x" * 1024 * 1024, ("decode", "malformed_json", None)),
}  # fmt: skip


@pytest.mark.parametrize("kind", CASES)
def test_each_kind_gets_its_letter(kind: str) -> None:
    """One letter with stage, reason and field; the events before and after it are rows."""
    bad, expected = CASES[kind]
    staged = stage([record(GOOD + bad + (b"" if bad.endswith(b"\n") else b"\n") + line(3))])
    assert letters_of(staged) == [expected]
    assert [row["event_id"] for row in rows_of(staged)] == ["order-1", "order-3"]
    letter = staged.dead_letters.to_pylist()[0]
    assert letter["payload"] == bad.rstrip(b"\n")
    assert letter["record_index"] == 1


def test_the_widest_texts_are_rows() -> None:
    """65535 bytes of UTF-8 in a column, 1024 in an id: what the warehouse holds is no letter."""
    staged = stage([record(line(1, "order.closed.v1", _closed("é" * 32_767 + "e"), id="é" * 512))])
    assert letters_of(staged) == []
    assert staged.tables["closed"]["shop"].to_pylist() == ["é" * 32_767 + "e"]


def test_all_kinds_at_once() -> None:
    """Corrupt events do not hide one another: every kind in one record gives what each gives alone."""
    whole = b"".join(bad + (b"" if bad.endswith(b"\n") else b"\n") + GOOD for bad, _ in CASES.values())
    staged = stage([record(whole)])
    assert letters_of(staged) == [expected for _, expected in CASES.values()]
    assert len(rows_of(staged)) == len(CASES)


@pytest.mark.parametrize("kind", CASES)
def test_no_value_is_told(kind: str) -> None:
    """Reasons, fields and rules come from the contract, never from the event."""
    marked = CASES[kind][0].replace(b"north", b"secretvalue")
    letter = stage([record(marked)]).dead_letters.to_pylist()
    assert all(
        "secretvalue" not in str(row[name]) for row in letter for name in ("reason", "field", "rule", "event_type")
    )


def test_bare_objects_name_their_fields_alike() -> None:
    """In a stream of bare objects the same faults have the same names."""
    good, bad = (json.dumps(placed(**changes)).encode() + b"\n" for changes in ({}, {"items": "3"}))
    staged = stage([record(good + bad + b"[]\n" + good)], BARE)
    assert letters_of(staged) == [("decode", "wrong_type", "items"), ("decode", "not_an_object", None)]
    assert [row["event_id"].rsplit("/", 1)[1] for row in rows_of(staged)] == ["0", "3"]


@given(st.lists(st.binary(max_size=200), max_size=6))
def test_no_bytes_can_stop_the_batch(noise: list[bytes]) -> None:
    """Whatever stands in a record, the records around it are staged, and every event is counted once."""
    staged = stage([record(GOOD, 1), *(record(data, 2 + place) for place, data in enumerate(noise)), record(GOOD, 99)])
    assert len(rows_of(staged)) >= 2
    outcome = next(iter(staged.shards.values()))
    assert outcome.events == outcome.rows + outcome.dead_letters


@given(st.integers(0, len(GOOD) - 1), st.binary(max_size=3), st.integers(0, 4))
def test_a_spoilt_event_never_shifts_its_neighbours(place: int, put: bytes, cut: int) -> None:
    """Any small change to one event leaves the rows before and after it as they were."""
    spoilt = GOOD[:place] + put.replace(b"\n", b"?") + GOOD[place + cut :].rstrip(b"\n") + b"\n"
    staged = stage([record(line(7) + spoilt + line(8))])
    ids = [row["event_id"] for row in rows_of(staged)]
    assert ids[0] == "order-7"
    assert ids[-1] == "order-8"
    assert len(ids) + staged.dead_letters.num_rows == 3
