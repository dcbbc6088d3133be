"""The command `headrace-sql`: a thin table; each command lives in a module of its own."""

from __future__ import annotations

import signal
import sys
from types import FrameType

from cyclopts import App

from headrace_consumers import command_line

_PACKAGE = "headrace_sql"

app = command_line.make_app(
    "headrace-sql", "Builds the warehouse's models from what the loader brings, and carries marts to the lake."
)
command_line.add(
    app,
    _PACKAGE,
    {
        "commands.build:build": "Build and test all models, once.",
        "commands.freshness:freshness": "Say how old the newest rows of each source are.",
        "commands.docs:docs": "Make the models' documentation, one HTML file.",
        "commands.unload:unload": "Carry all marts to the curated zone and into the catalog.",
        "commands.rotate:rotate": "Give a user of the warehouse a new password, and keep it in its secret.",
        "commands.sources:sources": "Write dbt's sources from a pipeline's contracts.",
    },
)
athena = App(name="athena", help="The project's named queries on the lake.")
command_line.add(
    athena,
    _PACKAGE,
    {
        "commands.athena:apply": "Put the named queries into the workgroup.",
        "commands.athena:run": "Run one and print its rows.",
    },
)
athena.command(f"{_PACKAGE}.commands.athena:list_queries", name="list", help="Say which there are.")
app.command(athena)


def main() -> None:
    """Expected errors are one sentence on stderr: exit code 2 for wrong settings, 1 for all else."""
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(execute(sys.argv[1:]))


def execute(arguments: list[str]) -> int:
    """One command line; its exit code."""
    return command_line.execute(app, arguments, "interrupted; the same again goes on from what is there")


def _terminate(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)
