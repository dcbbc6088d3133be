"""What the planned task definitions start: commands, with the environment that ECS would give them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.deploy import hcl
from tests.deploy.checks.tasks import containers
from tests.deploy.planned import Plan

SECRET = "from-the-secret"  # noqa: S105 — stands where Secrets Manager would be asked


@dataclass(frozen=True)
class Command:
    where: str
    arguments: tuple[str, ...]
    settings: dict[str, str]
    secrets: tuple[str, ...]

    def print_settings(self) -> subprocess.CompletedProcess[str]:
        """The real command in a process of its own, with nothing of this process's environment but where programs are."""
        program, *others = self.arguments
        path = str(Path(sys.executable).parent / program)
        given = {"PATH": os.environ["PATH"], **self.settings, **dict.fromkeys(self.secrets, SECRET)}
        return subprocess.run([path, *others, "--print-settings"], capture_output=True, text=True, env=given, check=False)


def commands(plan: Plan) -> list[Command]:
    """Of all essential containers, and of what state machines have them run instead."""
    found = {}
    for definition, container in containers(plan):
        if container["essential"]:
            for arguments in (container["command"], *_overrides(plan, definition.values["family"], container["name"])):
                command = _command(definition.address, arguments, container)
                found[command.where, command.arguments] = command
    return list(found.values())


def _command(where: str, arguments: list[str], container: dict[str, Any]) -> Command:
    settings = {setting["name"]: setting["value"] for setting in container.get("environment", [])}
    return Command(where, tuple(arguments), settings, tuple(secret["name"] for secret in container.get("secrets", [])))


def _overrides(plan: Plan, family: str, container: str) -> Iterator[list[str]]:
    for machine in plan.of("aws_sfn_state_machine"):
        definition = json.loads(plan.spoken(machine.values["definition"]))
        for parameters in hcl.found(definition, {"Parameters"}):
            if f"task-definition/{family}:" in str(parameters.get("TaskDefinition")):
                for override in parameters["Overrides"]["ContainerOverrides"]:
                    if override["Name"] == container:
                        yield override["Command"]
