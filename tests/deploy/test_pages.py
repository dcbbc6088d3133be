"""What the pages on security, recovery and cost name is there: tests, checks and folders of tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.deploy import checks
from tests.deploy.conftest import Planned
from tests.deploy.cost.formulas import ALARM_METRICS, COMPOSITE_ALARMS, INTERFACES, KEYS

ROOT = Path(__file__).parents[2]
SOURCES = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
TESTS = frozenset(re.findall(r"^def (test_\w+)\(", SOURCES, re.MULTILINE))
CHECKS = checks.OF_PLANS.keys() | checks.OF_LIVE.keys()


@pytest.mark.parametrize("page", ["security", "recovery", "cost"])
def test_tests_that_a_page_names_are_there(page: str) -> None:
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", text))
    assert named - TESTS == set()
    assert {path for path in re.findall(r"`(tests/[\w/.]+)`", text) if not (ROOT / path).exists()} == set()


def test_checks_that_security_names_are_there() -> None:
    """In its tables' last column, and every check of security is named."""
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    cells = [line.rstrip("| ").rpartition("|")[2] for line in text.splitlines() if line.startswith("|")]
    named = {name for cell in cells for name in re.findall(r"`([a-z_]+)`", cell) if not name.startswith("test_")}
    assert named - CHECKS == set()


def test_the_page_on_cost_counts_what_is_planned(plan: Planned) -> None:
    prod = plan("prod")
    interfaces = [one for one in prod.of("aws_vpc_endpoint") if one.values["vpc_endpoint_type"] == "Interface"]
    assert len(interfaces) == INTERFACES
    assert len(prod.of("aws_kms_key")) == KEYS
    queries = [one.values["metric_query"] or [None] for one in prod.of("aws_cloudwatch_metric_alarm")]
    metrics = sum(sum(query is None or bool(query["metric"]) for query in each) for each in queries)
    assert metrics == ALARM_METRICS
    assert len(prod.of("aws_cloudwatch_composite_alarm")) == COMPOSITE_ALARMS
