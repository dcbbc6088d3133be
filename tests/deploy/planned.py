"""The mocked state of a plan, so that checks can ask it: resources by type, and who stands behind a mocked id."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, TypeGuard

from tests.deploy import arns
from tests.deploy.live import DEPLOY
from tests.deploy.terraform import Tested

# Terraform's mock of a text that the provider would know only later.
MOCKED = re.compile(r"\b[a-z0-9]{8}\b")


@dataclass(frozen=True)
class Resource:
    address: str
    type: str
    index: str
    values: dict[str, Any] = field(repr=False, hash=False)
    computed: dict[str, str] = field(repr=False, hash=False)

    @property
    def unit(self) -> str:
        return self.address.split(".")[1] if self.address.startswith("module.") else ""

    @property
    def name(self) -> str:
        """The address within its unit, as its module's files have it."""
        return self.address.removeprefix(f"module.{self.unit}.")

    def block(self, *path: str) -> dict[str, Any]:
        """A nested block that may stand once; empty where it is absent."""
        found: Any = self.values
        for step in path:
            found = (found or {}).get(step)
            found = found[0] if isinstance(found, list) and found else found
        return found if isinstance(found, dict) else {}

    def said(self, attribute: str) -> Any:
        """The attribute's value, None where only the mock made one up."""
        value = self.values.get(attribute)
        return None if value == self.computed.get(attribute) else value


@dataclass(frozen=True)
class Plan:
    environment: str
    state: dict[str, Any] = field(repr=False)

    @classmethod
    def of_test(cls, scope: str, tested: Tested) -> Plan:
        return cls(scope.partition("/")[0], next(iter(tested.states.values())))

    @cached_property
    def resources(self) -> list[Resource]:
        raws = [raw for raw in _walk(self.state["root_module"]) if raw["mode"] == "managed"]
        claims = self._claims(raws)
        return [_resource(raw, claims) for raw in raws]

    def _claims(self, raws: list[dict[str, Any]]) -> dict[str, tuple[str, str]]:
        """Mocked text to the address and attribute that it was made up for: others that have it refer to that one."""
        claims: dict[str, tuple[str, str]] = {}
        for surely in (True, False):
            for raw in raws:
                for name in _mocked(raw, self._schemas[raw["type"]]["block"]["attributes"], surely=surely):
                    claims.setdefault(raw["values"][name], (raw["address"], name))
        return claims

    def of(self, *types: str) -> list[Resource]:
        return [resource for resource in self.resources if resource.type in types]

    @cached_property
    def _schemas(self) -> dict[str, Any]:
        providers = self.state["provider_schemas"].values()
        return {kind: schema for provider in providers for kind, schema in provider["resource_schemas"].items()}

    @cached_property
    def owners(self) -> dict[str, tuple[Resource, str]]:
        """Mocked text to the resource and attribute that it was made up for."""
        return {text: (one, attribute) for one in self.resources for attribute, text in one.computed.items()}

    def is_mocked(self, text: str) -> bool:
        """Made up for a nested block, or for a place that nobody refers to."""
        return bool(MOCKED.fullmatch(text)) and text not in _words() and text not in self.owners

    def owner(self, text: object, kind: str = "") -> Resource | None:
        """The resource that an id or ARN is of; a name tells only together with its type."""
        found = self.owners.get(text) if isinstance(text, str) else None
        return found[0] if found else self._named.get(f"{kind}/{text}" if kind else str(text))

    @cached_property
    def _named(self) -> dict[str, Resource]:
        names = {f"{one.type}/{arns.identity(one, 'id')}": one for one in self.resources}
        key_ids = {arns.of(one).rpartition("/")[2]: one for one in self.of("aws_kms_key")}
        return names | key_ids | {arns.of(one): one for one in self.resources}

    def texts_of(self, kind: str) -> frozenset[str]:
        """All that one may call a resource of the type: ids, ARNs, names, mocked and as they are in an account."""
        return self._texts.get(kind, frozenset())

    @cached_property
    def _texts(self) -> dict[str, frozenset[str]]:
        texts: dict[str, set[str]] = {}
        for one in self.resources:
            arn = arns.of(one)
            told = {arn, arn.rpartition("/")[2], arns.identity(one, "id")}
            texts.setdefault(one.type, set()).update(one.computed.values(), told)
        return {kind: frozenset(found) for kind, found in texts.items()}

    def is_of(self, text: object, *types: str) -> bool:
        """Whether the id, name or ARN is of such a resource; of a unit planned alone others are not there to ask."""
        owner = self.owner(text)
        return owner.type in types if owner else bool(text) and self.alone

    @cached_property
    def alone(self) -> bool:
        return len({resource.unit for resource in self.resources}) == 1

    @cached_property
    def policies(self) -> list[tuple[Resource, str, dict[str, Any]]]:
        """All policy documents: whose, in which attribute, and what they say with plausible ARNs."""
        texts = ((one, name, value) for one in self.resources for name, value in one.values.items())
        return [(one, name, self.document(text)) for one, name, text in texts if _is_policy(text)]

    def document(self, text: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.spoken(text))
        return found

    def spoken(self, text: str) -> str:
        """The text with each mocked id as it might be in an account."""
        return MOCKED.sub(lambda found: self._plausible(found[0]), text)

    def _plausible(self, text: str) -> str:
        if text not in self.owners:
            return text
        resource, attribute = self.owners[text]
        return arns.of_another(resource, attribute) if attribute.endswith("arn") else arns.identity(resource, attribute)


def _is_policy(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value.startswith("{") and '"Statement"' in value


def _walk(module: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from _walk(child)


def _resource(raw: dict[str, Any], claims: dict[str, tuple[str, str]]) -> Resource:
    address, values = raw["address"], raw["values"]
    own = {
        name: value for name, value in values.items() if isinstance(value, str) and claims.get(value) == (address, name)
    }
    return Resource(address, raw["type"], str(raw.get("index", "")), values, own)


def _mocked(raw: dict[str, Any], schema: dict[str, Any], *, surely: bool) -> Iterator[str]:
    """Attributes that the provider would know only later; surely so where no module can set them."""
    for name, value in raw["values"].items():
        attribute = schema.get(name, {})
        made_up = isinstance(value, str) and MOCKED.fullmatch(value) and value not in _words()
        sure = name in {"id", "arn"} or not attribute.get("optional")
        if made_up and attribute.get("computed") and sure is surely:
            yield name


@cache
def _words() -> frozenset[str]:
    """What deploy/ itself says in eight letters, such as standard."""
    files = (path for path in DEPLOY.rglob("*") if path.suffix in {".tf", ".hcl", ".json"})
    return frozenset(word for path in files for word in MOCKED.findall(path.read_text(encoding="utf-8")))
