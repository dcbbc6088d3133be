"""What Terragrunt would refuse in deploy/live, or silently pass over."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.deploy.live import LOCALS, Environment, Live, Unit, cycle
from tests.deploy.rendering import Rendered, rendered

INTERNAL = {"names", "permissions", "scheduled", "task"}
PLANNING = {"validate", "plan"}


def _units(live: Live) -> Iterator[Unit]:
    """Each file of live/units once: they are the same in all environments."""
    seen = {unit.name: unit for environment in live.environments.values() for unit in environment.units.values()}
    yield from seen.values()


def unit_missing(live: Live) -> Iterator[str]:
    modules = {path.parent.name for path in (live.deploy / "modules").glob("*/main.tf")} - INTERNAL
    for environment in live.environments.values():
        for module in sorted(modules - {unit.module for unit in environment.units.values()}):
            yield f"{environment.name}: no unit applies the module {module}"
        for unit in environment.units.values():
            if unit.module != unit.name:
                yield f"{unit.path}: its source is {unit.source}, the module {unit.name} is meant"


def unknown_inputs(live: Live) -> Iterator[str]:
    """Terragrunt hands inputs over as TF_VAR_..., and Terraform passes over those that no variable is called like."""
    for unit in _units(live):
        for name in sorted(set(unit.inputs) - set(live.variables(unit.module))):
            yield f"units/{unit.name}.hcl: the module has no variable {name}"


def unset_variables(live: Live) -> Iterator[str]:
    for unit in _units(live):
        for name, variable in live.variables(unit.module).items():
            if "default" not in variable and name not in unit.inputs:
                yield f"units/{unit.name}.hcl: the variable {name} has no default and gets no value"


def null_inputs(live: Live) -> Iterator[str]:
    """TF_VAR_name=null is the text "null" where the variable is a string."""
    for unit in _units(live):
        for name, value in unit.inputs.items():
            if value is None:
                yield f"units/{unit.name}.hcl: {name} is null, which a string variable gets as a word"


def unknown_outputs(live: Live) -> Iterator[str]:
    for unit in _units(live):
        for label, output in sorted(unit.reads):
            module = unit.needs.get(label)
            if module is None:
                yield f"units/{unit.name}.hcl: takes {output} of {label}, which is no dependency with a unit beside it"
            elif output not in live.outputs(module):
                yield f"units/{unit.name}.hcl: takes {output} of {label}, which has no such output"
        for label in sorted(set(unit.dependencies) - {label for label, _ in unit.reads}):
            yield f"units/{unit.name}.hcl: depends on {label} and takes nothing of it"


def mocks_differ(live: Live) -> Iterator[str]:
    """A dependency's mocks are those of mocks.hcl, for plans alone, and have the outputs that are taken."""
    for unit in _units(live):
        for label, body in unit.dependencies.items():
            where = f"units/{unit.name}.hcl: dependency {label}"
            if unit.needs.get(label) != label:
                yield f"{where} points to {body.get('config_path')}, the unit of its name is meant"
            if body.get("mock_outputs") != f"${{local.mocks.{label}}}":
                yield f"{where} has mocks of its own"
            if set(body.get("mock_outputs_allowed_terraform_commands", [])) != PLANNING:
                yield f"{where}: mocks are for {sorted(PLANNING)} alone, never for what changes something"
    yield from _mocks_without_output(live)
    yield from _mocks_without_pipeline(live)


def _mocks_without_pipeline(live: Live) -> Iterator[str]:
    for environment in live.environments.values():
        for output, by_pipeline in live.mocks.get("stream", {}).items():
            if isinstance(by_pipeline, dict) and (missing := set(environment.locals["pipelines"]) - set(by_pipeline)):
                yield f"mocks.hcl: stream.{output} has no {', '.join(sorted(missing))}, pipelines of {environment.name}"


