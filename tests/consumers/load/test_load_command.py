"""`headrace-consumers load`, `reconcile` and `schema` as their users have them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from headrace_consumers.cli import execute
from headrace_consumers.command_line import USAGE_ERROR
from tests.consumers.load.harbour import READINGS, Harbour, commit, local_harbour
from tests.consumers.load.processes import command_environment, forked, is_loaded, loading
from tests.consumers.windows_service.stack import PATIENCE_S, PIPELINE, eventually

COMMITS = 10
MEETINGS = re.compile("starting over from the books|Serializable isolation violation")
"""What a loader logs when another one was faster."""


@pytest.fixture(scope="module")
def harbour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harbour]:
    with local_harbour(tmp_path_factory.mktemp("harbour")) as made:
        yield made


@pytest.fixture
def commands(harbour: Harbour, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands of this process find the harbour."""
    for name, value in command_environment(harbour).items():
        monkeypatch.setenv(name, value)


def test_two_loaders_at_once_load_every_file_once(harbour: Harbour, tmp_path: Path) -> None:
    """Whichever is faster; both tell how they are, and SIGTERM ends each with 0 after its step."""
    before, commits = len(harbour.ids()), 0
    with ExitStack() as processes:
        loaders = [processes.enter_context(loading(harbour, tmp_path / f"{name}.log")) for name in ("one", "two")]
        eventually(lambda: all(one.lines() for one in loaders), "both loaders")
        while commits < COMMITS or not any(MEETINGS.search(one.log.read_text()) for one in loaders):
            commit(harbour)
            commits += 1
        eventually(lambda: is_loaded(harbour), "the last load")
        assert len(harbour.ids()) - before == commits * READINGS
        assert sum(loaded_rows(one.get("/metrics")) for one in loaders) == commits * READINGS
        for one in loaders:
            eventually(lambda one=one: one.metric("headrace_warehouse_up") == 1, "a step of both")  # type: ignore[misc]
            assert one.metric("headrace_load_waiting_files") == 0
            assert json.loads(one.get("/healthz"))["state"] == "healthy"
            one.process.terminate()
        assert [one.process.wait(PATIENCE_S) for one in loaders] == [0, 0]
    assert set(harbour.ids().values()) == {1}


def loaded_rows(metrics: str) -> float:
    """Of the tides; a loader that was always late has no such line."""
    name = 'headrace_loaded_rows_total{table="tides"} '
    return sum(float(line.removeprefix(name)) for line in metrics.splitlines() if line.startswith(name))


def test_a_loader_that_is_told_to_end_finishes_its_load(harbour: Harbour, tmp_path: Path) -> None:
    """Its COPY waits for a lock; it exits with 0 once it has it, and the load stands."""
    commit(harbour)
    rival = harbour.session()
    rival.begin()
    rival.run('LOCK TABLE "staging".tides')
    with loading(harbour, tmp_path / "load.log") as loader:
        eventually(lambda: bool(harbour.stack.curated("tides_loads/")), "a manifest")
        loader.process.terminate()
        time.sleep(0.5)
        assert loader.process.poll() is None
        rival.rollback()
        assert loader.process.wait(PATIENCE_S) == 0
    assert is_loaded(harbour)
    assert not harbour.stack.curated("tides_loads/")


def test_a_loader_in_maintenance_says_so(harbour: Harbour, tmp_path: Path) -> None:
    """Else nobody could tell it from one that is stuck."""
    log = tmp_path / "load.log"
    with forked(harbour, log, "--maintenance", "00:00-12:00, 12:00-00:00"):
        eventually(lambda: log.exists() and "maintenance begins: nothing is loaded" in log.read_text(), "the line")


