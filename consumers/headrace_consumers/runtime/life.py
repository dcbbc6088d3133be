"""One life of a worker: an engine and its daemon, from their start until both are gone.

Theory of operation. The two live and die together. Asked to stop, only the daemon is told (SIGTERM): it asks every
shard for a last checkpoint, the engine commits and answers, the daemon closes the pipes; then the engine's control
pipe is closed and it exits. In every other ending whatever is left is killed and reaped before this returns, so that
the next life may use the same worker id.
"""

from __future__ import annotations

import asyncio
import logging
from asyncio.subprocess import Process
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeVar

from headrace_consumers.runtime.children import kill, read_lines, start_daemon, start_engine
from headrace_consumers.runtime.daemon_log import DaemonLog
from headrace_consumers.runtime.exits import EngineExit
from headrace_consumers.runtime.job import READY

T = TypeVar("T")
_log = logging.getLogger(__name__)
READY_LIMIT_S = 60.0
LAST_WORD_S = 1.0
"""When an engine dies its relays do, and then the daemon: whose end is noticed first is chance. As long is waited for
what a dead process wrote last."""
STOP_MARGIN_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LifePlan:
    """What to start."""

    engine_command: Sequence[str]
    engine_job: bytes
    engine_env: Mapping[str, str]
    daemon_command: Sequence[str]
    daemon_env: Mapping[str, str]
    shutdown_grace_s: float
    pass_fds: Sequence[int] = ()
    chore: Callable[[], object] = lambda: None
    """Done in a thread every `chore_interval_s`; may block for a few seconds, and its failures end nothing."""
    chore_interval_s: float = 10.0


class Ending(Enum):
    STOPPED = auto()
    OVERDUE = auto()
    """Asked to stop, and killed when the grace was over; what was not committed will come again."""
    CRASHED = auto()
    TERMINAL = auto()
    WAITING = auto()
    """It could not begin yet: somebody else is to end something first."""


@dataclass(frozen=True, slots=True)
class Ended:
    ending: Ending
    sentence: str


async def live(plan: LifePlan, stop: asyncio.Event) -> Ended:
    """Starts both, waits for the first end or for `stop`, and leaves no process behind."""
    async with AsyncExitStack() as left_over:
        engine = await start_engine(plan.engine_command, plan.engine_env, plan.pass_fds)
        return await _Life(plan, stop, engine, left_over).run()


class _Life:
    def __init__(self, plan: LifePlan, stop: asyncio.Event, engine: Process, left_over: AsyncExitStack) -> None:
        self._plan = plan
        self._stop = stop
        self._engine = engine
        self._left_over = left_over
        self._said: list[str] = []
        self._ready = asyncio.Event()
        self._daemon_log = DaemonLog()

    async def run(self) -> Ended:
        self._hearing = self._watch(self._engine, self._hear)
        self._tell_job()
        ended = await self._first(self._engine.wait(), self._ready.wait(), self._stop.wait(), limit_s=READY_LIMIT_S)
        if not self._ready.is_set() or self._stop.is_set():
            return await self._never_began(overdue=not ended)
        daemon = await start_daemon(self._plan.daemon_command, self._plan.daemon_env)
        reading = self._watch(daemon, self._daemon_log.line)
        self._left_over.push_async_callback(_end_task, asyncio.ensure_future(self._chores()))
        await self._first(self._engine.wait(), daemon.wait(), self._stop.wait())
        if self._engine_code() is None and daemon.returncode is None:
            return await self._shut_down(daemon)
        return await self._died(daemon, reading)

    async def _shut_down(self, daemon: Process) -> Ended:
        limit_s = self._plan.shutdown_grace_s + STOP_MARGIN_S
        daemon.terminate()
        await self._first(daemon.wait(), self._engine.wait(), limit_s=limit_s)
        if (code := self._engine_code()) is not None:
            return await self._engine_ended(code)
        if daemon.returncode is None:
            return Ended(Ending.OVERDUE, f"the daemon did not stop within {limit_s:.0f} s and was killed")
        self._close_control()
        await self._first(self._engine.wait(), limit_s=limit_s)
        if (code := self._engine_code()) is None:
            return Ended(Ending.OVERDUE, f"the engine did not finish within {limit_s:.0f} s and was killed")
        if code != EngineExit.FINISHED:
            return await self._engine_ended(code)
        return Ended(Ending.STOPPED, "committed, checkpointed and stopped")

    async def _died(self, daemon: Process, reading: asyncio.Future[None]) -> Ended:
        await self._first(self._engine.wait(), limit_s=LAST_WORD_S)
        if (code := self._engine_code()) is not None:
            return await self._engine_ended(code)
        await asyncio.wait([reading], timeout=LAST_WORD_S)
        reason = self._daemon_log.last_error or "it gave no reason"
        return Ended(Ending.CRASHED, f"the daemon {_described(daemon.returncode)}: {reason}")

    async def _never_began(self, *, overdue: bool) -> Ended:
        if self._stop.is_set():
            return Ended(Ending.STOPPED, "stopped before the daemon was started")
        if overdue:
            return Ended(Ending.CRASHED, f"the engine was not ready within {READY_LIMIT_S:.0f} s")
        return await self._engine_ended(await self._engine.wait())

    async def _engine_ended(self, code: int) -> Ended:
        await asyncio.wait([self._hearing], timeout=LAST_WORD_S)
        ending = Ending.TERMINAL if code == EngineExit.TERMINAL else Ending.CRASHED
        return Ended(ending, self._said[-1] if self._said else f"the engine {_described(code)}")

    def _engine_code(self) -> int | None:
        return self._engine.returncode

    def _hear(self, line: bytes) -> None:
        text = line.decode(errors="replace")
        if text == READY:
            self._ready.set()
        else:
            self._said.append(text)

    def _tell_job(self) -> None:
        if self._engine.stdin is not None:
            self._engine.stdin.write(self._plan.engine_job)

    def _close_control(self) -> None:
        if self._engine.stdin is not None:
            self._engine.stdin.close()

    def _watch(self, process: Process, take: Callable[[bytes], None]) -> asyncio.Future[None]:
        """Reads its lines until it is gone; at the end of this life it is killed first, then read to the end."""
        reading = asyncio.ensure_future(read_lines(process, take))
        self._left_over.push_async_callback(_finish, reading)
        self._left_over.push_async_callback(kill, process)
        return reading

    async def _chores(self) -> None:
        while True:
            await asyncio.sleep(self._plan.chore_interval_s)
            try:
                await asyncio.to_thread(self._plan.chore)
            except Exception:  # noqa: BLE001 - records flow without it
                _log.exception("a chore beside the daemon failed and is tried again")

    async def _first(self, *awaited: Coroutine[None, None, object], limit_s: float | None = None) -> bool:
        """Waits for the first of them; whether one ended within the limit."""
        tasks = [asyncio.ensure_future(each) for each in awaited]
        done, pending = await asyncio.wait(tasks, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            await _end_task(task)
        return bool(done)


def _described(code: int | None) -> str:
    if code is not None and code < 0:
        return f"was killed by signal {-code}"
    known = f" ({EngineExit(code).name.lower()})" if code in set(EngineExit) else ""
    return f"ended with code {code}{known}"


async def _finish(task: asyncio.Future[None]) -> None:
    await asyncio.wait([task], timeout=LAST_WORD_S)
    await _end_task(task)


async def _end_task(task: asyncio.Future[T]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
