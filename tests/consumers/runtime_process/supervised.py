"""A supervisor over fake children: `supervised.py DIRECTORY JOURNAL ENGINE DAEMON MAX_RESTARTS GRACE_S`."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from headrace_consumers.errors import RewindUnfinishedError
from headrace_consumers.runtime.life import LifePlan
from headrace_consumers.runtime.supervisor import supervise

CHILD = str(Path(__file__).with_name("fake_child.py"))


def main() -> None:
    directory, journal, engine, daemon, max_restarts, grace_s = sys.argv[1:]

    def plan(socket_path: Path, restarts: int) -> LifePlan:
        if engine == "wait" and not (Path(directory) / "open").exists():
            (Path(directory) / "waiting").touch()
            raise RewindUnfinishedError("the pipeline is being rewound")
        return LifePlan(
            engine_command=[sys.executable, CHILD, journal, "engine", engine],
            engine_job=f"{restarts} {socket_path}\n".encode(),
            engine_env=dict(os.environ),
            daemon_command=[sys.executable, CHILD, journal, "daemon", daemon, str(restarts)],
            daemon_env=dict(os.environ),
            shutdown_grace_s=float(grace_s),
        )

    outcome = asyncio.run(supervise(plan, Path(directory), int(max_restarts)))
    sys.stdout.write(f"{outcome.sentence}\n")
    sys.exit(outcome.exit_code)


if __name__ == "__main__":
    main()
