"""The command `headrace-consumers`: a thin table; each command lives in a module of its own."""

from __future__ import annotations

import sys

from cyclopts import App

from headrace_consumers import command_line

_PACKAGE = "headrace_consumers"

app = command_line.make_app("headrace-consumers", "Carries Kinesis streams into the lake, exactly once.")
# By name: a command is imported when it is called, so that the supervisor does not carry what `repair` needs.
command_line.add(
    app,
    _PACKAGE,
    {
        "commands.run:run": "Run one worker of a pipeline until SIGTERM.",
        "commands.windows:windows": "Run the windows service of a pipeline until SIGTERM.",
        "commands.load:load": "Run the loader of a pipeline until SIGTERM.",
        "commands.health:health": "Ask a service of this machine how it is.",
        "commands.reconcile:reconcile": "What is committed against what the warehouse has.",
        "commands.release:release": "Let the loader try quarantined files again.",
        "commands.view:view": "Print the SQL that gives the last row of each window.",
        "operate.commands:status": "Position, lag, last commit and owner of each shard.",
        "operate.commands:commits": "What was committed, newest last.",
        "operate.commands:adopt": "Accept a gap between KCL's checkpoint and the log.",
        "operate.commands:repair": "Make a committed file that is missing once more.",
    },
)
_CHANGING = {"plan": "Print what would change.", "apply": "Print what changes, and change it."}
for name, about in {
    "schema": "The warehouse's tables, as contracts and windows want them.",
    "catalog": "The lake's tables in the Glue Data Catalog, as contracts and windows want them.",
}.items():
    group = App(name=name, help=about)
    command_line.add(group, _PACKAGE, {f"commands.{name}:{verb}": what for verb, what in _CHANGING.items()})
    app.command(group)


def main() -> None:
    """Expected errors are one sentence on stderr: exit code 2 for wrong settings, 1 for all else."""
    sys.exit(execute(sys.argv[1:]))


def execute(arguments: list[str]) -> int:
    """One command line; its exit code."""
    return command_line.execute(app, arguments)
