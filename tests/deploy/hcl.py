"""HCL files as plain values: an expression is a template string, as Terraform's JSON has it."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Collection
from functools import lru_cache
from pathlib import Path
from typing import Any

import hcl2

Value = Any
Body = dict[str, Value]


def read(path: Path) -> Body:
    """The file's blocks and attributes. Blocks of a type are a list of bodies, or of `{label: body}`."""
    return dict(_parsed(path.read_text(encoding="utf-8"), path.name))


@lru_cache(maxsize=512)
def _parsed(text: str, name: str) -> Body:
    try:
        return dict(_plain(hcl2.loads(text)))
    except Exception as error:
        raise ValueError(f"{name} is no HCL that python-hcl2 reads: {error}") from error


def _plain(value: Value) -> Value:
    if isinstance(value, dict):
        return {_text(key): _plain(item) for key, item in value.items() if not key.startswith("__")}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return _text(value) if isinstance(value, str) else value


def _text(text: str) -> str:
    if not text.startswith('"'):
        return text
    if text.startswith('"<<'):
        return _heredoc(text[1:-1])
    try:
        return str(json.loads(text))
    except json.JSONDecodeError:  # quotes inside of ${...}
        return text[1:-1]


def _heredoc(text: str) -> str:
    first, *lines = text.split("\n")
    body = "\n".join(lines[:-1]) + "\n"
    return textwrap.dedent(body) if first.startswith("<<-") else body


def mapped(value: Value, change: Callable[[str], str]) -> Value:
    """The value with each text in it changed."""
    if isinstance(value, dict):
        return {key: mapped(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [mapped(item, change) for item in value]
    return change(value) if isinstance(value, str) else value


def texts(value: Value) -> list[str]:
    """All texts in the value, keys too."""
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in (key, *texts(item))]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return [value] if isinstance(value, str) else []


def found(value: Value, names: Collection[str]) -> list[Value]:
    """What stands under one of the names, at any depth."""
    if isinstance(value, dict):
        here = [item for key, item in value.items() if key in names]
        return here + [item for inner in value.values() for item in found(inner, names)]
    return [item for inner in value for item in found(inner, names)] if isinstance(value, list) else []


def labelled(document: Body, kind: str) -> dict[str, Body]:
    """The blocks of a type with one label: label to body."""
    return {label: body for block in document.get(kind, []) for label, body in block.items()}


def only(document: Body, kind: str) -> Body:
    """The one block of a type without labels, empty where there is none."""
    blocks = document.get(kind, [])
    if len(blocks) > 1:
        raise ValueError(f"{kind} stands {len(blocks)} times, once is meant")
    return dict(blocks[0]) if blocks else {}


def read_module(folder: Path) -> Body:
    """All of a module's files as one document."""
    together: Body = {}
    for path in sorted(folder.glob("*.tf")):
        for kind, blocks in read(path).items():
            together.setdefault(kind, []).extend(blocks)
    return together
