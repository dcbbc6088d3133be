"""The command `headrace-sql`: a thin table; each command lives in a module of its own."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from cyclopts import App, CycloptsError
from cyclopts.config import Env

from headrace_producers.errors import HeadraceError, SettingsError

USAGE_ERROR = 2

app = App(
    name="headrace-sql",
    help="Builds the warehouse's models from what the loader brings, and carries marts to the lake.",
    config=Env("HEADRACE_", command=False),
    result_action="return_value",
    exit_on_error=False,
    print_error=False,
)
for where, what in {
    "commands.build:build": "Build and test all models, once.",
    "commands.freshness:freshness": "Say how old the newest rows of each source are.",
    "commands.docs:docs": "Make the models' documentation, one HTML file.",
    "commands.unload:unload": "Carry all marts to the curated zone and into the catalog.",
    "commands.sources:sources": "Write dbt's sources from a pipeline's contracts.",
}.items():
    app.command(f"headrace_sql.{where}", help=what)
athena = App(name="athena", help="The project's named queries on the lake.")
for where, what in {
    "commands.athena:apply": "Put the named queries into the workgroup.",
    "commands.athena:run": "Run one and print its rows.",
}.items():
    athena.command(f"headrace_sql.{where}", help=what)
athena.command("headrace_sql.commands.athena:list_queries", name="list", help="Say which there are.")
app.command(athena)


def main() -> None:
    """Expected errors are one sentence on stderr: exit code 2 for wrong settings, 1 for all else."""
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(execute(sys.argv[1:]))


def execute(arguments: list[str]) -> int:
    """One command line; its exit code."""
    try:
        return int(app(arguments) or 0)
    except (CycloptsError, SettingsError) as error:
        return _say(error, USAGE_ERROR)
    except HeadraceError as error:
        return _say(error, 1)
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return _say("interrupted; building again goes on from what is there", 128 + signal.SIGINT)


def _terminate(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _say(error: object, code: int) -> int:
    print(f"headrace-sql: {' '.join(str(error).split())}", file=sys.stderr)
    return code
