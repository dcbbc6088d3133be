"""The local Redshift as a process of its own, for whoever needs one for a while."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psutil

from headrace_local.environment import aws_variables
from headrace_local.errors import StartError

_START_TIMEOUT_S: Final = 60.0
_STOP_TIMEOUT_S: Final = 30.0
_POLL_S: Final = 0.01


class RedshiftServer:
    """Its data stay in the folder: a later one over the same folder has them. The port stays the same, too."""

    def __init__(self, folder: Path, port: int = 0, aws_endpoint: str | None = None) -> None:
        self.folder = folder
        self.port = port
        self._aws = aws_variables(aws_endpoint) if aws_endpoint else {}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Returns once it takes clients. Raises StartError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        said = self.folder / "port"
        said.unlink(missing_ok=True)
        line = [sys.executable, "-m", "headrace_local.redshift", "--folder", str(self.folder), "--port", str(self.port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                line, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **self._aws}
            )
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not said.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise StartError(f"the local Redshift did not start:\n{self._log.read_text(errors='replace')[-2000:]}")
            time.sleep(_POLL_S)
        self.port = int(said.read_text())

    def stop(self) -> None:
        """Transactions that are open are rolled back. Safe to repeat."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """SIGKILL to all of it at once, as a crash: `start` recovers. Safe to repeat."""
        if self._process is None:
            return
        family = _family(self._process.pid)
        for process in family:
            _kill(process)
        psutil.wait_procs(family, timeout=_STOP_TIMEOUT_S)
        self._process.wait()
        self._process = None

    @property
    def _log(self) -> Path:
        return self.folder / "gateway.log"


def _family(pid: int) -> list[psutil.Process]:
    """None where it has ended already."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return
