"""CI's roles can do what the modules need of them, and no more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from tests.deploy.checks import ci
from tests.deploy.live import DEPLOY
from tests.deploy.planned import Plan

DECLARED = re.compile(r'^(resource|data) "(aws_\w+)"', re.MULTILINE)


def test_each_resource_type_has_its_calls() -> None:
    """One that is missing would end an apply with AccessDenied; one that nobody uses would be a right too many."""
    texts = [path.read_text(encoding="utf-8") for path in (DEPLOY / "modules").glob("*/*.tf")]
    used = {f"data.{name}" if block == "data" else name for text in texts for block, name in DECLARED.findall(text)}
    assert set(ci.resource_types()) == used


@pytest.mark.parametrize("environment", ["dev", "prod"])
@pytest.mark.parametrize("check", [ci.beyond_the_boundary, ci.out_of_reach])
def test_it_may_make_what_is_planned(
    plan: Callable[[str], Plan], environment: str, check: Callable[[Plan], Iterator[str]]
) -> None:
    assert list(check(plan(environment))) == []