def test_what_is_wrong_in_the_warehouse_ends_the_loader(harbour: Harbour, tmp_path: Path) -> None:
    """With one sentence after the log, and exit code 2: TLS where there is none, and no books."""
    wrong = {
        ("--warehouse-ssl",): "speaks no TLS",
        ("--warehouse-schema", "nowhere"): "headrace-consumers schema apply",
    }
    for arguments, sentence in wrong.items():
        log = tmp_path / "load.log"
        with forked(harbour, log, *arguments) as loader:
            loader.join(PATIENCE_S)
            assert loader.exitcode == USAGE_ERROR
        last = log.read_text().splitlines()[-1]
        assert last.startswith("headrace-consumers: ")
        assert sentence in last


@pytest.mark.usefixtures("commands")
@pytest.mark.parametrize(
    ("variable", "arguments", "sentence"),
    [
        ("HEADRACE_WAREHOUSE_HOST", [], "HEADRACE_WAREHOUSE_HOST is not set"),
        ("HEADRACE_WAREHOUSE_PASSWORD", [], "HEADRACE_WAREHOUSE_PASSWORD is not set"),
        ("", ["--stream", "nowhere"], "stream nowhere is not in this account"),
        ("", ["--processed-bucket", "nowhere"], "bucket nowhere is not in this account"),
        ("", ["--maintenance", "some day"], "say `sun 03:00-04:00`"),
        ("", ["--warehouse-password", "on-the-line"], "--warehouse-password"),
    ],
)
def test_what_is_wrong_at_the_start_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
    arguments: list[str],
    sentence: str,
) -> None:
    """Before anything is served or written. A password on the command line is no option at all."""
    monkeypatch.setenv(variable or "UNUSED", "")
    assert execute(["load", PIPELINE, *arguments]) != 0
    said = capsys.readouterr().err
    assert (sentence in said, said.count("\n")) == (True, 1)


@pytest.mark.usefixtures("commands")
def test_reconcile_tells_what_is_missing(harbour: Harbour, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In words and as JSON; it exits with 1 as long as there is something to tell, else with 0."""
    assert execute(["reconcile", PIPELINE, "--warehouse-schema", "nowhere"]) == USAGE_ERROR
    assert "run `headrace-consumers schema apply`" in capsys.readouterr().err
    commit(harbour)
    assert execute(["reconcile", PIPELINE]) == 0
    assert "1 wait for their load, 0 findings" in capsys.readouterr().out
    assert execute(["reconcile", PIPELINE, "--overdue-s", "0"]) == 1
    told, summary = capsys.readouterr().out.splitlines()
    assert told.startswith("overdue: tides, s3://headrace-processed/tides/")
    assert summary.endswith("1 findings")
    commit(harbour)
    assert execute(["reconcile", PIPELINE, "--overdue-s", "0"]) == 1
    told, summary = capsys.readouterr().out.splitlines()
    assert told.startswith("overdue: tides, s3://headrace-processed/tides/")
    assert told.endswith(".parquet and 1 more")
    assert summary.endswith("2 findings")
    with loading(harbour, tmp_path / "load.log"):
        eventually(lambda: is_loaded(harbour), "the load")
    harbour.session().run('DELETE FROM "staging".tides')
    harbour.close()
    assert execute(["reconcile", PIPELINE, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert {finding["kind"] for finding in found["findings"]} == {"rows missing"}
    assert found["loaded"] == found["committed"]


@pytest.mark.usefixtures("commands")
def test_the_schema_is_planned_applied_and_then_as_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    """A plan changes nothing, apply says what it changes, and afterwards there is nothing to say."""
    elsewhere = [PIPELINE, "--warehouse-schema", "elsewhere"]
    assert execute(["schema", "plan", *elsewhere, "--sql"]) == 0
    planned = capsys.readouterr().out
    assert "CREATE SCHEMA" in planned
    assert execute(["schema", "apply", *elsewhere, "--sql"]) == 0
    assert capsys.readouterr().out == planned
    assert execute(["schema", "plan", *elsewhere]) == 0
    assert capsys.readouterr().out == "elsewhere is as the contracts say\n"
