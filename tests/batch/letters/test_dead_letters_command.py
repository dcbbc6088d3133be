"""`headrace-batch dead-letters` from the command line, against a local AWS: streams, log and lake are the real ones."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest

from headrace_batch.cli import execute
from tests.consumers.commitlog.tables import TABLE
from tests.consumers.runtime_process.aws import environment
from tests.consumers.windows_service.stack import BUCKETS, PIPELINE, Stack, event, local_stack

NOW = datetime.now(UTC)
WRONG = b'"level_mm":"high"'
ODD = b"\xff\x1b[2J\n"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Five readings of today, of two weeks ago (too late for windows) one; three of a wrong type, and one no text."""
    with local_stack(tmp_path_factory.mktemp("aws")) as made:
        made.log.generation("tides")
        sound = [event(NOW - timedelta(seconds=number)) for number in range(5)]
        wrong = [event(NOW - timedelta(minutes=number)).replace(b'"level_mm":1', WRONG) for number in range(3)]
        made.put(*sound, *wrong[:2])
        made.put(wrong[2], ODD, event(NOW - timedelta(days=14)))
        yield made


@pytest.fixture(autouse=True)
def env(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(stack.endpoint).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HEADRACE_LOG_TABLE", TABLE)


class Command:
    """Exit code, standard output, standard error."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def run(self, verb: str, *arguments: str) -> tuple[int, str, str]:
        code = execute(["dead-letters", verb, PIPELINE, *arguments])
        said = self._capsys.readouterr()
        return code, said.out, said.err

    def ok(self, verb: str, *arguments: str) -> str:
        code, out, err = self.run(verb, *arguments)
        assert code == 0, err
        return out

    def json(self, verb: str, *arguments: str) -> Any:
        return msgspec.json.decode(self.ok(verb, *arguments, "--json"))


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


def rows(stack: Stack, table: str) -> list[dict[str, Any]]:
    bucket = BUCKETS["processed"]
    found = stack.s3.list_objects_v2(Bucket=bucket, Prefix=f"{table}/").get("Contents", [])
    bodies = [stack.s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read() for one in found]
    return [row for body in bodies for row in pq.read_table(io.BytesIO(body)).to_pylist()]


def test_from_the_count_to_nothing_left(stack: Stack, command: Command) -> None:
    """An operator counts, looks, rehearses, redrives, and finds the rest still there."""
    wrong, odd = command.json("list")
    assert (wrong["reason"], wrong["field"], wrong["letters"]) == ("wrong_type", "level_mm", 3)
    assert (odd["reason"], odd["letters"]) == ("bad_utf8", 1)
    assert command.ok("list").endswith("\n4 letters\n")
    assert command.ok("list", "--reason", "bad_utf8", "--limit", "1").startswith("1: decode bad_utf8, arrived ")

    shown = [msgspec.json.decode(line) for line in command.ok("show", "--json").splitlines()]
    assert [WRONG.decode() in one.get("payload", "") for one in shown].count(True) == 3
    assert [one["payload_hex"] for one in shown if "payload_hex" in one] == [ODD.rstrip(b"\n").hex()]
    assert command.ok("show", "--id", shown[0]["id"]).count("\n") == 2
    assert command.ok("show", "--limit", "3").count("\n") == 6

    fix = ("--fix", ".data.level_mm = 7", "--reason", "wrong_type")
    assert command.json("redrive", *fix, "--dry-run")["redriven"] == 3
    assert len(rows(stack, "tides_dead_letters")) == 4
    report = command.json("redrive", *fix, "--why", "levels came as words")
    assert (report["redriven"], report["stayed"], report["rows"]) == (3, 0, {"tides": 3})
    assert sorted(row["level_mm"] for row in rows(stack, "tides")) == [1] * 6 + [7] * 3
    assert [row["reason"] for row in rows(stack, "tides_dead_letters")] == ["bad_utf8"]
    assert command.ok("redrive", *fix) == "0 letters redriven; 0 stay\n"

    first, second = command.ok("redrive", "--fix", ".").splitlines()
    assert first == "0 letters redriven; 1 stay"
    assert second == f"  1: the program failed on it, or it is no JSON: see --raw, such as {shown[-1]['id']}"
    assert command.json("redrive", "--fix", "{}", "--raw")["why"][0]["reason"] == "missing"


def test_late_events_are_told_and_not_redriven(command: Command) -> None:
    """Their rows are in the lake."""
    [group] = command.json("list", "--late")
    assert (group["event_type"], group["letters"]) == ("tide.measured.v1", 1)
    assert "which was late from" in command.ok("show", "--late")
    code, out, err = command.run("redrive", "--late")
    assert (code, out, "rows of their tables already" in err) == (2, "", True)


@pytest.mark.parametrize(
    ("verb", "arguments", "said"),
    [
        ("redrive", ("--fix", ".a |"), "--fix is no program for jq"),
        ("redrive", ("--raw",), "--raw says how --fix gets a letter"),
        ("show", ("--id", "x"), "'x' names no letter"),
        ("list", ("--from", "yesterday"), "--from 'yesterday' is no ISO 8601 time"),
        ("list", ("--late", "--reason", "null"), "late events have no --stage, --reason or --field"),
    ],
)
def test_wrong_use_is_one_sentence(command: Command, verb: str, arguments: tuple[str, ...], said: str) -> None:
    """Exit code 2, one line on standard error, nothing on standard output."""
    code, out, err = command.run(verb, *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
