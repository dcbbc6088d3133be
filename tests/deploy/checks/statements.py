"""What policies say: named actions on named resources, and roles that only whom they are meant for can take."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.deploy.planned import Plan, Resource

# Actions that IAM knows no resource for, from the service authorization reference.
# DescribeAlarms takes some, but tells of composite alarms only who may ask for all.
WITHOUT_RESOURCE = {
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricData",
    "cloudwatch:PutMetricData",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ecr:GetAuthorizationToken",
    "elasticmapreduce:RunJobFlow",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}

# Made before anybody knows their ARN: allowed where a condition says that Lambda asks itself, and not the function.
NETWORK_INTERFACES = {
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:UnassignPrivateIpAddresses",
}
BY_LAMBDA_ITSELF = {"Null": {"lambda:SourceFunctionArn": "true"}}

# Take a role only by iam:PassRole of whoever makes the function or the instance: no account or resource is in the
# request to ask for.
PASSED = {"lambda.amazonaws.com", "ec2.amazonaws.com"}

# Whoever signs in here comes from outside of AWS: these conditions say which repository it is.
OIDC = ("token.actions.githubusercontent.com:aud", "token.actions.githubusercontent.com:sub")
CONFUSED_DEPUTY = {"aws:SourceAccount", "aws:SourceArn", "aws:PrincipalAccount", "aws:PrincipalArn", "sts:ExternalId"}

# Of CI's roles: what Terraform calls where IAM knows no resource, and resources that have no ARN before they are made.
# Module ci lists the calls by type of resource, and its own tests hold the list to what is there.
OF_CI = {"ReadAny", "WriteAny", "WriteAnyTagged", "WriteFunctionsCalled"}

# Of a managed policy, by IAM's quotas; it counts no white space.
MANAGED_CHARACTERS = 6144

IDENTITY = ("aws_iam_role_policy", "aws_iam_policy", "aws_iam_user_policy")


def _statements(plan: Plan, *types: str) -> Iterator[tuple[Resource, dict[str, Any]]]:
    for resource, _, document in plan.policies:
        if resource.type in types:
            yield from ((resource, statement) for statement in document["Statement"])


def wildcard_actions(plan: Plan) -> Iterator[str]:
    for resource, statement in _statements(plan, *IDENTITY):
        if statement["Effect"] == "Allow" and "NotAction" not in statement:
            for action in listed(statement["Action"]):
                if "*" in action and not _bounds(resource):
                    yield f"{resource.address}: {statement.get('Sid')} allows {action}"
        elif statement["Effect"] == "Allow":
            yield f"{resource.address}: {statement.get('Sid')} allows all but {statement['NotAction']}"


def unnamed_resources(plan: Plan) -> Iterator[str]:
    for resource, statement in _statements(plan, *IDENTITY):
        of_ci = resource.name.startswith("aws_iam_policy.managing") and statement.get("Sid") in OF_CI
        everywhere = statement["Effect"] == "Allow" and "*" in listed(statement["Resource"])
        if everywhere and not of_ci and not _bounds(resource):
            allowed = WITHOUT_RESOURCE | (
                NETWORK_INTERFACES if statement.get("Condition") == BY_LAMBDA_ITSELF else set()
            )
            for action in sorted(set(listed(statement["Action"])) - allowed):
                yield f"{resource.address}: {statement.get('Sid')} allows {action} on every resource"


def policies_too_long(plan: Plan) -> Iterator[str]:
    """With ids as long as AWS's own, which a module by itself cannot know."""
    for policy in plan.of("aws_iam_policy"):
        length = len(json.dumps(plan.document(policy.values["policy"]), separators=(",", ":")))
        if length > MANAGED_CHARACTERS:
            yield f"{policy.address}: has {length} characters, IAM takes {MANAGED_CHARACTERS}"


def without_sid(plan: Plan) -> Iterator[str]:
    for resource, attribute, document in plan.policies:
        names = [statement.get("Sid") for statement in document["Statement"]]
        if None in names or len(set(names)) != len(names):
            yield f"{resource.address}.{attribute}: its statements are called {names}"


def loose_trust(plan: Plan) -> Iterator[str]:
    """A service may take a role only for this account, GitHub only for one repository and environment."""
    for role in plan.of("aws_iam_role"):
        for statement in plan.document(role.values["assume_role_policy"])["Statement"]:
            conditions = {
                key: value for block in statement.get("Condition", {}).values() for key, value in block.items()
            }
            if "Federated" in statement["Principal"]:
                yield from _loose_oidc(role, conditions)
            elif not (
                PASSED.issuperset(listed(statement["Principal"].get("Service"))) or conditions.keys() & CONFUSED_DEPUTY
            ):
                yield f"{role.address}: {statement.get('Sid')} lets {statement['Principal']} act for any account"


def unbounded_roles(plan: Plan) -> Iterator[str]:
    """Whoever applies may make roles within the boundary alone; only the roles that apply are beyond it."""
    for role in plan.of("aws_iam_role"):
        bounded = str(role.values["permissions_boundary"] or "").endswith("-boundary")
        if role.unit != "ci" and not (bounded or plan.is_of(role.values["permissions_boundary"], "aws_iam_policy")):
            yield f"{role.address}: has no permissions boundary"


def _loose_oidc(role: Resource, conditions: dict[str, Any]) -> Iterator[str]:
    for key in OIDC:
        if key not in conditions:
            yield f"{role.address}: {key} is not asked for"
        elif any("*" in value for value in listed(conditions[key])):
            yield f"{role.address}: {key} may be {conditions[key]}"


def _bounds(resource: Resource) -> bool:
    """A permissions boundary allows nothing by itself."""
    return resource.name.endswith("boundary")


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
