"""Runs the one check that is to see a mutant, over as little as it needs."""

from __future__ import annotations

from pathlib import Path

from tests.deploy import checks, composition, parliament
from tests.deploy.calls.checks import missing_permissions, unused_permissions
from tests.deploy.calls.rows import HEARD, Row, read_table
from tests.deploy.commands import wrong_commands
from tests.deploy.live import Live
from tests.deploy.mutants.mutant import Mutant
from tests.deploy.planned import Plan

OF_PLANS = {**checks.OF_PLANS, "refused": parliament.refused, "wrong_commands": wrong_commands}
OF_TABLES = {"missing_permissions": missing_permissions, "unused_permissions": unused_permissions}
NAMES = {"terraform", *OF_PLANS, *OF_TABLES, *checks.OF_LIVE}


def _heard() -> list[Row]:
    """What a run of the services gave, as the table has it: test_calls.py holds that against a fresh run."""
    return [row for row in read_table() if row.source in HEARD]


class CannotBePlannedError(Exception):
    """Terraform refused it, and another check was named."""


def findings(name: str, deploy: Path, where: str, folder: Path) -> list[str]:
    """What the check of that name says of this copy of deploy/."""
    if name in OF_TABLES:
        table = "modules/permissions/calls.json"
        return OF_TABLES[name](read_table(deploy / table), _heard())
    if name in checks.OF_LIVE:
        return list(checks.OF_LIVE[name](Live(deploy)))
    tested = composition.planned(Live(deploy), where, folder)
    if name == "terraform":
        return tested.complaints
    if not tested.passed:
        raise CannotBePlannedError("\n".join(tested.complaints))
    return list(OF_PLANS[name](Plan.of_test(where, tested)))


def found(mutant: Mutant, deploy: Path, folder: Path) -> list[str]:
    return findings(mutant.found_by, mutant.copy(deploy, folder), mutant.where, folder / "planned")