def _mocks_without_output(live: Live) -> Iterator[str]:
    taken = {(label, output) for unit in _units(live) for label, output in unit.reads}
    for label, output in sorted(taken):
        if output not in live.mocks.get(label, {}):
            yield f"mocks.hcl: {label} has no {output}, which a unit takes"
    for unit in sorted({label for label, _ in taken}):
        for output in sorted(set(live.mocks.get(unit, {})) - live.outputs(unit)):
            yield f"mocks.hcl: {unit} has {output}, which is no output of the module"


def other_locals(live: Live) -> Iterator[str]:
    for unit in _units(live):
        if not unit.locals.items() <= LOCALS.items():
            yield f"units/{unit.name}.hcl: has locals beside env and mocks"


def cycles(live: Live) -> Iterator[str]:
    for environment in live.environments.values():
        edges = {unit.name: unit.after for unit in environment.units.values()}
        if found := cycle(edges):
            yield f"{environment.name}: {' needs '.join(found)}"
        for unit, needs in edges.items():
            yield from (
                f"{environment.name}: {unit} needs {need}, which is not there" for need in needs if need not in edges
            )


def roles_before_their_boundary(live: Live) -> Iterator[str]:
    """IAM makes no role with a boundary that is not there, and module ci makes it."""
    for environment in live.environments.values():
        for unit in environment.units.values():
            makes_roles = "boundary_arn" in _sources(live, unit.module, set())
            if unit.name != "ci" and makes_roles and "ci" not in _before(environment, unit, set()):
                yield f"{unit.path}: may be applied before ci, and its roles have the boundary that ci makes"


def _sources(live: Live, module: str, seen: set[str]) -> str:
    """The text of a module and of those that it calls; of names, which every module calls, none."""
    if module in seen or module == "names":
        return ""
    texts = "".join(path.read_text(encoding="utf-8") for path in (live.deploy / "modules" / module).glob("*.tf"))
    called = re.findall(r'source += "\.\./(\w+)"', texts)
    return texts + "".join(_sources(live, name, seen | {module}) for name in called)


def _before(environment: Environment, unit: Unit, seen: set[str]) -> set[str]:
    direct = {name for name in unit.after if name in environment.units} - seen
    return direct | {far for name in direct for far in _before(environment, environment.units[name], seen | direct)}


def shared_state(live: Live) -> Iterator[str]:
    """Each unit has a state of its own, in a bucket of its own account."""
    places: dict[tuple[str, str], str] = {}
    accounts: dict[str, str] = {}
    for unit in rendered(live):
        place = (unit.bucket, unit.key)
        if place in places:
            yield f"{unit.path}: its state is at {place}, as that of {places[place]} is"
        places.setdefault(place, unit.path)
        if accounts.setdefault(unit.account_id, unit.environment) != unit.environment:
            yield f"{unit.path}: its account is {unit.account_id}, which is that of {accounts[unit.account_id]}"
        yield from _own_account(unit)


def _own_account(unit: Rendered) -> Iterator[str]:
    if unit.account_id not in unit.bucket:
        yield f"{unit.path}: its state's bucket {unit.bucket} is not called after the account {unit.account_id}"
    if not re.search(rf'allowed_account_ids *= *\["{re.escape(unit.account_id)}"\]', unit.provider):
        yield f"{unit.path}: its provider takes credentials of any account"


def production_can_be_destroyed(live: Live) -> Iterator[str]:
    for unit in rendered(live):
        meant = unit.environment == "prod"
        if unit.prevent_destroy is not meant:
            yield f"{unit.path}: prevent_destroy is {unit.prevent_destroy}, {meant} is meant"


def literal_account_ids(live: Live) -> Iterator[str]:
    """No account stands in the tree but the mocks' twelve zeros."""
    for path in sorted(live.folder.rglob("*.hcl")):
        for found in re.findall(r"\b\d{12}\b", path.read_text(encoding="utf-8")):
            if found != "0" * 12:
                yield f"{path.relative_to(live.folder)}: {found} is an account's id"
