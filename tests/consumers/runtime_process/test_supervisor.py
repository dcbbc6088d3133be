"""The supervisor over real processes: fake engines and daemons that only tell what happens to them."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

SUPERVISED = str(Path(__file__).with_name("supervised.py"))
LIMIT_S = 20


@dataclass
class Journal:
    """What the children say, in order."""

    path: Path
    fd: int
    rest: bytes = b""

    def next(self) -> str:
        while b"\n" not in self.rest:
            with selectors.DefaultSelector() as ready:
                ready.register(self.fd, selectors.EVENT_READ)
                assert ready.select(LIMIT_S), "no child said anything"
            self.rest += os.read(self.fd, 4096)
        line, _, self.rest = self.rest.partition(b"\n")
        return line.decode()

    def child(self, role: str) -> int:
        """The pid of the child that announces itself next."""
        words = self.next().split()
        assert words[0] == role
        return int(words[1])


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    path = tmp_path / "journal"
    os.mkfifo(path)
    fd = os.open(path, os.O_RDWR)
    yield Journal(path, fd)
    os.close(fd)


@dataclass
class Supervised:
    process: subprocess.Popen[str]

    def ends(self) -> tuple[int, str]:
        """Its exit code and its last sentence."""
        sentence, _ = self.process.communicate(timeout=LIMIT_S)
        return self.process.returncode, sentence.strip()


Start = Callable[..., Supervised]


@pytest.fixture
def start(tmp_path: Path, journal: Journal) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def begin(engine: str = "stay", daemon: str = "stay", max_restarts: int = 5, grace_s: float = 5.0) -> Supervised:
        arguments = [str(tmp_path), str(journal.path), engine, daemon, str(max_restarts), str(grace_s)]
        process = subprocess.Popen(
            [sys.executable, SUPERVISED, *arguments], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        started.append(process)
        return Supervised(process)

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def _gone(pids: list[int]) -> bool:
    processes = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    _, alive = psutil.wait_procs(processes, timeout=LIMIT_S)
    return not alive


def test_sigterm_goes_to_the_daemon_and_the_engine_finishes_after_it(start: Start, journal: Journal) -> None:
    """The daemon is told, the engine only sees its control pipe end once the daemon is gone, and the exit code is 0."""
    supervised = start()
    journal.child("engine")
    journal.child("daemon")
    supervised.process.terminate()
    assert [journal.next(), journal.next()] == ["daemon got SIGTERM", "engine saw the end"]
    assert supervised.ends() == (0, "committed, checkpointed and stopped")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_whole_group_reaches_no_child(start: Start, journal: Journal, number: signal.Signals) -> None:
    """Ctrl-C hits the process group: the daemon gets one SIGTERM, from the supervisor, and nothing else."""
    supervised = start()
    journal.child("engine")
    journal.child("daemon")
    os.killpg(supervised.process.pid, number)
    assert [journal.next(), journal.next()] == ["daemon got SIGTERM", "engine saw the end"]
    assert supervised.ends()[0] == 0


def test_a_worker_waits_while_its_pipeline_is_rewound(start: Start, journal: Journal, tmp_path: Path) -> None:
    """As long as it takes, and no such look counts as a restart; then it begins."""
    supervised = start(engine="wait", max_restarts=0)
    until((tmp_path / "waiting").exists)
    (tmp_path / "open").touch()
    journal.child("engine")
    journal.child("daemon")
    supervised.process.terminate()
    assert supervised.ends() == (0, "committed, checkpointed and stopped")


def test_sigterm_ends_the_waiting(start: Start, tmp_path: Path) -> None:
    """Nothing was begun, so nothing is to be ended."""
    supervised = start(engine="wait")
    until((tmp_path / "waiting").exists)
    supervised.process.terminate()
    assert supervised.ends() == (0, "stopped while it waited for a rewind to end")


def until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def test_a_crashed_engine_takes_its_daemon_along_and_both_start_anew(start: Start, journal: Journal) -> None:
    """The old daemon is reaped before the next one starts, and the socket's path is new."""
    supervised = start(engine="crash-once")
    first = journal.next().split()
    old_daemon = -1
    second = journal.next().split()
    if second[0] == "daemon":  # the daemon may be killed before it has announced itself
        old_daemon = int(second[1])
        second = journal.next().split()
    assert second[0] == "engine"
    assert second[2] != first[2]
    assert not psutil.pid_exists(old_daemon)
    assert not psutil.pid_exists(int(first[1]))
    journal.child("daemon")
    supervised.process.terminate()
    assert supervised.ends()[0] == 0


def test_a_dead_daemon_takes_its_engine_along_and_both_start_anew(start: Start, journal: Journal) -> None:
    """An engine never outlives its daemon."""
    supervised = start(daemon="die-once")
    old_engine = journal.child("engine")
    journal.child("daemon")
    journal.child("engine")
    assert not psutil.pid_exists(old_engine)
    journal.child("daemon")
    supervised.process.terminate()
    assert supervised.ends()[0] == 0


def test_a_killed_engine_is_started_anew(start: Start, journal: Journal) -> None:
    """SIGKILL of the engine from outside ends in a new life, not in the end of the service."""
    supervised = start()
    engine, daemon = journal.child("engine"), journal.child("daemon")
    os.kill(engine, signal.SIGKILL)
    journal.child("engine")
    assert _gone([engine, daemon])
    journal.child("daemon")
    supervised.process.terminate()
    assert supervised.ends()[0] == 0


def test_restarts_are_bounded(start: Start) -> None:
    """An engine that always crashes ends the service with a sentence, so that the scheduler replaces the task."""
    code, sentence = start(engine="crash", max_restarts=2).ends()
    assert code == 1
    assert sentence == "2 restarts within an hour, giving up; the last: the engine ended with code 70 (crashed)"


def test_a_terminal_error_is_not_tried_again(start: Start, journal: Journal) -> None:
    """What will not pass by itself stops the service at once, with the engine's own sentence."""
    supervised = start(engine="terminal")
    journal.child("engine")
    assert supervised.ends() == (1, "the log and the stream disagree")
    assert not journal.rest


def test_no_child_outlives_a_killed_supervisor(start: Start, journal: Journal) -> None:
    """SIGKILL of the supervisor leaves no daemon and no engine behind."""
    supervised = start()
    children = [journal.child("engine"), journal.child("daemon")]
    supervised.process.kill()
    assert _gone(children)


def test_a_daemon_that_does_not_stop_is_killed_after_the_grace(start: Start, journal: Journal) -> None:
    """The stop is bounded, and a forced one does not pass for a clean one."""
    supervised = start(daemon="deaf", grace_s=-4.5)  # the margin of 5 s included, half a second
    children = [journal.child("engine"), journal.child("daemon")]
    supervised.process.terminate()
    code, sentence = supervised.ends()
    assert (code, sentence) == (1, "the daemon did not stop within 0 s and was killed")
    assert _gone(children)
