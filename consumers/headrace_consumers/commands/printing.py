"""`--print-settings`: what a command would work with, by the options and variables that it was given."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

PrintSettings = Annotated[
    bool,
    Parameter(
        negative="",
        help="Print the effective settings as JSON and exit: they are checked, and nothing is connected to. "
        "Exit code 2 where the command would refuse them.",
    ),
]
_SECRET = "_password"  # noqa: S105 -- what such names end with


def tell_settings(**settings: object) -> int:
    """Groups of settings by their names, as one JSON document on stdout; of a password only whether it is set. The exit
    code of the command."""
    told = _without_secrets(msgspec.to_builtins(settings, enc_hook=_text))
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(told)) + b"\n")
    return 0


def _text(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError


def _without_secrets(value: object) -> object:
    if isinstance(value, dict):
        return {
            name: ("set" if inner else "not set") if name.endswith(_SECRET) else _without_secrets(inner)
            for name, inner in value.items()
        }
    return value
