"""The command line, loading of pipelines, and the engine's process from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace_consumers.cli import execute
from headrace_consumers.errors import (
    CheckpointAheadError,
    FencedError,
    GenerationRaisedError,
    ProtocolError,
)
from headrace_consumers.loading import load_pipeline
from headrace_consumers.preflight import frozen_start
from headrace_consumers.runtime.daemon_log import DaemonLog
from headrace_consumers.runtime.exits import EngineExit, exit_of
from headrace_consumers.runtime.job import EngineJob, decode_job, encode_job
from headrace_consumers.runtime.watchdog import Watchdog
from headrace_consumers.settings import BatchSettings, WorkerSettings
from headrace_consumers.telemetry.health import Health, State
from headrace_producers.errors import SettingsError, TransientError

DECLARED = """
from headrace_consumers.pipeline import LakeTable, Pipeline
from headrace_producers.flights import FlightDeparted

flights = Pipeline(name="flights", stream="flights", tables=(LakeTable("flights_departed", FlightDeparted),))
number = 7
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a pipeline, and no word of AWS in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("AWS_", "HEADRACE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(sys, "path", sys.path[:])
    (tmp_path / "team_pipelines.py").write_text(DECLARED)
    (tmp_path / "broken_pipelines.py").write_text("import no_such_library\n")
    (tmp_path / "failing_pipelines.py").write_text("1 / 0\n")
    return tmp_path


@pytest.mark.usefixtures("here")
def test_a_pipeline_of_the_working_directory_is_found() -> None:
    """As uvicorn finds an app."""
    assert load_pipeline("team_pipelines:flights").name == "flights"


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        ("team_pipelines", "is no MODULE:PIPELINE"),
        ("nowhere:flights", "there is no module nowhere"),
        ("nowhere.deeper:flights", "there is no module nowhere.deeper"),
        ("broken_pipelines:flights", "imports no_such_library, which is not installed"),
        ("failing_pipelines:flights", "ZeroDivisionError"),
        ("team_pipelines:departures", "has no departures"),
        ("team_pipelines:number", "is a int, not a Pipeline"),
    ],
)
def test_a_wrong_reference_says_which_half_is_wrong(reference: str, sentence: str) -> None:
    """Without a traceback of ours."""
    with pytest.raises(SettingsError, match=sentence):
        load_pipeline(reference)


def test_settings_come_from_flags_and_environment(
    here: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Flags win; what neither names keeps its default."""
    monkeypatch.setenv("HEADRACE_MAX_BATCH_AGE_S", "5")
    monkeypatch.setenv("HEADRACE_RETRIEVAL_MODE", "FANOUT")
    monkeypatch.setenv("HEADRACE_MAX_BATCH_ROWS", "10")
    assert here.is_dir()
    assert execute(["run", "team_pipelines:flights", "--max-batch-rows", "20", "--print-settings"]) == 0
    printed = json.loads(capfdbinary.readouterr().out)
    assert printed["batch"]["max_batch_age_s"] == 5.0
    assert printed["batch"]["max_batch_rows"] == 20
    assert printed["kcl"]["retrieval_mode"] == "FANOUT"
    assert printed["lake"]["raw_bucket"] == "headrace-raw"


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "team_pipelines:flights", "--max-batch-rows", "0"],
        ["run", "team_pipelines:flights", "--max-batch-rows", "many"],
        ["run", "team_pipelines:flights", "--no-such-option", "1"],
        ["run", "team_pipelines:flights", "--start", "LATEST"],
        ["run", "nowhere:flights"],
        ["run"],
        ["run", "team_pipelines:flights"],  # no region
    ],
)
def test_wrong_settings_are_one_sentence_and_exit_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback, nothing started."""
    assert execute(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("headrace-consumers: ")
    assert captured.err.count("\n") == 1


def _run(here: Path, **env: str) -> tuple[int, str]:
    program = "from headrace_consumers.cli import main; main()"
    command = [sys.executable, "-c", program, "run", "team_pipelines:flights"]
    given_env = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(here),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": "eu-central-1",
    }
    done = subprocess.run(
        command, cwd=here, env=given_env | env, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stderr


def test_missing_credentials_and_an_unreachable_endpoint_are_one_sentence(here: Path) -> None:
    """Expected errors of the first minute with AWS."""
    code, said = _run(here)
    assert (code, said.count("\n")) == (1, 1)
    assert "no AWS credentials" in said
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    code, said = _run(here, AWS_ENDPOINT_URL="http://127.0.0.1:9", **keys)
    assert (code, said.count("\n")) == (1, 1)
    assert "cannot be reached" in said


def _job(**changes: Any) -> EngineJob:
    fields: dict[str, Any] = {
        "pipeline": "team_pipelines:flights", "settings": WorkerSettings(), "socket_path": "/tmp/x/s", "stream": "s",  # noqa: S108 - not opened
        "stream_created_ms": 1, "retention_hours": 24, "generation": 1, "worker_id": "w",
    }  # fmt: skip
    return EngineJob(**fields | changes)


@given(st.text(), st.integers(0, 2**60), st.floats(0.1, 1e6))
def test_a_job_arrives_as_it_was_sent(worker_id: str, created_ms: int, age_s: float) -> None:
    """On one line, whatever is in it."""
    job = _job(
        worker_id=worker_id,
        stream_created_ms=created_ms,
        settings=WorkerSettings(batch=BatchSettings(max_batch_age_s=age_s)),
    )
    line = encode_job(job)
    assert line.count(b"\n") == 1
    assert decode_job(line) == job


def test_a_job_of_another_version_is_refused() -> None:
    """Supervisor and engine are installed together, or not at all."""
    with pytest.raises(SettingsError, match="differ in version"):
        decode_job(b'{"pipeline":1}\n')


def _engine(here: Path, line: bytes) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "headrace_consumers.runtime.engine_process"]
    env = {
        "PATH": "/usr/bin:/bin",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "t",
        "AWS_SECRET_ACCESS_KEY": "t",
    }
    return subprocess.run(command, cwd=here, env=env, input=line, capture_output=True, timeout=60, check=False)


def test_an_engine_whose_control_pipe_ends_finishes(here: Path) -> None:
    """It says that it is ready once its socket listens, and leaves with code 0."""
    (here / "run").mkdir(mode=0o700)
    done = _engine(here, encode_job(_job(socket_path=str(here / "run" / "s"), supervisor_pid=os.getpid())))
    assert (done.returncode, done.stdout) == (0, b"ready\n")


def test_an_engine_that_cannot_start_says_why(here: Path) -> None:
    """The last line of its output is the sentence for whoever started the service; the code says not to try again."""
    done = _engine(here, encode_job(_job(pipeline="nowhere:flights", supervisor_pid=os.getpid())))
    assert done.returncode == EngineExit.TERMINAL
    assert b"there is no module nowhere" in done.stdout
    assert json.loads(done.stderr.splitlines()[-1])["level"] == "ERROR"


def test_an_engine_without_its_supervisor_ends(here: Path) -> None:
    """The parent named in the job is gone, or was never ours."""
    assert _engine(here, encode_job(_job(supervisor_pid=1))).returncode == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (GenerationRaisedError(""), EngineExit.GENERATION_RAISED),
        (FencedError(""), EngineExit.START_ANEW),
        (ProtocolError(""), EngineExit.START_ANEW),
        (CheckpointAheadError(""), EngineExit.TERMINAL),
        (TransientError(""), EngineExit.CRASHED),
        (MemoryError(), EngineExit.CRASHED),
    ],
)
def test_the_exit_code_says_what_the_supervisor_is_to_do(error: BaseException, code: EngineExit) -> None:
    """Only what will not pass by itself stops the service."""
    assert exit_of(error) is code


