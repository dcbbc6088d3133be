"""Each environment, planned as one: everything fits together, and all checks have nothing to say."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.deploy import checks
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
