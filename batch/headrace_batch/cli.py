"""The command `headrace-batch`: a thin table; each command lives in a module of its own."""

from __future__ import annotations

import sys

from headrace_consumers import command_line

_PACKAGE = "headrace_batch"

app = command_line.make_app("headrace-batch", "Lands files, stages raw records once more, and brings letters back.")
command_line.add(app, _PACKAGE, {
    "commands.standing:standing": "What the lake is made of, by the commit log.",
    "commands.rewind:rewind": "Go back to a point of the stream, and read it once more.",
    "commands.replay:replay": "Send raw records into another stream.",
})  # fmt: skip


def main() -> None:
    """Expected errors are one sentence on stderr: exit code 2 for wrong settings, 1 for all else."""
    sys.exit(execute(sys.argv[1:]))


def execute(arguments: list[str]) -> int:
    """One command line; its exit code."""
    return command_line.execute(app, arguments)
