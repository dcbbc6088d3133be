"""Logs as JSON lines on stderr: ts, level, logger, message, then the fields of the call.

Of an exception that is not ours only the type is told, and AWS's error code: foreign messages quote what they choked
on, and that may be a payload or a secret.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import IO, Any

import msgspec

from headrace_producers.errors import HeadraceError

_encode = msgspec.json.Encoder(enc_hook=str).encode
_FRAMES = 8
_uncaught = logging.getLogger("headrace_consumers")


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, Any] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        said |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[1] is not None:
            said["error"] = describe(record.exc_info[1])
            said["frames"] = frames(record.exc_info[2])
        return _encode(said).decode()


def describe(error: BaseException) -> str:
    """The error's type; its message only where the message is ours; AWS's code where there is one."""
    name = type(error).__name__
    if isinstance(error, HeadraceError):
        return f"{name}: {error}"
    response = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code", "") if isinstance(response, dict) else ""
    return f"{name}: {code}" if code else name


def frames(trace: TracebackType | None) -> list[str]:
    """Where it happened, innermost last: files, lines and functions, never values."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)[-_FRAMES:]]


def configure_logs(stream: IO[str] | None = None, level: int = logging.INFO) -> None:
    """Ours from `level`, all else from WARNING; also what nobody caught, in any thread. Called once, at the edge."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for ours in ("headrace_consumers", "headrace_producers"):
        logging.getLogger(ours).setLevel(level)
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda seen: _log_uncaught(seen.exc_type, seen.exc_value, seen.exc_traceback)


def _log_uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    _uncaught.error("an exception ended a thread or the process", exc_info=(kind, error or kind(), trace))
