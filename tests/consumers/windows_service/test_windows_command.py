"""`headrace-consumers windows` as processes, against a local AWS: started twice, asked, ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headrace_consumers.cli import execute
from tests.consumers.commitlog.tables import TABLE
from tests.consumers.runtime_process.aws import environment
from tests.consumers.windows_service.stack import PATIENCE_S, PIPELINE, Stack, eventually, local_stack, running


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with local_stack(tmp_path_factory.mktemp("aws")) as made:
        yield made


def test_two_services_at_once_put_every_window_out_once(stack: Stack, tmp_path: Path) -> None:
    """Whichever is faster; both tell how they are, and SIGTERM ends each with 0 after its step."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    old = now - timedelta(hours=5)
    with ExitStack() as stack_of_processes:
        services = [
            stack_of_processes.enter_context(running(stack.endpoint, tmp_path / f"{name}.log"))
            for name in ("one", "two")
        ]
        stack.measure(old, now)
        eventually(lambda: bool(stack.rows("hours")), "the first window")
        stack.measure(old + timedelta(minutes=1))
        eventually(lambda: len(stack.rows("hours")) > 1, "its revision")
        eventually(lambda: all(one.metric("headrace_low_watermark_seconds") > 0 for one in services), "both")
        assert all(json.loads(one.get("/healthz"))["state"] == "healthy" for one in services)
        assert sum(one.metric("headrace_windows_emitted_total") for one in services) == 1 + 3 + 1
        assert sum(one.metric("headrace_windows_revised_total") for one in services) == 1 + 3 + 1
        for one in services:
            one.process.terminate()
        assert [one.process.wait(PATIENCE_S) for one in services] == [0, 0]
    rows = sorted((row["revision"], row["window_start"], row["events"]) for row in stack.rows("hours"))
    assert rows == [(1, old, 1), (2, old, 2)]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["tests.consumers.windows_service.windowed:bare"], "declares no windows"),
        ([PIPELINE, "--stream", "nowhere"], "stream nowhere is not in this account"),
        ([PIPELINE, "--curated-bucket", "nowhere"], "bucket nowhere is not in this account"),
        ([PIPELINE, "--metrics-host", "192.0.2.1"], "metrics cannot be served on 192.0.2.1"),
    ],
)
def test_what_is_wrong_at_the_start_is_one_sentence(
    stack: Stack,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    sentence: str,
) -> None:
    """Before anything is served or written."""
    for name, value in (environment(stack.endpoint) | {"HEADRACE_LOG_TABLE": TABLE}).items():
        monkeypatch.setenv(name, value)
    assert execute(["windows", *arguments]) != 0
    said = capsys.readouterr().err
    assert (sentence in said, said.count("\n")) == (True, 1)
