"""CI's roles can do what the modules need of them, and no more."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

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


def test_a_call_beyond_the_boundary_is_told() -> None:
    made = _planned(
        (
            "module.ci.aws_iam_policy.boundary",
            {"name": "headrace-dev-boundary", "policy": _policy("Bound", ["s3:GetObject"])},
        ),
        (
            "module.lake.aws_iam_role_policy.this",
            {"name": "calls", "policy": _policy("Calls", ["s3:GetObject", "iam:CreateUser"])},
        ),
    )
    assert list(ci.beyond_the_boundary(made)) == [
        "module.lake.aws_iam_role_policy.this: iam:CreateUser is not within the boundary"
    ]


def test_a_name_that_ci_may_not_touch_is_told() -> None:
    stream = "arn:aws:kinesis:us-east-1:123456789012:stream"
    reach = {
        "WriteAny": ["*"],
        "WriteKeys": ["arn:aws:kms:us-east-1:123456789012:key/*"],
        "WriteStreams": [f"{stream}/headrace-dev-*"],
    }
    writing = {
        "Statement": [{"Sid": sid, "Effect": "Allow", "Action": [], "Resource": on} for sid, on in reach.items()]
    }
    made = _planned(
        ("module.ci.aws_iam_policy.managing", {"name": "headrace-dev-ci-lake-write", "policy": json.dumps(writing)}),
        ("module.stream.aws_kinesis_stream.ours", {"name": "headrace-dev-flights"}),
        ("module.stream.aws_kinesis_stream.theirs", {"name": "flights"}),
    )
    assert list(ci.out_of_reach(made)) == [
        f"module.stream.aws_kinesis_stream.theirs: {stream}/flights is none that CI may change"
    ]


def _policy(sid: str, actions: list[str]) -> str:
    statement = {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": ["*"]}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _planned(*resources: tuple[str, dict[str, Any]]) -> Plan:
    kinds = [address.split(".")[2] for address, _ in resources]
    found = [
        {"address": address, "type": kind, "mode": "managed", "values": values}
        for kind, (address, values) in zip(kinds, resources, strict=True)
    ]
    schemas: dict[str, Any] = {kind: {"block": {"attributes": {}}} for kind in kinds}
    return Plan(
        "dev", {"root_module": {"resources": found}, "provider_schemas": {"aws": {"resource_schemas": schemas}}}
    )
