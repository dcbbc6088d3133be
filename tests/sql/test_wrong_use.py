"""What a person may get wrong: one sentence each, and the right exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace_local.environment import aws_variables
from headrace_local.warehouse import warehouse_settings
from headrace_sql.cli import execute
from tests.consumers.runtime_process.aws import free_port
from tests.sql.world import PROJECT, World

COMMANDS = ("build", "freshness", "docs")


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> int:
    """Settings of a warehouse that nobody is at; its port."""
    port = free_port()
    for name, value in warehouse_settings(f"redshift://headrace@127.0.0.1:{port}/headrace").items():
        monkeypatch.setenv(f"HEADRACE_{name.upper()}", str(value))
    return port


def said(capfd: pytest.CaptureFixture[str]) -> str:
    """The one sentence."""
    found = capfd.readouterr()
    assert found.out == ""
    [sentence] = found.err.splitlines()
    assert sentence.startswith("headrace-sql: ")
    return sentence


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("missing", ["HOST", "DATABASE", "USER", "PASSWORD"])
@pytest.mark.usefixtures("away")
def test_a_setting_of_the_warehouse_that_lacks_is_named(
    command: str, missing: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, before anything is done."""
    monkeypatch.delenv(f"HEADRACE_WAREHOUSE_{missing}")
    assert execute([command]) == 2
    assert f"HEADRACE_WAREHOUSE_{missing} is not set" in said(capfd)


@pytest.mark.usefixtures("away")
def test_a_folder_that_is_no_project_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing there, no YAML, or a project of another kind."""
    for text, words in (
        (None, "there is no dbt_project.yml in"),
        ("name: [", "cannot be read"),
        ("- a list", "must name its pipeline under vars"),
        ("name: other", "must name its pipeline under vars"),
    ):
        if text is not None:
            (tmp_path / "dbt_project.yml").write_text(text)
        assert execute(["build", "--project-dir", str(tmp_path)]) == 1
        assert words in (sentence := said(capfd))
        assert str(tmp_path) in sentence


def test_a_warehouse_that_is_away_is_one_sentence(away: int, capfd: pytest.CaptureFixture[str]) -> None:
    """It says where it should be."""
    assert execute(["build"]) == 1
    assert f"the warehouse at 127.0.0.1:{away} cannot be reached" in said(capfd)


@pytest.mark.usefixtures("away")
def test_a_target_that_is_none_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    """Before anything is done."""
    assert execute(["build", "--target", "production"]) == 2
    assert "production" in said(capfd)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("target", "ssl"), [("local", "true"), ("prod", "false")])
@pytest.mark.usefixtures("away")
def test_dbt_speaks_with_tls_where_the_warehouse_is_asked_for_it(
    command: str, target: str, ssl: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """They must agree: else dbt says the password without TLS, after the lock was taken with it."""
    monkeypatch.setenv("HEADRACE_WAREHOUSE_SSL", ssl)
    assert execute([command, "--target", target]) == 2
    assert f"target {target} speaks" in said(capfd)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("option", "value"), [("--work-dir", __file__), ("--schema-prefix", "x-"), ("--schema-prefix", "Mine_")]
)
@pytest.mark.usefixtures("away")
def test_a_place_that_can_be_none_is_told(
    command: str, option: str, value: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """A file for a folder, and what is no name of a schema, or in lower case another one."""
    assert execute([command, option, value]) == 2
    assert option in (sentence := said(capfd))
    assert value in sentence


@pytest.mark.parametrize("option", ["--vars", "--vars={}", "-t", "--target=prod", "--profiles-dir", "--target-path"])
@pytest.mark.usefixtures("away")
def test_what_dbt_would_not_hear_is_refused(option: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Of an option that is there twice dbt takes one: it would be silently another than the one that was said."""
    assert execute(["build", "--", option, "x"]) == 2
    assert f"dbt would not hear {option.partition('=')[0]} from you" in said(capfd)


def test_a_schema_without_the_loaders_books_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """And what makes them."""
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    assert execute(["build", "--warehouse-schema", "nowhere"]) == 2
    assert "run `headrace-consumers schema apply`" in said(capfd)


def test_a_selection_of_nothing_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A slip of the pen in a schedule would else pass for a build."""
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    assert execute(["build", "--work-dir", str(world.work_dir), "--", "--select", "nonsense"]) == 2
    assert "selects no node of the project" in capfd.readouterr().err


def test_an_unload_without_marts_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It would else be an unload of nothing that succeeds."""
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setattr("headrace_sql.commands.unload.MARTS", "nowhere")
    assert execute(["unload"]) == 2
    assert "there are no marts in schema nowhere" in said(capfd)


@pytest.mark.parametrize("name", ["dbt_project.yml", "profiles.yml"])
def test_the_project_that_comes_with_the_command_is_whole(name: str) -> None:
    """What every command takes where no other is named."""
    assert (PROJECT / name).exists()


def test_an_aws_that_stays_away_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Somebody waits for the command."""
    for name, value in aws_variables(f"http://127.0.0.1:{free_port()}").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("headrace_consumers.aws_retry.COMMAND_PATIENCE_S", 0.05)
    assert execute(["athena", "apply"]) == 1
    assert "ListNamedQueries of primary: EndpointConnectionError" in said(capfd)
