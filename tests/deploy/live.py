"""deploy/live as it says of itself: environments, their units, and what each unit is wired to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.deploy import hcl

DEPLOY = Path(__file__).parents[2] / "deploy"
OUTPUT = re.compile(r"\bdependency\.(\w+)\.outputs\.(\w+)")
LOCALS = {
    "env": '${read_terragrunt_config(find_in_parent_folders("env.hcl")).locals}',
    "mocks": '${read_terragrunt_config(find_in_parent_folders("mocks.hcl")).locals}',
}
UNIT = re.compile(r"^\$\{dirname\(find_in_parent_folders\(\"root\.hcl\"\)\)\}/units/(?P<unit>\w+)\.hcl$")
SOURCE = re.compile(r"^\$\{get_repo_root\(\)\}/deploy/modules//(?P<module>\w+)$")
BESIDE = re.compile(r"^\$\{get_terragrunt_dir\(\)\}/\.\./(?P<unit>\w+)$")


@dataclass(frozen=True)
class Unit:
    """One module in one environment: `terragrunt.hcl` there, and the file of live/units that it includes."""

    environment: str
    region: str
    name: str
    folder: Path
    document: hcl.Body

    @property
    def path(self) -> str:
        return f"{self.environment}/{self.region}/{self.name}"

    @property
    def inputs(self) -> hcl.Body:
        return dict(self.document.get("inputs", {}))

    @property
    def locals(self) -> hcl.Body:
        return hcl.only(self.document, "locals")

    @property
    def source(self) -> str:
        return str(hcl.only(self.document, "terraform").get("source", ""))

    @property
    def module(self) -> str:
        found = SOURCE.match(self.source)
        return found["module"] if found else ""

    @property
    def dependencies(self) -> dict[str, hcl.Body]:
        return hcl.labelled(self.document, "dependency")

    @property
    def needs(self) -> dict[str, str]:
        """Each dependency's label to the unit beside this one that it points to."""
        found = {label: BESIDE.match(str(body.get("config_path"))) for label, body in self.dependencies.items()}
        return {label: match["unit"] for label, match in found.items() if match}

    @property
    def after(self) -> set[str]:
        """Units beside this one that Terragrunt applies before it."""
        paths = hcl.only(self.document, "dependencies").get("paths", [])
        return {match["unit"] for path in paths if (match := BESIDE.match(path))} | set(self.needs.values())

    @property
    def reads(self) -> set[tuple[str, str]]:
        """(dependency, output) of all that the inputs take from others."""
        return {found for text in hcl.texts(self.inputs) for found in OUTPUT.findall(text)}


@dataclass(frozen=True)
class Environment:
    name: str
    region: str
    locals: hcl.Body
    units: dict[str, Unit]


@dataclass(frozen=True)
class Live:
    """A copy of deploy/, read when it is asked."""

    deploy: Path

    @property
    def folder(self) -> Path:
        return self.deploy / "live"

    @cached_property
    def root(self) -> hcl.Body:
        return hcl.read(self.folder / "root.hcl")

    @cached_property
    def mocks(self) -> hcl.Body:
        """Unit to the outputs that others plan with before it is applied; and what those are made of."""
        return hcl.only(hcl.read(self.folder / "mocks.hcl"), "locals")

    @cached_property
    def environments(self) -> dict[str, Environment]:
        files = sorted(self.folder.glob("*/env.hcl"))
        return {path.parent.name: self._environment(path) for path in files}

    def variables(self, module: str) -> dict[str, hcl.Body]:
        return hcl.labelled(hcl.read_module(self.deploy / "modules" / module), "variable")

    def outputs(self, module: str) -> set[str]:
        return set(hcl.labelled(hcl.read_module(self.deploy / "modules" / module), "output"))

    def _environment(self, env: Path) -> Environment:
        units = [self._unit(path) for path in sorted(env.parent.glob("*/*/terragrunt.hcl"))]
        regions = {unit.region for unit in units}
        if len(regions) != 1:
            raise ValueError(f"{env.parent.name} has units in {sorted(regions)}, one region is meant")
        return Environment(
            name=env.parent.name,
            region=regions.pop(),
            locals=hcl.only(hcl.read(env), "locals"),
            units={unit.name: unit for unit in units},
        )

    def _unit(self, path: Path) -> Unit:
        environment, region, name = path.parent.relative_to(self.folder).parts
        includes = {label: body.get("path") for label, body in hcl.labelled(hcl.read(path), "include").items()}
        wiring = UNIT.match(str(includes.get("unit")))
        if includes.get("root") != '${find_in_parent_folders("root.hcl")}' or not wiring or len(includes) != 2:
            raise ValueError(f"{path} includes {includes}: root.hcl and one file of units/ are meant")
        document = hcl.read(self.folder / "units" / f"{wiring['unit']}.hcl")
        return Unit(environment, region, name, path.parent, document)


def cycle(edges: Mapping[str, Iterable[str]]) -> list[str]:
    """Some cycle of the graph, its first node again at its end; empty where there is none."""
    done: set[str] = set()

    def walk(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return []
        for follower in edges.get(node, ()):
            if found := walk(follower, [*path, node]):
                return found
        done.add(node)
        return []

    return next((found for node in edges if (found := walk(node, []))), [])
