"""The handoff over real sockets, relays and pipes."""

from __future__ import annotations

import array
import fcntl
import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from headrace_consumers.errors import DaemonError
from headrace_consumers.runtime.daemon import SOCKET_VARIABLE, run_directory, write_launcher
from headrace_consumers.runtime.handoff import HandoffListener, ShardPipes
from headrace_consumers.runtime.relay import HELLO

LIMIT_S = 10


@pytest.fixture
def listener() -> Iterator[HandoffListener]:
    directory = run_directory()
    listening = HandoffListener(str(directory / "engine.sock"))
    yield listening
    listening.close()


def _await_pipes(listener: HandoffListener) -> ShardPipes:
    while select.select([listener], [], [], LIMIT_S)[0]:
        if (pipes := listener.accept()) is not None:
            return pipes
    raise AssertionError("no relay handed anything over")


def _settle(listener: HandoffListener) -> None:
    """Handles all that clients did so far; nothing of it is a handoff."""
    while select.select([listener], [], [], 0.2)[0]:
        assert listener.accept() is None


def _relay(listener: HandoffListener) -> subprocess.Popen[bytes]:
    path = listener._path
    command = write_launcher(path.parent).split()
    env = {SOCKET_VARIABLE: str(path)}
    return subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _connect(listener: HandoffListener) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.connect(str(listener._path))
    return client


def test_the_engine_talks_through_the_relays_own_pipes(listener: HandoffListener) -> None:
    """Bytes go both ways without the relay; it exits with the engine's code once the pipes are closed."""
    with _relay(listener) as relay:
        assert relay.stdin is not None
        assert relay.stdout is not None
        pipes = _await_pipes(listener)
        relay.stdin.write(b"to the engine\n")
        relay.stdin.flush()
        assert os.read(pipes.read_fd, 100) == b"to the engine\n"
        os.write(pipes.write_fd, b"to the daemon\n")
        assert relay.stdout.readline() == b"to the daemon\n"
        pipes.close_pipes()
        assert relay.stdout.read() == b""
        assert relay.poll() is None
        pipes.release(7)
        assert relay.wait(LIMIT_S) == 7


def test_a_relay_fails_when_the_engine_dies(listener: HandoffListener) -> None:
    """The daemon must not take a shard for finished because its engine crashed."""
    with _relay(listener) as relay:
        pipes = _await_pipes(listener)
        pipes.close_pipes()
        pipes.relay_socket.close()
        assert relay.wait(LIMIT_S) == 1


def test_a_relay_without_an_engine_fails(listener: HandoffListener) -> None:
    """No socket, no shard."""
    listener._path.unlink()
    with _relay(listener) as relay:
        assert relay.wait(LIMIT_S) == 1


def test_descriptors_close_on_exec(listener: HandoffListener) -> None:
    """A child of the engine must not keep a shard's pipe open."""
    with _relay(listener):
        pipes = _await_pipes(listener)
        for fd in (pipes.read_fd, pipes.write_fd):
            assert fcntl.fcntl(fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
        pipes.close_pipes()
        pipes.release(0)


def test_garbage_and_half_dead_clients_are_closed_and_leak_nothing(listener: HandoffListener) -> None:
    """Silence, rubbish, too few or too many descriptors change nothing for the next relay."""
    before = psutil.Process().num_fds()
    _connect(listener).close()
    with ExitStack() as clients:
        rubbish, bare, one, many = (clients.enter_context(_connect(listener)) for _ in range(4))
        rubbish.sendall(b"GET / HTTP/1.1\r\n\r\n")
        bare.sendall(HELLO)
        read_fd, write_fd = os.pipe()
        socket.send_fds(one, [HELLO], [read_fd])
        socket.send_fds(many, [HELLO], [read_fd, write_fd, read_fd])
        os.close(read_fd)
        os.close(write_fd)
        _settle(listener)
    assert psutil.Process().num_fds() == before
    with _relay(listener):
        pipes = _await_pipes(listener)
        pipes.close_pipes()
        pipes.release(0)


def test_a_relay_that_dies_after_it_sent_its_pipes_leaks_nothing(listener: HandoffListener) -> None:
    """The acknowledgement fails, and both descriptors are closed again."""
    before = psutil.Process().num_fds()
    read_fd, write_fd = os.pipe()
    with _connect(listener) as client:
        passed = array.array("i", [read_fd, write_fd])
        client.sendmsg([HELLO], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, passed)])
    os.close(read_fd)
    os.close(write_fd)
    _settle(listener)
    assert psutil.Process().num_fds() == before


def test_a_silent_client_does_not_hold_up_a_relay(listener: HandoffListener) -> None:
    """accept() waits for nobody."""
    with _connect(listener), _relay(listener):
        pipes = _await_pipes(listener)
        pipes.close_pipes()
        pipes.release(0)


def test_a_directory_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    """Whoever reaches the socket could feed records."""
    tmp_path.chmod(0o755)
    with pytest.raises(DaemonError, match="chmod 700"):
        HandoffListener(str(tmp_path / "engine.sock"))


def test_interpreters_and_checkouts_may_have_blanks_in_their_paths(
    listener: HandoffListener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon splits executableName at white space; the launcher's path has none."""
    spaced = tmp_path / "a b" / "py thon"
    spaced.parent.mkdir()
    spaced.symlink_to(Path(sys.executable).resolve())
    monkeypatch.setattr(sys, "executable", str(spaced))
    monkeypatch.setenv("TMPDIR", str(spaced.parent))
    assert not any(letter.isspace() for letter in str(run_directory()))
    with _relay(listener) as relay:
        pipes = _await_pipes(listener)
        assert "py thon" in psutil.Process(relay.pid).cmdline()[0]
        pipes.close_pipes()
        pipes.release(0)


def test_a_waiting_relay_is_small(listener: HandoffListener) -> None:
    """One lives per shard: under 12 MB resident, most of it shared."""
    with _relay(listener) as relay:
        pipes = _await_pipes(listener)
        assert psutil.Process(relay.pid).memory_info().rss < 12 * 1024 * 1024
        pipes.close_pipes()
        pipes.release(0)
