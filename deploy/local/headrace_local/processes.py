"""The processes of a stack, known by a mark in their environment.

Children of children inherit the mark, and no number that the kernel uses again can be mistaken for it: so whatever a
killed command left behind is found, the workers' daemons and engines included.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from headrace_local.errors import LocalError

if TYPE_CHECKING:
    from headrace_local.folder import StackFolder

STACK_MARK = "HEADRACE_LOCAL_STACK"
ROLE_MARK = "HEADRACE_LOCAL_ROLE"
_KILL_TIMEOUT_S = 10.0
_REAP_S = 0.2
"""Long enough for a killed process to be reaped; where nobody reaps it, it counts as gone."""


@dataclass(frozen=True, slots=True)
class Member:
    """One running process of a stack."""

    role: str
    """`aws`, `worker-1`, ...; children of a worker bear its role."""
    pid: int
    started: float
    rss_bytes: int
    command: str


def start(folder: StackFolder, role: str, command: Sequence[str], env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Starts a member in a session of its own, so that a terminal's Ctrl-C reaches only the command that started it."""
    with folder.log_path(role).open("ab") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder.path,
            env={**env, STACK_MARK: str(folder.path), ROLE_MARK: role},
            start_new_session=True,
        )


def members(folder: StackFolder) -> list[Member]:
    return [member for process in _marked(folder) if (member := _member(process)) is not None]


def kill_members(folder: StackFolder) -> None:
    """Kills until none is left: a process may start another while it is being killed."""
    deadline = time.monotonic() + _KILL_TIMEOUT_S
    while found := _families(_marked(folder)):
        for process in found:
            _kill(process)
        psutil.wait_procs(found, timeout=_REAP_S)
        if time.monotonic() > deadline:
            raise LocalError(f"stack {folder.name}: processes {[process.pid for process in found]} cannot be killed")


def is_running(pid: int, started: float) -> bool:
    """Whether this very process still runs, and not a later one of the same number."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - started) < 1.0
    except psutil.Error:
        return False


def _marked(folder: StackFolder) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            if process.environ().get(STACK_MARK) == str(folder.path):
                yield process
        except (psutil.Error, OSError):
            continue


def _families(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """With their descendants: PostgreSQL's write their title over the mark."""
    found: dict[int, psutil.Process] = {}
    for process in processes:
        found[process.pid] = process
        with suppress(psutil.Error):
            found |= {child.pid: child for child in process.children(recursive=True)}
    return list(found.values())


def _member(process: psutil.Process) -> Member | None:
    try:
        role = process.environ().get(ROLE_MARK, "")
        command = " ".join(process.cmdline())
        return Member(role, process.pid, process.create_time(), process.memory_info().rss, command)
    except (psutil.Error, OSError):
        return None


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return
