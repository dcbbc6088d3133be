"""One recording of the run: in a process of its own, with the recorder on its path and on that of all it starts."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.deploy.calls.reached import ROOT
from tests.deploy.calls.recorded import daemon_rows, recorded_rows
from tests.deploy.calls.rows import Row

LIMIT_S = 540
_RECORDER = Path(__file__).with_name("recorder")


@dataclass(frozen=True, slots=True)
class Heard:
    """Of one run."""

    services: list[Row]
    daemon: list[Row]


def listen() -> Heard:
    """Raises AssertionError with the last words of a run that failed."""
    with tempfile.TemporaryDirectory(prefix="hrc-calls-") as folder:
        _record(folder)
        return Heard(recorded_rows(Path(folder)), daemon_rows(Path(folder)))


def _record(folder: str) -> None:
    path = os.pathsep.join([str(_RECORDER), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-m", "tests.deploy.calls.run", folder],
        env={**os.environ, "PYTHONPATH": path, "CALLS_FOLDER": folder},
        cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"the run that is listened to failed:\n{done.stderr[-4000:]}"
