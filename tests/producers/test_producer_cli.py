"""The headrace-producers command."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headrace_producers import boto
from headrace_producers.cli import main
from headrace_producers.cli.tail import follow
from headrace_producers.errors import TerminalError
from headrace_producers.flights import FlightDeparted
from headrace_producers.reading import Page, Record, Shards
from headrace_producers.testing import FakeKinesis
from headrace_producers.wire.envelope import encode_line
from tests.producers.flights_data import flight_event, flight_rows


@pytest.fixture(scope="module")
def flights() -> list[FlightDeparted]:
    rows = flight_rows()
    return [event for _ in range(20) if isinstance(event := flight_event(next(rows)), FlightDeparted)]


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> FakeKinesis:
    """The command's boto3 client is replaced by the shipped fake."""
    fake = FakeKinesis()
    monkeypatch.setattr(boto, "connect", lambda: fake)
    return fake


def give(monkeypatch: pytest.MonkeyPatch, *lines: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\n".join(lines) + b"\n")))


def test_put_takes_bare_objects(
    stream: FakeKinesis,
    flights: list[FlightDeparted],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each line is one event of the contract that is named; the summary counts them."""
    give(monkeypatch, *map(msgspec.json.encode, flights))
    assert main(["put", "s", "--contract", "flight.departed"]) == 0
    assert [put.event for put in stream.events(FlightDeparted)] == flights
    assert f"{len(flights)} delivered in 1 records" in capsys.readouterr().err


def test_put_takes_cloud_events(
    stream: FakeKinesis, flights: list[FlightDeparted], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids are kept, types find their contract."""
    lines = [
        encode_line(f"e{n}", "elsewhere", "flight.departed.v1", one.departed_at, one).strip()
        for n, one in enumerate(flights)
    ]
    give(monkeypatch, *lines)
    assert main(["put", "s", "--source", "tests"]) == 0
    assert [put.event_id for put in stream.events(FlightDeparted)] == [f"e{n}" for n in range(len(flights))]
    assert b'"source":"tests"' in stream.records[0].data


def test_put_names_the_lines_that_it_refuses(
    stream: FakeKinesis,
    flights: list[FlightDeparted],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With field and rule, never with content; the others are put, the exit code is 1."""
    good = msgspec.json.encode(flights[0])
    other = b'{"specversion":"1.0","id":"1","source":"s","type":"other.v1","data":{}}'
    give(monkeypatch, good, b'{"secret', b"", good.replace(b"1545", b"-1"), other, b"\xff", good)
    assert main(["put", "s", "--contract", "flight.departed"]) == 1
    said = capsys.readouterr().err
    assert len(stream.events(FlightDeparted)) == 2
    assert "line 2: refused: line: is not JSON" in said
    assert "line 4: refused: flight: Expected `int` >= 1" in said
    assert "line 5: refused: type: no declared contract has this type" in said
    assert "line 6: refused: line: is not JSON" in said
    assert "2 delivered in 1 records" in said
    assert "4 refused" in said
    assert "secret" not in said


def test_expected_errors_are_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback, exit code 1."""

    def nobody() -> FakeKinesis:
        raise TerminalError("cannot list the shards of stream s: it does not exist")

    monkeypatch.setattr(boto, "connect", nobody)
    assert main(["put", "s", "--contract", "flight.departed"]) == 1
    assert main(["put", "s", "--contract", "no.such"]) == 1
    assert main(["contracts", "list", "--module", "no_such_module"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3
    assert all(line.startswith("headrace-producers: ") for line in said)
    assert "flight.departed.v1" in said[1]


def test_an_endpoint_that_nobody_serves_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Through boto3 itself: AWS_ENDPOINT_URL is honoured, and named in the advice."""
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }.items():
        monkeypatch.setenv(name, value)
    assert main(["put", "s", "--contract", "flight.departed"]) == 1
    [said] = capsys.readouterr().err.splitlines()
    assert "the endpoint gave no answer (EndpointConnectionError); check AWS_ENDPOINT_URL" in said


class Reading:
    """A fake's records through the reader's seam: one page per read, a split behind it."""

    def __init__(self, stream: FakeKinesis) -> None:
        self._stream = stream
        self._known = set(stream.shard_ids)

    def shard_ids(self) -> list[str]:
        self._known |= set(self._stream.shard_ids)
        return sorted(self._known)

    def iterator(self, shard_id: str, *, from_start: bool) -> str:
        skipped = 0 if from_start else len(self._of(shard_id))
        return str(skipped)

    def read(self, shard_id: str, iterator: str) -> Page:
        records = self._of(shard_id)
        is_closed = shard_id not in self._stream.shard_ids
        return Page(records[int(iterator) :], None if is_closed else str(len(records)))

    def _of(self, shard_id: str) -> list[Record]:
        return [
            Record(one.shard_id, one.sequence_number, one.partition_key, one.data)
            for one in self._stream.records
            if one.shard_id == shard_id
        ]


def filled(stream: FakeKinesis, flights: list[FlightDeparted], monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, *map(msgspec.json.encode, flights))
    assert main(["put", "s", "--contract", "flight.departed"]) == 0
    monkeypatch.setattr(boto, "connect_reader", lambda _: Reading(stream))


def test_tail_takes_packs_apart(
    stream: FakeKinesis,
    flights: list[FlightDeparted],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One line per event: JSON with position and event, or a line to read."""
    filled(stream, flights, monkeypatch)
    assert main(["tail", "s", "--from-start", "--json", "--limit", "3"]) == 0
    said: list[dict[str, Any]] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["event"]["data"]["tailnum"] for one in said] == [one.tailnum for one in flights[:3]]
    assert {one["sequence_number"] for one in said} == {stream.records[0].sequence_number}
    assert main(["tail", "s", "--from-start", "--limit", "1"]) == 0
    human = capsys.readouterr().out
    assert human.startswith("   0  2013-01-01T10:17:00Z  flight.departed.v1  departed_at=")


def test_tail_shows_what_is_no_event(stream: FakeKinesis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Foreign records are shown as they are."""
    from headrace_producers.kinesis import PutRecord

    stream.put_records("s", [PutRecord("key", "1", b"\xffnot json\n[1]")])
    monkeypatch.setattr(boto, "connect_reader", lambda _: Reading(stream))
    for flags in (["--json"], []):
        assert main(["tail", "s", "--from-start", "--limit", "2", *flags]) == 0


def test_tail_follows_a_reshard(
    stream: FakeKinesis, flights: list[FlightDeparted], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shard's end brings its children in, from their first record."""
    filled(stream, flights[:5], monkeypatch)
    shards = Shards(Reading(stream), from_start=True)
    lines = follow(shards)
    assert sum(1 for _ in zip(range(5), lines, strict=False)) == 5
    stream.split(stream.shard_ids[0])
    filled(stream, flights[5:8], monkeypatch)
    assert len([next(lines) for _ in range(3)]) == 3


def test_contracts_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """A table to read, or JSON Schema."""
    assert main(["contracts", "list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        "flight.cancelled.v1", "flight.departed.v1", "weather.observed.v1",
    ]  # fmt: skip
    assert main(["contracts", "show", "flight.departed"]) == 0
    assert "Distance between the airports [mi]" in capsys.readouterr().out
    assert main(["contracts", "show", "flight.departed.v1", "--json-schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "flight.departed.v1"


def test_contracts_check_compares_writes_and_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No lock, written, unchanged, behind, broken; a breaking change is written only when it is insisted on."""
    lock = tmp_path / "lock.json"
    check = ["contracts", "check", "--lock", str(lock)]
    assert main(check) == 1
    assert main([*check, "--write"]) == 0
    assert main(check) == 0
    whole = lock.read_text()
    lock.write_text(whole.replace("12000", "11000"))
    assert main(check) == 1
    assert "contracts check --write" in capsys.readouterr().out
    lock.write_text(whole.replace("12000", "13000"))
    assert main(check) == main([*check, "--write"]) == 1
    assert "BREAKS  flight.departed.v1: column distance: le was 13000 and is 12000 (tighter)" in capsys.readouterr().out
    assert main([*check, "--write", "--allow-breaking"]) == 0
    assert lock.read_text() == whole


def test_other_modules_bring_their_contracts(capsys: pytest.CaptureFixture[str]) -> None:
    """--module replaces the shipped flights."""
    assert main(["contracts", "list", "--module", "tests.producers.model"]) == 0
    assert capsys.readouterr().out.startswith("test.step.v1")
