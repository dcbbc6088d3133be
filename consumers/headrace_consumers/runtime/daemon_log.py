"""The daemon's output, line by line, as logs of ours (its format: logback.xml)."""

from __future__ import annotations

import logging

_log = logging.getLogger("headrace_consumers.kcl")
_LEVELS = {"DEBUG": logging.DEBUG, "INFO": logging.INFO, "WARN": logging.WARNING, "ERROR": logging.ERROR}
_FIELDS = 3
_LONGEST = 2000


class DaemonLog:
    """Re-logs lines, and keeps the last error for the sentence that a dead daemon is owed."""

    def __init__(self) -> None:
        self.last_error = ""

    def line(self, raw: bytes) -> None:
        text = raw.decode(errors="replace").strip()[:_LONGEST]
        parts = text.split("\t", _FIELDS - 1)
        if len(parts) == _FIELDS and parts[0] in _LEVELS:
            self._say(_LEVELS[parts[0]], parts[2].strip(), parts[1])
        elif text:
            # Java itself speaks: a bad option, no memory, a crash.
            self._say(logging.WARNING, text, "java")

    def _say(self, level: int, message: str, source: str) -> None:
        if level >= logging.ERROR or source == "java":
            self.last_error = f"{source}: {message}"
        _log.log(level, "%s", message, extra={"fields": {"source": source}})
