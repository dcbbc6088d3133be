"""What AWS's own description of its APIs says of a request beyond types: boto3 sends the wrong word, too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any


def complaints(shape: Any, value: Any, path: str = "") -> Iterator[str]:
    """Words that are no member of their enumeration, texts, numbers and lists out of their bounds. The shape is
    botocore's."""
    if shape.type_name == "structure":
        for name, item in value.items():
            yield from complaints(shape.members[name], item, f"{path}.{name}" if path else name)
    elif shape.type_name == "list":
        yield from _bounds(shape, len(value), "entries", path)
        for number, item in enumerate(value):
            yield from complaints(shape.member, item, f"{path}[{number}]")
    elif shape.type_name == "map":
        for name, item in value.items():
            yield from complaints(shape.key, name, f"{path}.{name}")
            yield from complaints(shape.value, item, f"{path}.{name}")
    elif shape.type_name == "string":
        yield from _text(shape, value, path)
    elif shape.type_name in {"integer", "long", "float", "double"}:
        yield from _bounds(shape, value, "", path)


def _text(shape: Any, value: str, path: str) -> Iterator[str]:
    words = shape.metadata.get("enum", [])
    if words and value not in words:
        yield f"{path}: {value!r} is none of {', '.join(words)}"
    pattern = shape.metadata.get("pattern")
    if pattern and not _fits(pattern, value):
        yield f"{path}: {value!r} is not of the form {pattern}"
    yield from _bounds(shape, len(value), "characters", path)


def _fits(pattern: str, value: str) -> bool:
    """AWS writes patterns for Java; what Python cannot read is not asked."""
    try:
        return re.search(f"^(?:{pattern})$", value) is not None
    except re.error:
        return True


def _bounds(shape: Any, size: float, unit: str, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if (least is not None and size < least) or (most is not None and size > most):
        yield f"{path}: {size} {unit}".rstrip() + f", where {least} to {most} are allowed"
