"""jq programs over payloads that anybody may have sent."""

from __future__ import annotations

import os
import re

import pytest

from headrace_batch.letters.fixing import AsItIs, JqFix
from headrace_consumers.stages.letters import Finding
from headrace_producers.errors import SettingsError


def mended(program: str, payload: bytes, *, raw: bool = False, letter_timeout_s: float = 10.0) -> bytes | str:
    """The payload, or the reason why there is none."""
    with JqFix(program, raw=raw, letter_timeout_s=letter_timeout_s) as fix:
        found = fix.mend(payload)
    return found.reason if isinstance(found, Finding) else found


@pytest.mark.parametrize(
    ("program", "payload", "expected"),
    [
        ('.data.origin = "JFK"', b'{"id":"a","data":{"origin":null}}', b'{"id":"a","data":{"origin":"JFK"}}'),
        ("del(.x) # why", b'{"x":1,"y":2}', b'{"y":2}'),
        ("def f: .y; f", b'{"y":{"z":[]}}', b'{"z":[]}'),
        (".b = 1", b'{"a":9007199254740993,"c":10.10}', b'{"a":9007199254740993,"c":10.10,"b":1}'),
        (".b = 1", b'{"a":123456789012345678901234567890}', b'{"a":123456789012345678901234567890,"b":1}'),
        (".", '{"a":"é\\n"}'.encode(), '{"a":"é\\n"}'.encode()),
        (".a", b'{"b":1}', "fix_gave_nothing"),
        ("empty", b"{}", "fix_gave_nothing"),
        (".[]", b'[{"a":1},{"a":2}]', "fix_gave_several"),
        (".", b"{} {}", "fix_gave_several"),
        (".a.b", b'{"a":"text"}', "fix_failed"),
        (".", b'{"a"', "fix_failed"),
        (".", b'{"a":"\xff"}', "fix_failed"),
        ("error", b'{"a":1}', "fix_failed"),
        (".", b"[" * 20_000 + b"]" * 20_000, "fix_failed"),
    ],
)
def test_a_program_gives_one_event_or_a_reason(program: str, payload: bytes, expected: bytes | str) -> None:
    """Numbers that it leaves alone keep every digit."""
    assert mended(program, payload) == expected


def test_raw_takes_what_is_no_json() -> None:
    """As jq -R: the payload is a string, bytes that are no UTF-8 its replacement character."""
    assert mended('sub("\ufffdFK"; "JFK") | fromjson', b'{"a":"\xffFK"}', raw=True) == b'{"a":"JFK"}'
    assert mended('. + "}" | fromjson', b'{"a":1', raw=True) == b'{"a":1}'


def test_a_program_that_never_ends_is_ended() -> None:
    """And the next letter finds a process of its own."""
    with JqFix("if .spin then last(range(1e18)) else . end", letter_timeout_s=0.5) as fix:
        assert fix.mend(b'{"spin":true}') == Finding("fix", "fix_took_too_long")
        assert fix.mend(b'{"spin":false}') == b'{"spin":false}'


def test_a_program_that_takes_all_memory_dies_alone() -> None:
    with JqFix('if .grow then reduce range(40) as $i ("grows"; . + .) else . end', letter_timeout_s=60) as fix:
        found = fix.mend(b'{"grow":true}')
        assert isinstance(found, Finding)
        assert found.reason in ("fix_died", "fix_failed")
        assert fix.mend(b"{}") == b"{}"


def test_a_program_sees_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    found = mended("$ENV | tostring", b"{}")
    assert isinstance(found, bytes)
    assert b"secret" not in found


def test_what_jq_does_not_understand_is_refused_at_once() -> None:
    """With jq's own words about the program."""
    with pytest.raises(SettingsError, match=re.compile("--fix is no program for jq: .*error", re.DOTALL)):
        JqFix(".a |")
    with pytest.raises(SettingsError, match="nosuch/0 is not defined"):
        JqFix("nosuch")


def test_no_process_is_left() -> None:
    with JqFix(".") as fix:
        process = fix._process
        assert process is not None
        os.kill(process.pid, 0)
    assert process.returncode is not None


def test_without_a_program_a_letter_is_as_it_was() -> None:
    assert AsItIs().mend(b"\xff") == b"\xff"
