"""`--print-settings` of every command that a task definition starts: it checks all that can be checked without AWS."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from headrace_batch.cli import execute as batch
from headrace_consumers.cli import execute as consumers
from headrace_local.pipelines import flights
from headrace_sql.cli import execute as sql

Execute = Callable[[list[str]], int]
FLIGHTS = "headrace_local.pipelines:flights"
WITHOUT_WINDOWS = replace(flights, windows=())
SPAN = ("--from=2026-01-01T00:00:00Z", "--to=2026-01-02T00:00:00Z", "--reason=carriers were lost")
WAREHOUSE = {"HOST": "warehouse.internal", "DATABASE": "headrace", "USER": "headrace_loader", "PASSWORD": "Never-5hown"}
ON_PIPELINES = [
    (consumers, ("run", FLIGHTS)),
    (consumers, ("windows", FLIGHTS)),
    (consumers, ("load", FLIGHTS)),
    (batch, ("compact", FLIGHTS)),
    (batch, ("expire", FLIGHTS)),
    (batch, ("backfill", FLIGHTS, *SPAN)),
    (batch, ("land-handed", FLIGHTS)),
    (batch, ("transform", "headrace_local.transforms:utilisation", "--reason=a new column")),
]
ON_MODELS = [
    (sql, ("build", "--target", "dev")),
    (sql, ("freshness", "--target", "dev")),
    (sql, ("unload",)),
]


def command_of(value: object) -> str:
    return str(value[0]) if isinstance(value, tuple) else ""


@pytest.fixture(autouse=True)
def nothing_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A warehouse that is nowhere, and an AWS without region and credentials."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in WAREHOUSE.items():
        monkeypatch.setenv(f"HEADRACE_WAREHOUSE_{name}", value)


@pytest.mark.parametrize(("execute", "arguments"), ON_PIPELINES + ON_MODELS, ids=command_of)
def test_settings_are_told_and_nothing_is_connected_to(
    execute: Execute, arguments: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    """One JSON document that names the pipeline; no word of the password."""
    assert execute([*arguments, "--print-settings"]) == 0
    said = capfd.readouterr()
    assert json.loads(said.out)["pipeline"] == "flights"
    assert "Never-5hown" not in said.out + said.err


def told(execute: Execute, capfd: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert execute([*arguments, "--print-settings"]) == 0
    found: dict[str, Any] = json.loads(capfd.readouterr().out)
    return found


@pytest.mark.parametrize(("execute", "arguments"), [(consumers, ("load", FLIGHTS)), *ON_MODELS], ids=command_of)
def test_of_the_password_it_is_told_whether_it_is_set(
    execute: Execute, arguments: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    assert told(execute, capfd, *arguments)["warehouse"]["warehouse_password"] == "set"  # noqa: S105 -- that it is, not which


@pytest.mark.parametrize("user", ["headrace_dbt", "headrace_reader"])
def test_a_rotation_tells_whom_it_is_about(user: str, capfd: pytest.CaptureFixture[str]) -> None:
    """And not as whom it signs in with which password."""
    found = told(sql, capfd, "rotate", user, "--secret", "a-secret")
    assert (found["user"], found["secret"], found["warehouse"]["warehouse_password"]) == (user, "a-secret", "set")


def test_variables_and_options_are_told_as_they_are_taken(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """What names a stream, a bucket or a bound arrives where it is used."""
    monkeypatch.setenv("HEADRACE_STREAM", "headrace-dev-flights")
    monkeypatch.setenv("HEADRACE_RAW_BUCKET", "headrace-dev-raw")
    expiry = told(batch, capfd, "expire", FLIGHTS, "--raw-days", "400")
    assert (expiry["stream"], expiry["lake"]["raw_bucket"]) == ("headrace-dev-flights", "headrace-dev-raw")
    assert expiry["ages"]["raw_days"] == 400
    assert told(sql, capfd, "build", "--target", "prod", "--work-dir", "/tmp/dbt")["work_dir"] == "/tmp/dbt"  # noqa: S108 -- only told


@pytest.mark.parametrize(("execute", "arguments"), ON_PIPELINES, ids=command_of)
def test_a_reference_that_leads_nowhere_is_refused(
    execute: Execute, arguments: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    """An image without the pipeline is found before it is deployed."""
    command, _, *others = arguments
    assert execute([command, "nowhere:flights", *others, "--print-settings"]) == 2
    said = capfd.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert "there is no module nowhere" in said.err


@pytest.mark.parametrize(
    ("execute", "arguments", "words"),
    [
        (consumers, ("run", FLIGHTS, "--start", "LATEST"), "start LATEST"),
        (consumers, ("run", FLIGHTS, "--start", "yesterday"), "start 'yesterday' is neither"),
        (consumers, ("windows", f"{__name__}:WITHOUT_WINDOWS"), "declares no windows"),
        (consumers, ("load", FLIGHTS, "--maintenance", "at night"), "maintenance 'at night'"),
        (batch, ("compact", FLIGHTS, "--table", "none"), "table 'none' is none that can be compacted"),
        (batch, ("compact", FLIGHTS, "--older-than", "old"), "'old'"),
        (batch, ("expire", FLIGHTS, "--links-days", "1"), "--links-days must be 30"),
        (batch, ("backfill", FLIGHTS), "say --from, --to and --reason"),
        (sql, ("build", "--target", "local"), "speaks without TLS"),
        (sql, ("rotate", "headrace_loader", "--secret", "a-secret"), "is who signs in for this"),
    ],
)
def test_what_the_command_would_refuse_is_refused(
    execute: Execute, arguments: tuple[str, ...], words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """With one sentence, and the exit code of wrong settings."""
    assert execute([*arguments, "--print-settings"]) == 2
    said = capfd.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert words in said.err


@pytest.mark.parametrize(("execute", "arguments"), [(consumers, ("load", FLIGHTS)), *ON_MODELS], ids=command_of)
def test_a_password_that_is_not_there_is_refused(
    execute: Execute, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HEADRACE_WAREHOUSE_PASSWORD")
    assert execute([*arguments, "--print-settings"]) == 2
    assert "HEADRACE_WAREHOUSE_PASSWORD is not set" in capfd.readouterr().err
