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
from tests.deploy.checks.tasks import SECRET_WORDS, containers
from tests.deploy.planned import Plan

# Says where things are for the libraries below a command, which does not tell.
UNTOLD = {"HOME", "AWS_REGION"}


@dataclass(frozen=True)
class Command:
    where: str
    arguments: tuple[str, ...]
    settings: dict[str, str]
    secrets: tuple[str, ...]

    @property
    def secret_values(self) -> dict[str, str]:
        """What stands where Secrets Manager would be asked."""
        return {name: f"value of {name}" for name in self.secrets}

    def print_settings(self) -> subprocess.CompletedProcess[str]:
        """The real command in a process of its own, which inherits nothing but where programs are."""
        program, *others = self.arguments
        path = str(Path(sys.executable).parent / program)
        given = {"PATH": os.environ["PATH"], **self.settings, **self.secret_values}
        return subprocess.run(
            [path, *others, "--print-settings"], capture_output=True, text=True, env=given, check=False
        )


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


def wrong_commands(plan: Plan) -> Iterator[str]:
    """Commands that do not start with what they are given, and settings that none of a task's commands tells."""
    by_task: dict[str, list[Command]] = {}
    for command in commands(plan):
        by_task.setdefault(command.where, []).append(command)
    for where, all_of_task in by_task.items():
        told = []
        for command in all_of_task:
            process = command.print_settings()
            told.append(process.stdout)
            yield from _wrong(command, process)
        untold = [name for name, value in all_of_task[0].settings.items() if not any(value in one for one in told)]
        yield from (f"{where}: {name} is given, and no command tells it" for name in untold if name not in UNTOLD)


def _wrong(command: Command, process: subprocess.CompletedProcess[str]) -> Iterator[str]:
    where = f"{command.where}: {' '.join(command.arguments)}"
    if process.returncode:
        yield f"{where}: {process.stderr.strip()}"
    for name, value in command.secret_values.items():
        if SECRET_WORDS.search(name) and value in process.stdout:
            yield f"{where}: tells {name}"
