"""Child processes of the supervisor: shielded from signals to its group, and never outliving it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from headrace_consumers.runtime.daemon import ISOLATED_PYTHON
from headrace_consumers.runtime.multilang import LineBuffer

_CHUNK_BYTES = 1 << 16


async def start_engine(command: Sequence[str], env: Mapping[str, str], pass_fds: Sequence[int]) -> Process:
    """Its standard input is the control pipe, its standard output what it tells us; its logs go where ours go."""
    return await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, env=env, start_new_session=True, pass_fds=tuple(pass_fds)
    )


async def start_daemon(command: Sequence[str], env: Mapping[str, str]) -> Process:
    """Through the tether, so that it dies with us; its output comes back in one stream."""
    return await asyncio.create_subprocess_exec(
        *tethered(command), stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, env=env, start_new_session=True
    )


def tethered(command: Sequence[str]) -> list[str]:
    """The command, such that it dies with the thread of ours that starts it. Linux only."""
    tether = str(Path(__file__).with_name("tether.py"))
    return [sys.executable, *ISOLATED_PYTHON, tether, str(os.getpid()), *command]


async def kill(process: Process) -> None:
    """SIGKILL for the child and all it started, and waits until it is reaped. Safe to repeat."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


async def read_lines(process: Process, take: Callable[[bytes], None]) -> None:
    """Until end-of-file, however long a line is."""
    lines, stream = LineBuffer(), process.stdout
    while stream is not None and (chunk := await stream.read(_CHUNK_BYTES)):
        for line in lines.feed(chunk):
            take(line)
