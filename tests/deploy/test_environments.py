"""Each environment, planned as one: everything fits together, and all checks have nothing to say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy import checks, composition
from tests.deploy.live import DEPLOY, Live
from tests.deploy.mutants.mutant import edited
from tests.deploy.planned import Plan

ENVIRONMENTS = ("dev", "staging", "prod")
OF_PRODUCTION = {"unprotected"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_it_is_planned_as_a_whole(plan: Callable[[str], Plan], environment: str) -> None:
    """Every unit is in it, and wired to the others as Terragrunt would wire it."""
    units = {resource.unit for resource in plan(environment).resources}
    assert {"network", "lake", "stream", "services", "warehouse", "batch", "observability", "ci"} <= units


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("check", checks.OF_PLANS)
def test_the_check_has_nothing_to_say(plan: Callable[[str], Plan], environment: str, check: str) -> None:
    if check in OF_PRODUCTION and environment != "prod":
        pytest.skip("of production alone")
    assert list(checks.OF_PLANS[check](plan(environment))) == []


@pytest.mark.usefixtures("terraform_there")
def test_batch_runs_on_a_cluster_where_the_environment_says_so(tmp_path: Path) -> None:
    """The network, too, is one in which EMR makes clusters then."""
    said = 'engine = "cluster"\n    cluster_packages_url = "s3://packages/1.0.0"'
    change = edited("a cluster", "", "live/dev/env.hcl", 'engine    = "serverless"', said)
    tested = composition.planned(Live(change.copy(DEPLOY, tmp_path)), "dev", tmp_path / "planned")
    assert tested.passed, "\n".join(tested.complaints)
    planned = Plan.of_test("dev", tested)
    assert planned.of("aws_emr_security_configuration")
    assert not planned.of("aws_emrserverless_application")
    said_of_it = {name: list(check(planned)) for name, check in checks.OF_PLANS.items() if name not in OF_PRODUCTION}
    assert {name: found for name, found in said_of_it.items() if found} == {}
