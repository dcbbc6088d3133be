"""Exit codes of the engine: what its supervisor is to do next."""

from __future__ import annotations

from enum import IntEnum

from headrace_consumers.errors import FencedError, GenerationRaisedError, ProtocolError
from headrace_producers.errors import TerminalError


class EngineExit(IntEnum):
    FINISHED = 0
    CRASHED = 70
    """Something nobody expected: start anew."""
    STALLED = 71
    """The watchdog saw no progress for too long: start anew."""
    START_ANEW = 75
    """Fenced, or out of step with the daemon: the log knows where to go on."""
    GENERATION_RAISED = 76
    """The pipeline was rewound: start anew with the generation that the log says."""
    TERMINAL = 78
    """Will not pass by itself: stop, with the engine's sentence."""


def exit_of(error: BaseException) -> EngineExit:
    match error:
        case GenerationRaisedError():
            return EngineExit.GENERATION_RAISED
        case FencedError() | ProtocolError():
            return EngineExit.START_ANEW
        case TerminalError():
            return EngineExit.TERMINAL
        case _:
            return EngineExit.CRASHED
