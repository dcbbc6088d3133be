"""What is told of corrupt lines before the JSON reader is asked: only what it would say, and enough to ask rarely."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.json as pj
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headrace_consumers.pipeline import EventFormat
from headrace_consumers.stages.hopeless import form_of, is_hopeless, is_unfit, reads_text
from headrace_consumers.stages.parse import parse_group
from headrace_consumers.stages.typed import cast_text
from headrace_producers.contracts import ColumnType
from tests.consumers.stages.streams import PIPELINE, event, letters_of, line, placed, record, rows_of, stage
from tests.consumers.stages.test_corrupt_events import CASES

CONTRACT = PIPELINE.tables[0].contract
FORM = form_of(CONTRACT, EventFormat.CLOUDEVENTS)
LINES = 150
MOST_CALLS = 8
BAD = {kind: bad for kind, (bad, (stage_, *_)) in CASES.items() if stage_ == "decode" and len(bad) < 10_000}
VALUES = [
    "NaN", "-NaN", "Inf", "-Infinity", "InfNaN", "null", "true", "0", "-0", "007", "1.", ".5", "3.0", "3e0", "1e308",
    "1e309", "1.0e309", "9e-999", "9e-41", "9" * 30, "9" * 400, "9223372036854775807", "9223372036854775808", '"x"',
    '""', '"\\ud800"', '"\\udc00"', '"\\ud83d\\ude00"', '"\\u0000"', '"\\/"', '"\\x"', '"\u00f6"', '"\x01"', '"\x7f"',
    "[]", "{}", '{"items":1,"items":2}', '[{"id":1,"id":2}]', '"12.500"', "12.500", '"0.000"', '"1e1"', '"1E-2"',
    '"1e-3"', '"99999999.99"', '"99999999.990"', '"100000000"', '"NaN"', '"1_0"', '" 1"', '"+1"', '"\u0661"', '".5"',
    '"5."', '"."',
]  # fmt: skip
PUT = [b"NaN", b"Inf", b'"', b"\\", b"}", b"{", b","]
TEXTS = [
    "2023-11-14T10:00:00Z", "2023-11-14 10:00:00.5+02:00", "2023-11-14t10:00:00.1234567890123z", "2023-11-14T10:00Z",
    "0000-12-31T23:30:00-01:00", "0000-12-31T10:00:00Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00",
    "9999-12-31T23:30:00-01:00", "2023-11-14T24:00:00Z", "2023-11-14T23:59:60Z", "2023-11-14T10:00:00+24:00",
    "2023-11-14T10:00:00+10:60", "2023-11-14T10:00:00-00:00", "2023-11-14 10:00:00.Z", "2024-02-29T10:00:00Z",
    "2023-02-29T10:00:00Z", "2023-11-14T10:00:00 Z", "2024-02-29", "2023-02-29", "2023-1-1", "20230101", "-001-01-01",
    "10000-01-01", "0000-01-01", " 2023-01-01", "2023-01-01\n", "",
]  # fmt: skip


def _numbered(bad: bytes, number: int) -> bytes:
    return bad.rstrip(b"\n").replace(b"order-2", b"order-%d" % number) + b"\n"


def _respaced(bad: bytes) -> bytes:
    """As a foreign producer writes it: its contract is not seen at sight."""
    return bad.replace(b'{"specversion"', b'{ "specversion"', 1)


@pytest.mark.parametrize("kind", BAD)
def test_corrupt_lines_do_not_cost_a_call_each(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many lines of a kind, alone or between good ones: the JSON reader is called a few times."""
    calls: list[object] = []
    read_json = pj.read_json

    def count(*args: Any, **options: Any) -> pa.Table:
        calls.append(args)
        return read_json(*args, **options)

    monkeypatch.setattr(pj, "read_json", count)
    for write in (bytes, _respaced):
        spoilt = [write(_numbered(BAD[kind], number)) for number in range(LINES)]
        good = [write(line(number)) for number in range(LINES)]
        between = [each for pair in zip(good, spoilt, strict=True) for each in pair]
        for lines, rows in ((spoilt, 0), (between, LINES)):
            calls.clear()
            staged = stage([record(b"".join(lines))])
            assert len(calls) <= MOST_CALLS
            assert (len(rows_of(staged)), letters_of(staged)) == (rows, [CASES[kind][1]] * LINES)


@st.composite
def _lines(draw: st.DrawFn) -> bytes:
    """An event with a field of odd content, put in place of its own or beside it, and perhaps a few odd bytes."""
    name = draw(st.sampled_from([*event(), *placed(), "more"]))
    value = draw(st.sampled_from([*VALUES, *map(json.dumps, TEXTS)]))
    text = json.dumps(event(), separators=(",", ":"))
    own = json.dumps(event()[name] if name in event() else placed().get(name), separators=(",", ":"))
    odd = f'"{name}":{value}'
    begin = draw(st.sampled_from([(f'"{name}":{own}', odd), ('"data":{', f'"data":{{{odd},'), ("{", f"{{{odd},")]))
    whole = text.replace(*begin, 1).encode()
    place, cut = draw(st.integers(1, len(whole) - 1)), draw(st.sampled_from([0, 0, 1, 3]))
    put = draw(st.one_of(st.just(b""), st.binary(max_size=2), st.sampled_from(PUT)))
    return (whole[:place] + put + whole[place + cut * bool(put) :]).replace(b"\n", b"?") + b"\n"


@settings(max_examples=400, deadline=None)
@given(_lines())
@example(line(data=placed(amount="100000000")))
@example(line(data=placed(amount="MARK")).replace(b'"MARK"', b"9e-41"))
@example(line(data=placed(weight="MARK")).replace(b'"MARK"', b"-NaN"))
@example(line(note="MARK").replace(b'"MARK"', b"9" * 400))
def test_no_readable_line_is_hopeless(text: bytes) -> None:
    """What the JSON reader takes, alone and with nothing said before it, is never given up."""
    parsed, _, _ = parse_group(
        CONTRACT, EventFormat.CLOUDEVENTS, pa.array([text], pa.large_binary()), np.zeros(1, np.int64)
    )
    if len(parsed.lines):
        assert not is_hopeless(FORM.decoder, text[:-1])
        assert not is_unfit(FORM, text[:-1])


_AROUND = st.sampled_from(TEXTS).flatmap(
    lambda text: st.tuples(st.integers(0, len(text)), st.sampled_from([*"0123459TtZz:.-+ ", ""])).map(
        lambda change: text[: change[0]] + change[1] + text[change[0] + 1 :]
    )
)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.sampled_from(TEXTS), _AROUND), st.sampled_from([ColumnType.TIMESTAMP, ColumnType.DATE]))
def test_one_text_is_judged_as_a_column_is(text: str, kind: ColumnType) -> None:
    """Texts are instants and dates, or are not, by one rule: that of `cast_text`."""
    try:
        cast_text(pa.array([text], pa.string()), kind)
        expected = True
    except pa.ArrowInvalid:
        expected = False
    assert reads_text(text, kind) == expected
