"""Whether CI can make what is planned, and what that may do then."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from tests.deploy import arns
from tests.deploy.checks.statements import listed
from tests.deploy.live import DEPLOY
from tests.deploy.planned import Plan, Resource

RESOURCE_TYPES = DEPLOY / "modules" / "ci" / "resource_types.json"


def resource_types() -> dict[str, dict[str, dict[str, list[str]]]]:
    """Resource type to `read` and `write`, to the kind of resource, to the calls."""
    areas = json.loads(RESOURCE_TYPES.read_text(encoding="utf-8"))
    return {name: modes for types in areas.values() for name, modes in types.items()}


def beyond_the_boundary(plan: Plan) -> Iterator[str]:
    """What a role's own policy allows, and the boundary takes away again."""
    for boundary in _named(plan, "boundary"):
        within = {action for statement in _statements(plan, boundary) for action in listed(statement["Action"])}
        for policy in plan.of("aws_iam_role_policy"):
            allowed = [one for one in _statements(plan, policy) if one["Effect"] == "Allow" and policy.unit != "ci"]
            beyond = {action for statement in allowed for action in listed(statement["Action"])} - within
            yield from (f"{policy.address}: {action} is not within the boundary" for action in sorted(beyond))


def out_of_reach(plan: Plan) -> Iterator[str]:
    """A resource whose ARN no statement of the apply role names."""
    writing = {
        statement["Sid"]: listed(statement["Resource"])
        for policy in _named(plan, "-write")
        for statement in _statements(plan, policy)
    }
    types = resource_types()
    for resource in plan.resources if writing else ():
        kinds = types.get(resource.type, {}).get("write", {})
        if resource.type in arns.FORMS and resource.unit != "ci":
            arn = _arn(plan, resource)
            patterns = [pattern for kind in kinds for pattern in writing[f"Write{kind.title().replace('_', '')}"]]
            named = [pattern for pattern in patterns if pattern != "*"]
            if named and not any(fnmatchcase(arn, pattern) for pattern in named):
                yield f"{resource.address}: {arn} is none that CI may change"


def _arn(plan: Plan, resource: Resource) -> str:
    """With what stands in the names of some and is another resource, or a default."""
    arn = arns.of(resource)
    if resource.type == "aws_ecs_service" and (cluster := plan.owner(resource.values["cluster"])):
        return arn.replace(":service/", f":service/{cluster.values['name']}/")
    if resource.type == "aws_scheduler_schedule" and not resource.said("group_name"):
        return arn.replace(f"/{resource.values['group_name']}/", "/default/")
    return arn


def _named(plan: Plan, ending: str) -> list[Resource]:
    return [policy for policy in plan.of("aws_iam_policy") if policy.values["name"].endswith(ending)]


def _statements(plan: Plan, policy: Resource) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = plan.document(policy.values["policy"])["Statement"]
    return found
