"""An environment of deploy/live as one Terraform root: each unit a module, each dependency's output a module's."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.deploy import arns, hcl, terraform
from tests.deploy.live import OUTPUT, Environment, Live, Unit

PROVIDER = {"required_providers": {"aws": {"source": "hashicorp/aws", "version": "~> 6.0"}}}
GET_ENV = re.compile(r'get_env\("(\w+)"\)')

# What whoever applies sets, and docs/deploy.md names.
SETTINGS = {"HEADRACE_RELEASE": "2026.11.1", "HEADRACE_GITHUB_REPOSITORY": "example/headrace"}

# Some partner, so that SFTP is planned too: no environment has one yet.
PARTNERS = {"weather_office": {"pipeline": "flights", "source": "weather", "public_keys": ["ssh-ed25519 example"]}}

KEY_ZONES = ("raw", "processed", "curated", "landing", "logs", "stream", "warehouse", "operations")

# What a plan needs to be whole: mocks of lists are empty, and names are made of account and region.
MOCKS = (Path(__file__).parent / "mocks.tfmock.hcl").read_text(encoding="utf-8")


def compose(environment: Environment, folder: Path) -> None:
    """Writes the root into the folder, beside the modules that are there."""
    modules = {unit.name: _call(unit, r"module.\1.\2") for unit in environment.units.values()}
    _write(folder, environment, modules, {})


def compose_alone(environment: Environment, unit: Unit, mocks: hcl.Body, folder: Path) -> None:
    """The same for one unit, what it takes from others being the mocks that Terragrunt would put there."""
    _write(folder, environment, {unit.name: _call(unit, r"local.\1.\2")}, mocks)


def _call(unit: Unit, output: str) -> hcl.Body:
    """The module's block; `output` says where another unit's output stands."""
    inputs = hcl.mapped(unit.inputs, lambda text: OUTPUT.sub(output, _without_get_env(text)))
    return {"source": f"./modules/{unit.module}", **inputs}


def _without_get_env(text: str) -> str:
    return GET_ENV.sub(lambda found: json.dumps(SETTINGS[found[1]]), text)


def _write(folder: Path, environment: Environment, modules: hcl.Body, mocks: hcl.Body) -> None:
    env = {**hcl.mapped(environment.locals, _without_get_env), "partners": PARTNERS}
    root = {"terraform": PROVIDER, "locals": {**mocks, "env": env}, "module": modules}
    (folder / "main.tf.json").write_text(json.dumps(root, indent=2), encoding="utf-8")
    tests = folder / "tests"
    tests.mkdir(exist_ok=True)
    provider = MOCKS.replace("{environment}", environment.name) + _key_arns(modules)
    (tests / "mocked.tftest.hcl").write_text(f'{provider}\nrun "{environment.name}" {{}}\n', encoding="utf-8")


def _key_arns(modules: hcl.Body) -> str:
    """Keys as AWS calls them: a module takes the id out of a key's ARN."""
    if "keys" not in modules:
        return ""
    addresses = [f'module.keys.aws_kms_key.zone["{zone}"]' for zone in KEY_ZONES]
    arn = {address: arns.of_address("aws_kms_key", address) for address in addresses}
    return "".join(f'override_resource {{\n  target = {one}\n  values = {{ arn = "{arn[one]}" }}\n}}\n' for one in arn)


def planned(live: Live, scope: str, folder: Path) -> terraform.Tested:
    """Plans a copy in the folder: all of an environment (`prod`), or one unit alone (`prod/stream`)."""
    name, _, unit = scope.partition("/")
    environment = live.environments[name]
    terraform.copy_modules(live.deploy, folder)
    if unit:
        compose_alone(environment, environment.units[unit], live.mocks, folder)
    else:
        compose(environment, folder)
    return terraform.checked(folder)
