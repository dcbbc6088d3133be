"""The command `headrace-batch`: a thin table; each command lives in a module of its own."""

from __future__ import annotations

import signal
import sys
from types import FrameType

from cyclopts import App

from headrace_consumers import command_line

_PACKAGE = "headrace_batch"

app = command_line.make_app("headrace-batch", "Lands files, stages raw records once more, and brings letters back.")
command_line.add(
    app,
    _PACKAGE,
    {
        "commands.land:land": "Check files against their contract and commit their rows, each content once.",
        "commands.land_handed:land_handed": "Land the files that were too big for one process, on Spark.",
        "commands.backfill:backfill": "Stage raw records once more, in the place of what they came to before.",
        "commands.transform:transform": "Compute a table of the curated zone on Spark, whole partitions at a time.",
        "commands.rewind:rewind": "Go back to a point of the stream, and read it once more.",
        "commands.replay:replay": "Send raw records into another stream.",
        "commands.compact:compact": "Few files instead of many small ones, in cold partitions.",
        "commands.expire:expire": "Orphaned uploads, raw records past their retention and old links go.",
        "commands.forget:forget": "One person's events leave the lake, and then the warehouse.",
        "commands.standing:standing": "What the lake is made of, by the commit log.",
    },
)
letters = App(name="dead-letters", help="Events that became no row: what is wrong with them, and how they come back.")
command_line.add(
    letters,
    _PACKAGE,
    {
        "commands.dead_letters:list_": "How many, and why.",
        "commands.dead_letters:show": "The letters themselves, payloads included.",
        "commands.dead_letters:redrive": "Stage them once more, mended where a program says how.",
    },
)
app.command(letters)


def main() -> None:
    """Expected errors are one sentence on stderr: exit code 2 for wrong settings, 1 for all else."""
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(execute(sys.argv[1:]))


def execute(arguments: list[str]) -> int:
    """One command line; its exit code."""
    return command_line.execute(
        app, arguments, "interrupted; what was committed stands, and the same again goes on from there"
    )


def _interrupt(number: int, _frame: FrameType | None) -> None:
    """As Ctrl-C: what a command made on this machine goes with it, folders and processes."""
    raise KeyboardInterrupt(number)
