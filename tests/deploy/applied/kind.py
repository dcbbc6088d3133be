"""How a planned resource is made by an AWS API, and read back: one call each, and what must be the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Body = dict[str, Any]


def _whole(body: Body) -> Any:
    return body


def nothing(*_bodies: Body) -> Body:
    return {}


def of_answer(name: str) -> Callable[[Body, Body], Body]:
    """Read by what AWS called it."""
    return lambda _request, answer: {name: answer[name]}


@dataclass(frozen=True)
class Kind:
    """Of a type that Terraform knows. `said` is the part of the request that `found` must show again."""

    type: str
    service: str
    put: str
    request: Callable[[Body], Body]
    get: str
    where: Callable[[Body, Body], Body]
    """From the request and what it was answered."""
    found: Callable[[Body], Any]
    said: Callable[[Body], Any] = _whole
    applies: Callable[[Body], bool] = bool


def one(values: Body, *path: str) -> Body:
    """A nested block that may stand once; empty where it is absent."""
    found: Any = values
    for step in path:
        found = (found or {}).get(step)
        found = found[0] if isinstance(found, list) and found else found
    return found if isinstance(found, dict) else {}


def given(**arguments: Any) -> Body:
    """Those that have a value."""
    return {name: value for name, value in arguments.items() if value not in (None, "", [], {})}


def differences(said: Any, found: Any, path: str = "") -> Iterator[str]:
    """Where what was said is not found again. What is found beyond it is AWS's own; policies as documents."""
    try:
        said, found = _document(said), _document(found)
    except ValueError as error:
        yield f"{path}: is no JSON: {error}"
        return
    if isinstance(said, dict) and isinstance(found, dict):
        for name, value in said.items():
            yield from differences(value, found.get(name), f"{path}.{name}" if path else name)
    elif isinstance(said, list) and isinstance(found, list) and len(said) == len(found):
        for number, (mine, theirs) in enumerate(zip(_sorted(said), _sorted(found), strict=True)):
            yield from differences(mine, theirs, f"{path}[{number}]")
    elif said != found:
        yield f"{path}: {json.dumps(said)} came back as {json.dumps(found, default=str)}"


def _document(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) and value.startswith('{"') else value


def _sorted(values: list[Any]) -> list[Any]:
    return sorted(values, key=lambda value: json.dumps(value, sort_keys=True, default=str))
