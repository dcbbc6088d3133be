"""dbt as a child process: its words go to our stdout as they are, its results are read from the file that it leaves.

It never outlives us: the lock ends with our connection, and nobody else could then know that dbt still writes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from headrace_consumers.runtime.children import tethered
from headrace_consumers.settings import WarehouseSettings
from headrace_sql.errors import ProjectError
from headrace_sql.project import Project

_STOP_S = 30.0
_FAILED = frozenset({"error", "fail", "runtime error"})
_NONE: Mapping[str, object] = {}
_TEST_KINDS = frozenset({"test", "unit_test"})
_MADE_KINDS = frozenset({"model", "snapshot"})


class NodeResult(msgspec.Struct, frozen=True):
    """One line of dbt's `run_results.json`, as far as it is needed."""

    unique_id: str
    status: str

    @property
    def kind(self) -> str:
        return self.unique_id.split(".", 1)[0]

    @property
    def name(self) -> str:
        """As dbt prints it: without the project, and without the digits that dbt adds to a test's name."""
        parts = self.unique_id.split(".")
        return parts[3] if self.kind == "unit_test" else parts[2]


class RunResults(msgspec.Struct, frozen=True):
    """What became of each node."""

    results: tuple[NodeResult, ...] = ()

    @property
    def tests(self) -> int:
        """Those that ran."""
        return sum(result.kind in _TEST_KINDS and result.status != "skipped" for result in self.results)

    @property
    def failed(self) -> tuple[str, ...]:
        return tuple(result.name for result in self.results if result.status in _FAILED)

    @property
    def skipped(self) -> tuple[str, ...]:
        """Models and snapshots that were not built."""
        return tuple(
            result.name for result in self.results if result.kind in _MADE_KINDS and result.status == "skipped"
        )

    @property
    def warned(self) -> tuple[str, ...]:
        return tuple(result.name for result in self.results if result.status == "warn")

    @property
    def made(self) -> int:
        """Models and snapshots that were built."""
        return sum(result.kind in _MADE_KINDS and result.status == "success" for result in self.results)


@dataclass(slots=True)
class Dbt:
    """Runs dbt commands on one project and target. Artifacts and dbt's own log go to `work_dir`."""

    project: Project
    target: str
    work_dir: Path
    warehouse: WarehouseSettings
    schema_prefix: str = ""
    """In front of the schemas that dbt writes."""
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _asked_to_stop: threading.Event = field(default_factory=threading.Event, init=False)

    def run(self, command: Sequence[str], variables: Mapping[str, object] = _NONE, *, to_stderr: bool = False) -> int:
        """dbt's exit code: 0, 1 where a node failed, 2 where dbt could not begin. Blocks; SIGTERM and Ctrl-C reach dbt,
        which cancels its statements; where we are killed, it is."""
        colours = "--use-colors" if (sys.stderr if to_stderr else sys.stdout).isatty() else "--no-use-colors"
        told = msgspec.json.encode({**self._variables, **variables}).decode()
        line = [
            str(Path(sys.executable).with_name("dbt")), colours, *command,
            "--project-dir", str(self.project.folder), "--profiles-dir", str(self.project.folder),
            "--target", self.target, "--target-path", str(self.work_dir),
            "--log-path", str(self.work_dir / "logs"), "--vars", told,
        ]  # fmt: skip
        self._results_path.unlink(missing_ok=True)
        line = tethered(line) if sys.platform == "linux" else line
        out = sys.stderr if to_stderr else None
        self._child = subprocess.Popen(line, env=self._environment(), stdout=out, start_new_session=True)
        try:
            if self._asked_to_stop.is_set():  # while it was being started
                self._end()
            return self._child.wait()
        finally:
            self._end()

    def stop(self) -> None:
        """Asks dbt to end; kills it where it does not. May be called from any thread, and before `run`."""
        self._asked_to_stop.set()
        self._end()

    def _end(self) -> None:
        child = self._child
        if child is None or child.poll() is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGINT)
        try:
            child.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)

    def results(self) -> RunResults:
        """Of the last command. Raises ProjectError where it left none: dbt did not come as far as its nodes."""
        try:
            return msgspec.json.decode(self._results_path.read_bytes(), type=RunResults)
        except FileNotFoundError:
            raise ProjectError(
                f"dbt ended before it ran a node of {self.project.folder}; its words are above, and in "
                f"{self.work_dir / 'logs' / 'dbt.log'}"
            ) from None

    @property
    def _variables(self) -> dict[str, object]:
        return {"staging_schema": self.warehouse.warehouse_schema, "schema_prefix": self.schema_prefix}

    @property
    def _results_path(self) -> Path:
        return self.work_dir / "run_results.json"

    def _environment(self) -> dict[str, str]:
        """What profiles.yml asks for. A copy of one's own may have what was selected alone: tests that ask other
        tables, too, would fail because these are not there."""
        place = self.warehouse
        tests = {"DBT_INDIRECT_SELECTION": "buildable"} if self.schema_prefix else {}
        return {
            **tests,
            **os.environ,
            "HEADRACE_WAREHOUSE_HOST": place.warehouse_host,
            "HEADRACE_WAREHOUSE_PORT": str(place.warehouse_port),
            "HEADRACE_WAREHOUSE_DATABASE": place.warehouse_database,
            "HEADRACE_WAREHOUSE_USER": place.warehouse_user,
            "HEADRACE_WAREHOUSE_PASSWORD": place.warehouse_password,
        }
