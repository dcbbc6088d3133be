"""The local Redshift as a member of a stack, and what its users need to reach it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from headrace_consumers.settings import WarehouseSettings
from headrace_local import processes
from headrace_local.aws import last_lines
from headrace_local.environment import child_environment
from headrace_local.errors import StartError
from headrace_local.folder import StackFolder
from headrace_local.redshift.startup import DATABASE, USER

ROLE = "warehouse"
PASSWORD = "headrace"  # noqa: S105 -- the local one takes any
_HOST = "127.0.0.1"
_READY_TIMEOUT_S = 60.0
_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class StartedWarehouse:
    """It keeps its data in the stack's folder, and ends with it."""

    folder: StackFolder
    process: subprocess.Popen[bytes]

    def wait(self) -> str:
        """Its url, once it takes clients. Raises StartError."""
        said = _folder(self.folder) / "port"
        deadline = time.monotonic() + _READY_TIMEOUT_S
        while not said.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise StartError(f"the local Redshift did not start; its last words:\n{last_lines(self.folder, ROLE)}")
            time.sleep(_POLL_S)
        return f"redshift://{USER}@{_HOST}:{int(said.read_text())}/{DATABASE}"


def start_warehouse(folder: StackFolder, aws_endpoint: str) -> StartedWarehouse:
    """COPY and UNLOAD work with that AWS. It is ready after `wait`."""
    line = [sys.executable, "-m", "headrace_local.redshift", "--folder", str(_folder(folder)), "--port", "0"]
    return StartedWarehouse(folder, processes.start(folder, ROLE, line, child_environment(aws_endpoint, os.environ)))


def warehouse_settings(url: str) -> dict[str, object]:
    """How `headrace-consumers` reaches it: by the names of its settings."""
    place = urlsplit(url)
    return {
        "warehouse_host": place.hostname,
        "warehouse_port": place.port,
        "warehouse_database": place.path.removeprefix("/"),
        "warehouse_user": place.username,
        "warehouse_password": PASSWORD,
        "warehouse_ssl": "false",
    }


def warehouse_target(url: str) -> WarehouseSettings:
    """The same for a process that connects by itself."""
    place = urlsplit(url)
    return WarehouseSettings(
        warehouse_host=place.hostname or _HOST,
        warehouse_port=place.port or WarehouseSettings.warehouse_port,
        warehouse_database=place.path.removeprefix("/"),
        warehouse_user=place.username or USER,
        warehouse_password=PASSWORD,
        warehouse_ssl=False,
    )


def _folder(folder: StackFolder) -> Path:
    return folder.path / "redshift"
