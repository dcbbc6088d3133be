"""`headrace-consumers health`, as a container's health check runs it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from headrace_consumers import entry
from headrace_consumers.cli import execute
from headrace_consumers.commands.health import ask
from headrace_consumers.telemetry.health import Health, State
from headrace_consumers.telemetry.http import TelemetryServer
from headrace_consumers.telemetry.metrics import Metrics

WELL = Health(State.HEALTHY, "4 shards, at most 250 ms behind")
STUCK = Health(State.LOOP_STUCK, "no step has ended for 400 s")
HEAVY = {"boto3", "botocore", "cyclopts", "duckdb", "headrace_producers", "msgspec", "pyarrow"}


@contextmanager
def _service(health: Health) -> Iterator[int]:
    listening = socket.create_server(("127.0.0.1", 0))
    port: int = listening.getsockname()[1]
    server = TelemetryServer(listening, Metrics(), lambda: health)
    try:
        yield port
    finally:
        server.close()


@contextmanager
def _says(answer: bytes | None) -> Iterator[int]:
    """A listener that takes connections and gives this answer, or none and keeps them open."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        kept: list[socket.socket] = []

        def serve() -> None:
            taken, _ = listening.accept()
            kept.append(taken)
            if answer is not None:
                taken.recv(4096)
                taken.sendall(answer)
                taken.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()
        for taken in kept:
            taken.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


@pytest.mark.parametrize(("health", "code"), [(WELL, 0), (STUCK, 1)])
def test_a_service_is_as_it_says(health: Health, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0 where it is well, 1 where it is not; the sentence either way."""
    with _service(health) as port:
        assert execute(["health", "--metrics-port", str(port)]) == code
    assert capsys.readouterr().out == f"{health.state}: {health.sentence}\n"


def test_settings_are_those_of_the_service(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """As the task definition sets them."""
    monkeypatch.setenv("HEADRACE_METRICS_HOST", "127.0.0.1")
    with _service(WELL) as port:
        monkeypatch.setenv("HEADRACE_METRICS_PORT", str(port))
        assert execute(["health"]) == 0
    assert "4 shards" in capsys.readouterr().out


def test_nobody_listens(capsys: pytest.CaptureFixture[str]) -> None:
    """A service that is gone is not well."""
    port = _free_port()
    assert execute(["health", "--metrics-port", str(port)]) == 1
    assert f"no answer on 127.0.0.1:{port}" in capsys.readouterr().out


def test_a_port_that_cannot_be_is_no_answer() -> None:
    """Not a traceback."""
    assert "no answer on 127.0.0.1:70000" in ask("127.0.0.1", 70000).sentence


def test_a_service_that_hangs_is_given_up() -> None:
    """A worker's supervisor holds the port while no engine answers on it."""
    with _says(None) as port:
        answer = ask("127.0.0.1", port, timeout_s=0.2)
    assert not answer.well
    assert "no answer" in answer.sentence


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.0 200 OK\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\n\r\n[1]",
        b'HTTP/1.0 200 OK\r\n\r\n{"state": "healthy"}',
        b"HTTP/1.0 200 OK\r\n\r\n\xff",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"",
    ],
)
def test_what_is_no_service_of_ours_is_not_well(said: bytes) -> None:
    """Even where it says 200."""
    with _says(said) as port:
        answer = ask("127.0.0.1", port)
    assert not answer.well
    assert answer.sentence.endswith("?")


def test_without_a_port_it_asks_for_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Port 0 is one that the service draws: nobody can know it."""
    monkeypatch.delenv("HEADRACE_METRICS_PORT", raising=False)
    assert execute(["health"]) == 2
    assert "HEADRACE_METRICS_PORT" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["", "0", "nine"])
def test_a_wrong_port_is_told_by_the_program(
    port: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The short way leaves what it cannot take to the command line."""
    monkeypatch.setenv("HEADRACE_METRICS_PORT", port)
    monkeypatch.setattr(sys, "argv", ["headrace-consumers", "health"])
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("headrace-consumers: ")


def test_the_program_starts_without_what_it_does_not_need() -> None:
    """ECS runs it twice a minute beside a service that wants the processor: no parser, no SDK, no Arrow."""
    program = (
        "import atexit, sys; from headrace_consumers.entry import main; sys.argv[1:] = ['health']; "
        f"atexit.register(lambda: print('heavy', sorted({HEAVY!r} & set(sys.modules)))); main()"
    )
    with _service(WELL) as port:
        ran = _run([sys.executable, "-c", program], port)
    assert ran.returncode == 0
    assert ran.stdout.splitlines() == ["healthy: 4 shards, at most 250 ms behind", "heavy []"]


def test_the_installed_program_answers() -> None:
    """The very command of the task definition."""
    program = Path(sys.executable).with_name("headrace-consumers")
    with _service(STUCK) as port:
        ran = _run([str(program), "health"], port)
    assert ran.returncode == 1
    assert ran.stdout == "loop_stuck: no step has ended for 400 s\n"


def _run(command: list[str], port: int) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"HEADRACE_METRICS_PORT": str(port)}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)
