"""The command `headrace-consumers`: a thin table; each command lives in a module of its own."""

from __future__ import annotations

import sys

from cyclopts import App, CycloptsError
from cyclopts.config import Env

from headrace_producers.errors import HeadraceError, SettingsError

USAGE_ERROR = 2

app = App(
    name="headrace-consumers",
    help="Carries Kinesis streams into the lake, exactly once.",
    config=Env("HEADRACE_", command=False),
    result_action="return_value",
    exit_on_error=False,
    print_error=False,
)
# By name: a command is imported when it is called, so that the supervisor does not carry what `repair` needs.
for where, what in {
    "commands.run:run": "Run one worker of a pipeline until SIGTERM.",
    "commands.windows:windows": "Run the windows service of a pipeline until SIGTERM.",
    "commands.load:load": "Run the loader of a pipeline until SIGTERM.",
    "commands.reconcile:reconcile": "What is committed against what the warehouse has.",
    "commands.release:release": "Let the loader try quarantined files again.",
    "commands.view:view": "Print the SQL that gives the last row of each window.",
    "operate.commands:status": "Position, lag, last commit and owner of each shard.",
    "operate.commands:commits": "What was committed, newest last.",
    "operate.commands:adopt": "Accept a gap between KCL's checkpoint and the log.",
    "operate.commands:repair": "Make a committed file that is missing once more.",
}.items():
    app.command(f"headrace_consumers.{where}", help=what)
schema = App(name="schema", help="The warehouse's tables, as contracts and windows want them.")
for where, what in {
    "commands.schema:plan": "Print what would change.",
    "commands.schema:apply": "Print what changes, and change it.",
}.items():
    schema.command(f"headrace_consumers.{where}", help=what)
app.command(schema)
catalog = App(name="catalog", help="The lake's tables in the Glue Data Catalog, as contracts and windows want them.")
for where, what in {
    "commands.catalog:plan": "Print what would change.",
    "commands.catalog:apply": "Print what changes, and change it.",
}.items():
    catalog.command(f"headrace_consumers.{where}", help=what)
app.command(catalog)


def main() -> None:
    """Expected errors are one sentence on stderr: exit code 2 for wrong settings, 1 for all else."""
    sys.exit(execute(sys.argv[1:]))


def execute(arguments: list[str]) -> int:
    """One command line; its exit code."""
    try:
        return int(app(arguments) or 0)
    except (CycloptsError, SettingsError) as error:
        return _say(error, USAGE_ERROR)
    except HeadraceError as error:
        return _say(error, 1)


def _say(error: Exception, code: int) -> int:
    print(f"headrace-consumers: {' '.join(str(error).split())}", file=sys.stderr)
    return code
