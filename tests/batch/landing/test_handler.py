"""The Lambda function and the command: the same landing, told in their own ways."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest

from headrace_batch.cli import execute
from headrace_batch.landing.handler import handler
from headrace_batch.landing.landing import land
from headrace_batch.place import Place
from headrace_producers.errors import SettingsError, TransientError
from tests.batch.landing.harbour import Harbour, crates, csv_of, source
from tests.batch.landing.test_landing import HEADER, RIGHT, WRONG
from tests.fakes.steps import Steps

REFERENCE = "somewhere.pipelines:crates"
GOOD = csv_of(HEADER, RIGHT)


@pytest.fixture
def harbour(monkeypatch: pytest.MonkeyPatch) -> Iterator[Harbour]:
    """Every command and function opens its own place there."""
    made = Harbour(crates(source()))

    @contextmanager
    def opened(*_: Any) -> Iterator[Place]:
        client: Any = SimpleNamespace(s3=made.s3.as_seen_by(Steps()))
        yield replace(made.place(), aws=client)

    monkeypatch.setenv("HEADRACE_PIPELINE", REFERENCE)
    with (
        patch("headrace_batch.landing.handler.opened", opened),
        patch("headrace_batch.commands.land.opened", opened),
    ):
        yield made


def put(harbour: Harbour, key: str, body: bytes) -> dict[str, Any]:
    """And what S3 says of it."""
    client: Any = harbour.s3.as_seen_by(Steps())
    client.put_object(Bucket="inbox", Key=key, Body=body)
    said = {"bucket": {"name": "inbox"}, "object": {"key": key, "size": len(body), "eTag": ""}}
    return {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": said}


def message(number: int, body: object) -> dict[str, Any]:
    unused = {"receiptHandle": "", "attributes": {}, "messageAttributes": {}, "eventSourceARN": "", "awsRegion": ""}
    return {"messageId": f"m-{number}", "eventSource": "aws:sqs", "body": json.dumps(body), "md5OfBody": "", **unused}


def test_only_messages_that_failed_come_again(harbour: Harbour) -> None:
    """A refused file is judged and done with; one for which AWS was away is not, nor is what is no event."""
    records = [
        {"Records": [put(harbour, "landing/scales/a.csv", GOOD)]},
        {"Records": [put(harbour, "landing/scales/wrong.csv", b"a,b\n1,2\n")]},
        {"Records": [put(harbour, "landing/scales/away.csv", csv_of(HEADER, RIGHT[:1]))]},
        {"hello": "world"},
        {"Event": "s3:TestEvent"},
    ]

    def away(place: Place, declared: Any, file: Any) -> Any:
        if file.name.endswith("away.csv"):
            raise TransientError("S3 is away")
        return land(place, declared, file)

    with patch("headrace_batch.landing.announced.land", away):
        answer = handler({"Records": [message(n, one) for n, one in enumerate(records)]}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m-2"}, {"itemIdentifier": "m-3"}]}
    assert len(harbour.rows("crates")) == 2
    assert len([key for key in harbour.keys("raw", "refused/") if key.endswith(".json")]) == 1


def test_a_batch_that_fails_as_a_whole_comes_again_as_a_whole(harbour: Harbour) -> None:
    """No exception: SQS reads the answer alone."""
    answer = handler({"Records": [message(n, {"no": "event"}) for n in range(2)]}, None)
    assert [one["itemIdentifier"] for one in answer["batchItemFailures"]] == ["m-0", "m-1"]
    assert not harbour.keys("processed")


def test_direct_events_land_too_and_twice_is_once(harbour: Harbour) -> None:
    """As S3 sends them without a queue: at least once."""
    event = {"Records": [put(harbour, "landing/scales/a.csv", GOOD)]}
    assert handler(event, None) == handler(event, None) == {}
    assert len(harbour.rows("crates")) == 2


def test_a_folders_mark_is_no_file(harbour: Harbour) -> None:
    """Consoles make such."""
    handler({"Records": [put(harbour, "landing/scales/", b"")]}, None)
    assert not harbour.keys("raw")


def test_a_function_without_a_pipeline_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEADRACE_PIPELINE", raising=False)
    with pytest.raises(SettingsError, match="set HEADRACE_PIPELINE"):
        handler({"Records": []}, None)


# --- the command


def test_the_command_tells_each_files_verdict(
    harbour: Harbour, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A line a file; exit code 1 where one is refused, and the others have landed all the same."""
    (good := tmp_path / "good.csv").write_bytes(csv_of(HEADER, [*RIGHT, WRONG[0]]))
    (bad := tmp_path / "bad.csv").write_bytes(b"a,b\n")
    put(harbour, "here/s3.csv", GOOD)
    gone = tmp_path / "gone.csv"
    names = [str(good), str(bad), "s3://inbox/here/s3.csv", "s3://inbox/here/gone.csv", str(gone)]
    assert execute(["land", REFERENCE, "scales", *names, "--json"]) == 1
    verdicts = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [(one["outcome"], one.get("reason", "")) for one in verdicts] == [
        ("landed", ""), ("refused", "wrong_header"), ("landed", ""), ("refused", "missing"), ("refused", "missing"),
    ]  # fmt: skip
    assert execute(["land", REFERENCE, "scales", str(good)]) == 0
    assert "landed before, by commit" in capfd.readouterr().out


def test_a_dry_run_of_the_command_writes_nothing(harbour: Harbour, tmp_path: Path) -> None:
    (good := tmp_path / "good.csv").write_bytes(GOOD)
    assert execute(["land", REFERENCE, "scales", str(good), "--dry-run"]) == 0
    assert not harbour.s3.objects
    assert not harbour.place().log.marks("crates_pipeline")


def test_a_source_that_nobody_declared_is_a_wrong_setting(harbour: Harbour, capfd: pytest.CaptureFixture[str]) -> None:
    assert execute(["land", REFERENCE, "ships", "a.csv"]) == 2
    assert "no landing source 'ships'; it has depots, scales" in capfd.readouterr().err
    assert not harbour.s3.objects
