"""The mocked state of a plan, so that checks can ask it: resources by type, and who stands behind a mocked id."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tests.deploy import arns

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

    @cached_property
    def resources(self) -> list[Resource]:
        return [_resource(raw, self._schemas) for raw in _walk(self.state["root_module"]) if raw["mode"] == "managed"]

    def of(self, *types: str) -> list[Resource]:
        return [resource for resource in self.resources if resource.type in types]

    @cached_property
    def _schemas(self) -> dict[str, Any]:
        schemas: dict[str, Any] = next(iter(self.state["provider_schemas"].values()))["resource_schemas"]
        return schemas

    @cached_property
    def owners(self) -> dict[str, tuple[Resource, str]]:
        """Mocked text to the resource and attribute that it was made up for."""
        return {text: (one, attribute) for one in self.resources for attribute, text in one.computed.items()}

    def owner(self, text: object) -> Resource | None:
        """The resource that an id, name or ARN is of."""
        found = self.owners.get(text) if isinstance(text, str) else None
        return found[0] if found else self._named.get(str(text))

    @cached_property
    def _named(self) -> dict[str, Resource]:
        return {arns.of(one): one for one in self.resources}

    def spoken(self, text: str) -> str:
        """The text with each mocked id as it might be in an account."""
        return MOCKED.sub(lambda found: self._plausible(found[0]), text)

    def _plausible(self, text: str) -> str:
        if text not in self.owners:
            return text
        resource, attribute = self.owners[text]
        return arns.of(resource) if attribute.endswith("arn") else arns.identity(resource, attribute)


def _walk(module: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from _walk(child)


def _resource(raw: dict[str, Any], schemas: dict[str, Any]) -> Resource:
    attributes = schemas[raw["type"]]["block"]["attributes"]
    computed = {
        name: value
        for name, value in raw["values"].items()
        if isinstance(value, str) and MOCKED.fullmatch(value) and _made_up(name, value, attributes.get(name, {}))
    }
    return Resource(raw["address"], raw["type"], str(raw.get("index", "")), raw["values"], computed)


def _made_up(name: str, value: str, schema: dict[str, Any]) -> bool:
    """A module may give what the provider would compute: then it is a word, which hardly has a digit."""
    if not schema.get("computed"):
        return False
    return name in {"id", "arn"} or not schema.get("optional") or any(letter.isdigit() for letter in value)
