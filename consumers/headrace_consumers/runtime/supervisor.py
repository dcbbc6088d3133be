"""Keeps one worker alive: life after life of engine and daemon, under one worker id, until told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from headrace_consumers.errors import RewindUnfinishedError
from headrace_consumers.runtime.life import Ended, Ending, LifePlan, live
from headrace_consumers.runtime.restarts import RestartBudget
from headrace_producers.errors import HeadraceError, TerminalError

_log = logging.getLogger(__name__)
WAIT_S = 3.0
"""Between two looks at what the worker waits for."""
Planner = Callable[[Path, int], LifePlan]
"""Plans the next life: given its socket's path, new for each, and the restarts so far. May block on AWS, and raises
HeadraceError; a TerminalError is not tried again."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the service exits with, and the sentence that says why."""

    exit_code: int
    sentence: str


async def supervise(plan: Planner, directory: Path, max_restarts_per_hour: int) -> Outcome:
    """Runs until SIGTERM or SIGINT (exit code 0), a terminal error, or too many restarts within an hour."""
    stop = _stop_on_signals()
    budget = RestartBudget(max_restarts_per_hour)
    while True:
        began_s = time.monotonic()
        ended = await _live_once(plan, directory, budget.total, stop)
        if ended.ending is Ending.WAITING:
            _log.warning("the worker waits", extra={"fields": {"reason": ended.sentence}})
            if await _stopped_within(WAIT_S, stop):
                return Outcome(0, "stopped while it waited for a rewind to end")
            continue
        outcome = _outcome(ended, stop_wanted=stop.is_set())
        if outcome is not None:
            return outcome
        now_s = time.monotonic()
        delay_s = budget.delay_s(now_s, now_s - began_s)
        if delay_s is None:
            return Outcome(1, f"{max_restarts_per_hour} restarts within an hour, giving up; the last: {ended.sentence}")
        _log.warning("engine and daemon are started anew", extra={"fields": {
            "reason": ended.sentence, "restarts": budget.total, "delay_s": delay_s}})  # fmt: skip
        if await _stopped_within(delay_s, stop):
            return Outcome(0, "stopped while it waited to start anew")


async def _live_once(plan: Planner, directory: Path, restarts: int, stop: asyncio.Event) -> Ended:
    socket_path = directory / f"engine-{restarts}.sock"
    try:
        planned = await asyncio.to_thread(plan, socket_path, restarts)
        return await live(planned, stop)
    except TerminalError as error:
        return Ended(Ending.TERMINAL, str(error))
    except RewindUnfinishedError as error:
        return Ended(Ending.WAITING, str(error))
    except HeadraceError as error:
        return Ended(Ending.CRASHED, str(error))
    finally:
        socket_path.unlink(missing_ok=True)


def _outcome(ended: Ended, *, stop_wanted: bool) -> Outcome | None:
    match ended.ending:
        case Ending.STOPPED:
            return Outcome(0, ended.sentence)
        case Ending.OVERDUE | Ending.TERMINAL:
            return Outcome(1, ended.sentence)
        case Ending.CRASHED | Ending.WAITING:
            return Outcome(1, ended.sentence) if stop_wanted else None


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _stopped_within(delay_s: float, stop: asyncio.Event) -> bool:
    try:
        return await asyncio.wait_for(stop.wait(), delay_s)
    except TimeoutError:
        return False
