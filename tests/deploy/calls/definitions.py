"""IAM's own definition of actions and resource types, as parliament ships it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

PARLIAMENT = ("uv", "tool", "run", "--with", "setuptools<81", "--from", "parliament==1.6.4")
_WHERE = "import warnings; warnings.simplefilter('ignore'); import parliament; print(parliament.__path__[0])"


@cache
def resource_types() -> Mapping[str, Mapping[str, frozenset[str]]]:
    """Service's prefix to action to the types of resources that it takes; none where it takes `*` alone."""
    said = subprocess.run(
        [*PARLIAMENT, "python", "-c", _WHERE], capture_output=True, text=True, check=True, timeout=120
    )
    definition = json.loads(Path(said.stdout.strip(), "iam_definition.json").read_text())
    return {
        service["prefix"]: {one["privilege"]: _types(one) for one in service["privileges"]} for service in definition
    }


def _types(privilege: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(one["resource_type"].rstrip("*") for one in privilege["resource_types"]) - {""}