def test_the_watchdog_ends_a_process_that_stands_still() -> None:
    """Once, with the code that means: start anew."""
    left: list[int] = []
    gone, health = Event(), [Health(State.HEALTHY, "")]

    def leave(code: int) -> None:
        left.append(code)
        gone.set()

    watchdog = Watchdog(lambda: health[0], 0.01, leave)
    assert not gone.wait(0.1)
    health[0] = Health(State.BATCH_IN_HAND, "for 301 s")
    assert gone.wait(10)
    watchdog.close()
    assert left == [EngineExit.STALLED]


def test_the_daemons_last_error_is_kept_for_its_epitaph(caplog: pytest.LogCaptureFixture) -> None:
    """Lines of our logback pattern keep their level; what Java says by itself is a warning."""
    caplog.set_level("DEBUG", logger="headrace_consumers.kcl")
    log = DaemonLog()
    for line in (b"INFO\tScheduler\tsleeping", b"ERROR\tWorker\tno such region", b"", b"WARN\tLease\tlost"):
        log.line(line)
    assert [record.levelname for record in caplog.records] == ["INFO", "ERROR", "WARNING"]
    assert log.last_error == "Worker: no such region"
    log.line(b"Unrecognized option: -Xfoo \xff")
    assert log.last_error.startswith("java: Unrecognized option: -Xfoo")


class FrozenLog:
    """The one call of the commit log that fixes a pipeline's start."""

    def __init__(self) -> None:
        self.position = ""

    def start_position(self, pipeline: str, wanted: str, generation: int = 1) -> str:
        assert (pipeline, generation) == ("flights", 1)
        self.position = self.position or wanted
        return self.position


def test_now_is_written_once_and_stands() -> None:
    """A restart does not move the start: what came in between would be lost."""
    log: Any = FrozenLog()
    first = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert frozen_start(log, "flights", "NOW", first) == "2026-11-23T12:00:00Z"
    assert frozen_start(log, "flights", "now", first + timedelta(hours=3)) == "2026-11-23T12:00:00Z"
    assert frozen_start(FrozenLog(), "flights", "trim_horizon", first) == "TRIM_HORIZON"  # type: ignore[arg-type]  # that one call
    with pytest.raises(SettingsError, match="neither"):
        frozen_start(log, "flights", "2026-11-23", first)


def test_the_supervisor_carries_no_arrow() -> None:
    """It only starts and watches: what the stages need is loaded once per worker, in the engine."""
    modules = "sys, headrace_consumers.cli, headrace_consumers.runtime.service"
    program = f"import {modules}; sys.exit('pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0
