"""An environment of deploy/live as one Terraform root: each unit a module, each dependency's output a module's output."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from tests.deploy import hcl, terraform
from tests.deploy.live import ENV, OUTPUT, Environment, Unit

PROVIDER = {"required_providers": {"aws": {"source": "hashicorp/aws", "version": "~> 6.0"}}}
GET_ENV = re.compile(r'get_env\("(\w+)"\)')

# What a plan needs to be whole: mocks of lists are empty, and names are made of account and region.
MOCKS = (Path(__file__).parent / "mocks.tfmock.hcl").read_text(encoding="utf-8")


def compose(environment: Environment, folder: Path) -> None:
    """Writes the root into the folder, beside the modules that are there."""
    _write(folder, environment, {unit.name: _call(unit, _of_module) for unit in environment.units.values()})


def compose_alone(environment: Environment, unit: Unit, folder: Path) -> None:
    """The same for one unit, what it takes from others being the mocks that Terragrunt would put there."""
    mocks = {label: {"outputs": body.get("mock_outputs", {})} for label, body in unit.dependencies.items()}
    _write(folder, environment, {unit.name: _call(unit, _of_mocks)}, {"dependency": mocks})


def _of_module(text: str) -> str:
    return OUTPUT.sub(r"module.\1.\2", text)


def _of_mocks(text: str) -> str:
    return OUTPUT.sub(r"local.dependency.\1.outputs.\2", text)


def _call(unit: Unit, of_others: Callable[[str], str]) -> hcl.Body:
    if unit.locals != {"env": ENV}:
        raise ValueError(f"units/{unit.name}.hcl: its locals are {unit.locals}, only env.hcl's are meant")
    inputs = hcl.mapped(unit.inputs, lambda text: of_others(_without_get_env(text)))
    return {"source": f"./modules/{unit.module}", **inputs}


def _without_get_env(text: str) -> str:
    """An environment variable's value is its name."""
    return GET_ENV.sub(lambda found: f'"{found[1].lower().replace("_", "-")}"', text)


def _write(folder: Path, environment: Environment, modules: hcl.Body, more_locals: hcl.Body | None = None) -> None:
    env = hcl.mapped(environment.locals, _without_get_env)
    root = {"terraform": PROVIDER, "locals": {"env": env, **(more_locals or {})}, "module": modules}
    (folder / "main.tf.json").write_text(json.dumps(root, indent=2), encoding="utf-8")
    tests = folder / "tests"
    tests.mkdir(exist_ok=True)
    (tests / "mocked.tftest.hcl").write_text(f'{MOCKS}\nrun "{environment.name}" {{}}\n', encoding="utf-8")


def planned(deploy: Path, environment: Environment, folder: Path) -> terraform.Tested:
    terraform.copy_modules(deploy, folder)
    compose(environment, folder)
    return _tested(folder)


def planned_alone(deploy: Path, environment: Environment, unit: Unit, folder: Path) -> terraform.Tested:
    terraform.copy_modules(deploy, folder)
    compose_alone(environment, unit, folder)
    return _tested(folder)


def _tested(folder: Path) -> terraform.Tested:
    terraform.initialise(folder)
    terraform.validate(folder)
    return terraform.test(folder)
