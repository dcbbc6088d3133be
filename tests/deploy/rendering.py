"""What root.hcl comes to for each unit. Terraform evaluates it; Terragrunt's functions are put in as their values."""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.deploy import hcl, terraform
from tests.deploy.live import Environment, Live, Unit

ENV_FILE = 'read_terragrunt_config(find_in_parent_folders("env.hcl")).locals'


@dataclass(frozen=True)
class Rendered:
    environment: str
    path: str
    account_id: str
    bucket: str
    key: str
    prevent_destroy: bool
    remote_state: dict[str, Any]
    provider: str


def rendered(live: Live) -> list[Rendered]:
    units = [(place, unit) for place in live.environments.values() for unit in place.units.values()]
    values = _evaluated({unit.path: _of_unit(live.root, place, unit) for place, unit in units})
    return [_rendered(unit, values[unit.path]) for _, unit in units]


def _rendered(unit: Unit, root: dict[str, Any]) -> Rendered:
    config = root["remote_state"]["config"]
    return Rendered(
        environment=unit.environment,
        path=unit.path,
        account_id=root["locals"]["account_id"],
        bucket=config["bucket"],
        key=config["key"],
        prevent_destroy=root["prevent_destroy"],
        remote_state=root["remote_state"],
        provider=root["generate"]["contents"],
    )


def _of_unit(root: hcl.Body, place: Environment, unit: Unit) -> hcl.Body:
    """root.hcl with nothing left that only Terragrunt knows; locals of locals are spelt out."""
    env = hcl.mapped(place.locals, _known(unit))
    own = {name: value for name, value in hcl.only(root, "locals").items() if name != "env"}
    document = {
        "locals": own,
        "remote_state": hcl.only(root, "remote_state"),
        "generate": hcl.labelled(root, "generate")["provider"],
        "prevent_destroy": root.get("prevent_destroy", False),
    }
    return {"env": env, "own": own, "document": hcl.mapped(document, _known(unit))}


def _known(unit: Unit) -> Any:
    where = {
        "path_relative_to_include()": f'"{unit.path}"',
        "get_terragrunt_dir()": f'"/live/{unit.path}"',
        "get_env(": 'format("<%s>", ',
    }

    def known(text: str) -> str:
        for function, value in where.items():
            text = text.replace(function, value)
        return text

    return known


def _evaluated(units: dict[str, hcl.Body]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        outputs = {f"unit_{number}": each for number, each in enumerate(units.values())}
        (Path(folder) / "main.tf.json").write_text(json.dumps(_root(outputs)), encoding="utf-8")
        terraform.run(Path(folder), "apply", "-auto-approve", "-input=false", "-no-color")
        told = json.loads(terraform.run(Path(folder), "output", "-json"))
    return {path: told[name]["value"] for path, name in zip(units, outputs, strict=True)}


def _root(outputs: dict[str, hcl.Body]) -> hcl.Body:
    """One Terraform root: `local.x` of a unit becomes `local.unit_3_x`, for all stand side by side."""
    locals_: hcl.Body = {}
    documents = {}
    for name, unit in outputs.items():
        locals_[f"{name}_env"] = unit["env"]
        own = partial(re.compile(r"\blocal\.(\w+)").sub, rf"local.{name}_\1")
        renamed = hcl.mapped(unit["document"], own)
        locals_ |= {f"{name}_{key}": value for key, value in renamed["locals"].items()}
        documents[name] = {"value": renamed}
    return {"locals": locals_, "output": documents}
