"""Each mistake of the table is seen by the check that it names. The run's end prints what each said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy.live import DEPLOY
from tests.deploy.mutants.data import DATA
from tests.deploy.mutants.judging import NAMES, OF_PLANS, findings, found
from tests.deploy.mutants.mutant import Mutant, NothingToEditError, edited
from tests.deploy.mutants.running import RUNNING
from tests.deploy.mutants.tree import TREE
from tests.deploy.planned import Plan

MUTANTS = [*TREE, *DATA, *RUNNING]


def name_of(mutant: Mutant) -> str:
    return mutant.name.replace(" ", "-")


@pytest.mark.parametrize("mutant", MUTANTS, ids=name_of)
@pytest.mark.usefixtures("terraform_there")
def test_the_mutant_is_found(mutant: Mutant, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    said = found(mutant, DEPLOY, tmp_path)
    assert said, f"{mutant.found_by} has nothing to say"
    record_property("mutant", (mutant.name, mutant.found_by, said[0]))


@pytest.mark.parametrize("where", sorted({mutant.where for mutant in MUTANTS if "/" in mutant.where}))
@pytest.mark.usefixtures("terraform_there")
def test_the_check_is_silent_without_the_mutant(plan: Callable[[str], Plan], where: str) -> None:
    """On a unit planned alone; whole environments and the tree have tests of their own."""
    for mutant in MUTANTS:
        if mutant.where == where and mutant.found_by in OF_PLANS:
            assert list(OF_PLANS[mutant.found_by](plan(where))) == [], mutant.found_by


@pytest.mark.parametrize("name", ["missing_permissions", "unused_permissions"])
def test_the_table_is_silent_without_a_mutant(name: str, tmp_path: Path) -> None:
    assert findings(name, DEPLOY, "", tmp_path) == []


def test_a_mutant_that_changes_nothing_is_none(tmp_path: Path) -> None:
    with pytest.raises(NothingToEditError):
        found(edited("nothing", "cycles", "live/root.hcl", "no such line", ""), DEPLOY, tmp_path)


def test_every_mutant_names_a_check_and_has_a_name_of_its_own() -> None:
    assert {mutant.found_by for mutant in MUTANTS} <= NAMES
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
