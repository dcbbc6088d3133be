"""Task definitions: hardened, given time to end, watched, and without a secret in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.deploy.planned import Plan, Resource

STOP_TIMEOUT_S = 120  # the longest that Fargate allows
SECRET_WORDS = re.compile(r"PASSWORD|SECRET|TOKEN|PRIVATE|CREDENTIAL")

Container = dict[str, Any]


def containers(plan: Plan) -> Iterator[tuple[Resource, Container]]:
    for definition in plan.of("aws_ecs_task_definition"):
        found: list[Container] = json.loads(plan.spoken(definition.values["container_definitions"]))
        yield from ((definition, container) for container in found)


def soft_containers(plan: Plan) -> Iterator[str]:
    for definition, container in containers(plan):
        where = f"{definition.address}: container {container['name']}"
        if str(container.get("user", "0")).split(":")[0] in {"0", "root"}:
            yield f"{where} runs as root"
        if container.get("readonlyRootFilesystem") is not True:
            yield f"{where} can write to its root"
        if container.get("privileged") or "ALL" not in _dropped(container):
            yield f"{where} has capabilities"


def _dropped(container: Container) -> list[str]:
    dropped: list[str] = container.get("linuxParameters", {}).get("capabilities", {}).get("drop", [])
    return dropped


def no_time_to_end(plan: Plan) -> Iterator[str]:
    """A worker that is killed before it has checkpointed costs its successor the work again."""
    for definition, container in containers(plan):
        if container["essential"] and container.get("stopTimeout") != STOP_TIMEOUT_S:
            yield f"{definition.address}: stopTimeout is {container.get('stopTimeout')}, {STOP_TIMEOUT_S} s are meant"


def unwatched(plan: Plan) -> Iterator[str]:
    """What runs for ever is asked whether it is well, and a deployment that is not goes back."""
    running = [plan.owner(service.values["task_definition"]) for service in plan.of("aws_ecs_service")]
    for definition, container in containers(plan):
        if definition in running and not container.get("healthCheck"):
            yield f"{definition.address}: container {container['name']} has no health check"
    for service in plan.of("aws_ecs_service"):
        if service.block("deployment_circuit_breaker") != {"enable": True, "rollback": True}:
            yield f"{service.address}: no circuit breaker takes a bad deployment back"


def secrets_in_the_open(plan: Plan) -> Iterator[str]:
    namespaces = plan.of("aws_redshiftserverless_namespace")
    administrators = {plan.spoken(namespace.values["admin_password_secret_arn"]) for namespace in namespaces}
    for definition, container in containers(plan):
        for setting in container.get("environment", []):
            if SECRET_WORDS.search(setting["name"]):
                yield f"{definition.address}: {setting['name']} stands in the environment, where everybody reads it"
        for secret in container.get("secrets", []):
            arn = ":".join(secret["valueFrom"].split(":")[:7])
            if not (arn in administrators or plan.is_of(arn, "aws_secretsmanager_secret")):
                yield f"{definition.address}: {secret['name']} comes from {arn}, which is no secret of the plan"


def foreign_images(plan: Plan) -> Iterator[str]:
    """Images come from a repository of the account, by a tag that does not move."""
    repositories = {repository.values["name"] for repository in plan.of("aws_ecr_repository")}
    for definition, container in containers(plan):
        registry, _, rest = container["image"].partition("/")
        name, _, tag = rest.partition(":")
        if ".dkr.ecr." not in registry or not tag or tag == "latest" or not (plan.alone or name in repositories):
            yield f"{definition.address}: {container['image']} is no release in a repository of the account"
    for repository in plan.of("aws_ecr_repository"):
        if repository.values["image_tag_mutability"] != "IMMUTABLE":
            yield f"{repository.address}: its tags can be moved"


def lost_logs(plan: Plan) -> Iterator[str]:
    if plan.alone:
        return
    groups = {group.values["name"] for group in plan.of("aws_cloudwatch_log_group")}
    for definition, container in containers(plan):
        group = container["logConfiguration"]["options"]["awslogs-group"]
        if group not in groups:
            yield f"{definition.address}: container {container['name']} logs to {group}, which nobody makes"
