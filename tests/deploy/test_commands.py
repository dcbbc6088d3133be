"""Every command that a planned task starts is the real one, and takes the settings that it would be given."""

from __future__ import annotations

from collections.abc import Callable

from tests.deploy.commands import commands, wrong_commands
from tests.deploy.planned import Plan


def test_commands_take_what_they_are_given(plan: Callable[[str], Plan]) -> None:
    """One that an image lacks, an option that it does not know or a setting that nobody reads is found here."""
    assert list(wrong_commands(plan("prod"))) == []


def test_all_services_and_schedules_are_asked(plan: Callable[[str], Plan]) -> None:
    assert {command.arguments[:2] for command in commands(plan("prod"))} == {
        ("headrace-batch", "compact"),
        ("headrace-batch", "expire"),
        ("headrace-consumers", "load"),
        ("headrace-consumers", "run"),
        ("headrace-consumers", "windows"),
        ("headrace-sql", "build"),
        ("headrace-sql", "freshness"),
        ("headrace-sql", "rotate"),
        ("headrace-sql", "rotate"),
        ("headrace-sql", "unload"),
    }
