"""Which files of a COPY that fails are to blame: parts of it are tried apart, and taken back. Pure.

A trial costs as much as a load, so there is a limit to them. COPY's message often names the file; where it does not,
halves of halves find it. Where single files fail one after the other and nothing loads, it is none of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from headrace_consumers.errors import WarehouseStatementError
from headrace_consumers.load.waiting import LakeFile

Files = tuple[LakeFile, ...]
Trial = Callable[[Files], WarehouseStatementError | None]
"""Copies these files and takes them back: why that fails, or None."""
_HOPELESS = 3
"""So many that fail by themselves, and none that load."""
_NO_FAULT_OF_THE_FILE = re.compile(
    r"AccessDenied|SlowDown|S3ServiceException|not authorized|permission denied|cancel|time-?out|disk full|NULL value"
    r"|does not exist|not found|NoSuchKey|content_length|longer than|too long",
    re.IGNORECASE,
)
_NO_FAULT_STATES = ("42", "53", "55", "57", "58")
"""SQLSTATEs of rights and names, of resources, of locks, of cancelled statements, of the system."""


@dataclass(slots=True)
class Budget:
    """Mutable: how many trials a load has left."""

    trials: int


@dataclass(slots=True)
class Sifted:
    """What was found of the files of one COPY."""

    bad: list[tuple[LakeFile, WarehouseStatementError]] = field(default_factory=list)
    """Fail by themselves."""
    good: list[Files] = field(default_factory=list)
    """Parts that load."""
    unknown: list[LakeFile] = field(default_factory=list)
    """Not tried apart."""


def is_of_the_file(error: WarehouseStatementError) -> bool:
    """Whether it can be the file, and not its table, a right, S3 or the warehouse, that has to change."""
    return not (error.sqlstate.startswith(_NO_FAULT_STATES) or _NO_FAULT_OF_THE_FILE.search(str(error)))


def sift(files: Files, error: WarehouseStatementError, trial: Trial, budget: Budget) -> Sifted:
    """Of files that fail together with this error."""
    found, parts = Sifted(), _parts(files, error)
    if len(files) == 1:
        return Sifted(bad=[(files[0], error)])
    while parts:
        part = parts.pop()
        if not budget.trials or (len(found.bad) >= _HOPELESS and not found.good):
            found.unknown += part
            continue
        budget.trials -= 1
        failed = trial(part)
        if failed is None:
            found.good.append(part)
        elif len(part) == 1:
            found.bad.append((part[0], failed))
        else:
            parts += _parts(part, failed)
    return found


def _parts(files: Files, error: WarehouseStatementError) -> list[Files]:
    """The files that the message names apart from the others; else halves."""
    said = str(error)
    named = tuple(file for file in files if file.key in said)
    if 0 < len(named) < len(files):
        return [tuple(file for file in files if file not in named), named]
    middle = len(files) // 2
    return [files[middle:], files[:middle]]
