"""The models' tests, over rows that are broken in every way that they are there for."""

from __future__ import annotations

from headrace_sql.dbt import Dbt, RunResults
from headrace_sql.project import Project
from tests.sql.broken import KINDS, all_kinds
from tests.sql.conftest import Built
from tests.sql.world import SCHEMA, World


def test_each_kind_of_broken_row_fails_the_test_that_is_meant_for_it(built: Built, world: World) -> None:
    """All kinds at once: exactly their tests fail, each kind's its own, and none of the others."""
    assert built.first.ok
    world.have_built()
    with all_kinds(world):
        code, results = _tested(world)
    wanted = {kind.test for kind in KINDS.values()}
    assert len(wanted) == len(KINDS)
    assert set(results.failed) == wanted
    assert (code, results.made) == (1, 0)
    assert len(wanted) < results.tests / 2


def _tested(world: World) -> tuple[int, RunResults]:
    """All data tests; in a build what fails would spare the tests of what reads it."""
    dbt = Dbt(Project.at(None), "local", world.work_dir, world.target)
    with world.session() as session:
        variables = {"load_seq": world.ledger.head(session), "staging_schema": SCHEMA}
    code = dbt.run(["test", "--exclude-resource-type", "unit_test"], variables)
    return code, dbt.results()
