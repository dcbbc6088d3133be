"""The local AWS: MiniStack as a child process on the loopback address."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass

from headrace_local import processes
from headrace_local.errors import StartError
from headrace_local.folder import StackFolder

ROLE = "aws"
SERVICES = (
    "kinesis", "s3", "dynamodb", "cloudwatch", "glue", "athena",
    "transfer", "sqs", "lambda", "iam", "sts", "logs",
    "secretsmanager",
)  # fmt: skip
"""The second line is what files land by, the third where users' passwords are."""
_HOST = "127.0.0.1"
_READY_TIMEOUT_S = 60.0
_POLL_S = 0.05
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class StartedAws:
    """It keeps everything in memory and in the stack's folder, so killing it is the way to end it."""

    endpoint: str
    process: subprocess.Popen[bytes]
    sftp_port: int
    """Where Transfer Family listens, once it has a server."""


def start_aws(folder: StackFolder, services: Sequence[str] = SERVICES) -> StartedAws:
    """Returns once it answers. Raises StartError."""
    for _ in range(_ATTEMPTS):
        port, sftp_port = _free_port(), _free_port()
        process = processes.start(
            folder,
            ROLE,
            [sys.executable, "-m", "headrace_local.ministack"],
            _environment(folder, port, sftp_port, services),
        )
        endpoint = f"http://{_HOST}:{port}"
        if _answers(process, endpoint):
            return StartedAws(endpoint, process, sftp_port)
    raise StartError(f"the local AWS did not start; its last words:\n{last_lines(folder, ROLE)}")


def last_lines(folder: StackFolder, role: str, count: int = 15) -> str:
    """The end of a member's log."""
    try:
        lines = folder.log_path(role).read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return "(no log)"
    return "\n".join(lines[-count:])


def _free_port() -> int:
    """Another process may take it before we do: then MiniStack ends at once, and the next port is tried."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def _environment(folder: StackFolder, port: int, sftp_port: int, services: Sequence[str]) -> dict[str, str]:
    path = folder.path
    return {
        "PATH": os.defpath,
        "HOME": str(path),
        "TMPDIR": str(path),
        "BIND_HOST": _HOST,
        "GATEWAY_PORT": str(port),
        "SFTP_HOST": _HOST,
        "SFTP_PORT": str(sftp_port),
        "SERVICES": ",".join(services),
        "ATHENA_ENGINE": "duckdb",
        "TZ": "UTC",  # as Athena reads instants
        "S3_DATA_DIR": str(path / "s3"),
        "STATE_DIR": str(path / "aws-state"),
        # Without a socket it leaves the containers of other emulators on this machine alone.
        "DOCKER_HOST": f"unix://{path}/no-docker",
        "LOG_LEVEL": "WARNING",
    }


def _answers(process: subprocess.Popen[bytes], endpoint: str) -> bool:
    """False where it ended by itself."""
    deadline = time.monotonic() + _READY_TIMEOUT_S
    while process.poll() is None:
        if _is_healthy(endpoint):
            return process.poll() is None
        if time.monotonic() > deadline:
            raise StartError(f"the local AWS does not answer at {endpoint} after {_READY_TIMEOUT_S:.0f} s")
        time.sleep(_POLL_S)
    return False


def _is_healthy(endpoint: str) -> bool:
    try:
        with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=2) as answer:  # noqa: S310 -- our own http address
            return bool(answer.status == 200)  # noqa: PLR2004 -- HTTP's own number
    except (urllib.error.URLError, OSError):
        return False
