"""Mending payloads by a jq program: in a process of its own, which may be ended when it takes too long or too much.

jq computes in C, where nothing of Python can stop it; and a letter is what somebody sent us. The process has no
environment, so that no program carries a secret of ours into an event.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from types import TracebackType
from typing import Protocol, Self

from headrace_batch.letters import jq_process
from headrace_batch.letters.jq_process import FAILED, MENDED, NOTHING, SEVERAL, frame
from headrace_consumers.stages.letters import Finding
from headrace_producers.errors import SettingsError, TerminalError

START_TIMEOUT_S = 60.0
LETTER_TIMEOUT_S = 10.0
_READ_BYTES = 1 << 20
_TOLD = {FAILED: "fix_failed", NOTHING: "fix_gave_nothing", SEVERAL: "fix_gave_several"}


class Fix(Protocol):
    """Maps a letter's payload."""

    def mend(self, payload: bytes) -> bytes | Finding:
        """The event as it should have been, without a line feed; or why there is none."""
        ...


class AsItIs:
    """For letters that a new declaration, or a raised limit, makes valid by itself."""

    def mend(self, payload: bytes) -> bytes | Finding:
        return payload


class JqFix:
    """A jq program; with `raw` it gets the payload as a string, as `jq -R` gives it: for what is no JSON. Numbers that
    it leaves alone keep all their digits. Raises SettingsError where jq does not know what the program means."""

    def __init__(self, program: str, *, raw: bool = False, letter_timeout_s: float = LETTER_TIMEOUT_S) -> None:
        self._head = (b"raw" if raw else b"json") + b"\n" + program.encode()
        self._timeout_s = letter_timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def mend(self, payload: bytes) -> bytes | Finding:
        process = self._process or self._start()
        try:
            answer = _asked(process, payload, self._timeout_s)
        except _NoAnswerError as lost:
            self._end()
            return Finding("fix", str(lost))
        return answer[1:] if answer[:1] == MENDED else Finding("fix", _TOLD[answer[:1]])

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-I", jq_process.__file__]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}
        )
        try:
            refused = _asked(self._process, self._head, START_TIMEOUT_S)
        except _NoAnswerError as lost:
            self._end()
            raise TerminalError(f"jq did not start: {lost}; is the package jq installed and whole?") from None
        if refused:
            self._end()
            raise SettingsError(f"--fix is no program for jq: {refused.decode()}")
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


class _NoAnswerError(Exception):
    """Says as which reason."""


def _asked(process: subprocess.Popen[bytes], question: bytes, timeout_s: float) -> bytes:
    deadline_s = time.monotonic() + timeout_s
    if process.stdin is None or process.stdout is None:
        raise ValueError("start the process with pipes")
    try:
        process.stdin.write(frame(question))
        process.stdin.flush()
    except BrokenPipeError:
        raise _NoAnswerError("fix_died") from None
    descriptor = process.stdout.fileno()
    length = int.from_bytes(_read(descriptor, jq_process.LENGTH_BYTES, deadline_s), "big")
    return _read(descriptor, length, deadline_s)


def _read(descriptor: int, count: int, deadline_s: float) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline_s - time.monotonic()))
        if not ready:
            raise _NoAnswerError("fix_took_too_long")
        found = os.read(descriptor, min(count - len(parts), _READ_BYTES))
        if not found:
            raise _NoAnswerError("fix_died")
        parts += found
    return bytes(parts)
