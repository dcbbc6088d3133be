"""What every command line of Headrace does with what its commands return and raise."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence

from cyclopts import App, CycloptsError
from cyclopts.config import Env

from headrace_producers.errors import HeadraceError, SettingsError

USAGE_ERROR = 2


def make_app(name: str, about: str) -> App:
    """Settings come from options, else from HEADRACE_ variables."""
    return App(
        name=name,
        help=about,
        config=Env("HEADRACE_", command=False),
        result_action="return_value",
        exit_on_error=False,
        print_error=False,
        suppress_keyboard_interrupt=False,
    )


def add(app: App, package: str, commands: Mapping[str, str]) -> None:
    """Commands by `module:function`, and what each does. By name: one is imported when it is called."""
    for where, what in commands.items():
        app.command(f"{package}.{where}", help=what)


def execute(app: App, arguments: Sequence[str], interrupted: str = "interrupted") -> int:
    """One command line; its exit code. Expected errors are one sentence on stderr: 2 for wrong settings, 1 for all
    else; Ctrl-C is told, and a reader of our output that has seen enough is an ordinary end."""
    try:
        return int(app(_with_whole_help(app, list(arguments))) or 0)
    except (CycloptsError, SettingsError) as error:
        return say(app, error, USAGE_ERROR)
    except HeadraceError as error:
        return say(app, error, 1)
    except KeyboardInterrupt as error:
        return say(app, interrupted, 128 + (error.args[0] if error.args else signal.SIGINT))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _with_whole_help(app: App, arguments: list[str]) -> list[str]:
    """Who asks for one command's help gets all that it says of itself; a list of commands has a line for each."""
    if set(arguments) & set(app.help_flags):
        asked = app
        for name in app.parse_commands(arguments)[0]:
            asked = asked[name]
            if asked.default_command is not None and name not in app.help_flags:
                asked.help = None
    return arguments


def say(app: App, error: object, code: int) -> int:
    """The sentence with the program's name before it; gives the code back."""
    print(f"{app.name[0]}: {' '.join(str(error).split())}", file=sys.stderr)  # noqa: T201 -- a command's last word
    return code
