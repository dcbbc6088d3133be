"""Every command that a planned task starts is the real one, and takes the settings that it would be given."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.deploy.commands import SECRET, Command, commands
from tests.deploy.planned import Plan

# Says where things are for the libraries below the command, which do not tell.
UNTOLD = {"HOME", "AWS_REGION"}


def test_commands_take_what_they_are_given(plan: Callable[[str], Plan]) -> None:
    """One that an image lacks, an option that it does not know or a setting that nobody reads is found here."""
    found = commands(plan("prod"))
    assert {command.arguments[:2] for command in found} == {
        ("headrace-batch", "compact"),
        ("headrace-batch", "expire"),
        ("headrace-consumers", "load"),
        ("headrace-consumers", "run"),
        ("headrace-consumers", "windows"),
        ("headrace-sql", "build"),
        ("headrace-sql", "freshness"),
        ("headrace-sql", "unload"),
    }
    assert [complaint for command in found for complaint in complaints(command)] == []


def complaints(command: Command) -> list[str]:
    """What it said instead of its settings, or which setting it did not tell."""
    process = command.print_settings()
    where = f"{command.where}: {' '.join(command.arguments)}"
    if process.returncode:
        return [f"{where}: {process.stderr.strip()}"]
    told = json.dumps(json.loads(process.stdout))
    untold = [name for name, value in command.settings.items() if name not in UNTOLD and value not in told]
    return [f"{where}: {name} is given and not told" for name in untold] + [f"{where}: tells a secret"] * (SECRET in told)
