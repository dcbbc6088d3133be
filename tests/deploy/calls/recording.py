"""One recording of the run: in a process of its own, with the recorder on its path and on that of all it starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.deploy.calls.reached import ROOT

_RECORDER = Path(__file__).with_name("recorder")
LIMIT_S = 540


def record(folder: Path) -> None:
    """Raises AssertionError with the last words of a run that failed."""
    path = os.pathsep.join([str(_RECORDER), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-m", "tests.deploy.calls.run", str(folder)],
        env={**os.environ, "PYTHONPATH": path, "CALLS_FOLDER": str(folder)},
        cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"the run that is listened to failed:\n{done.stderr[-4000:]}"
