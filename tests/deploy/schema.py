"""The provider's schema, cut to the types that are used: where the schema alone stands in for the provider, each of
Terraform's many starts of it reads the whole, and that was two thirds of all time."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import tempfile
from functools import cache
from pathlib import Path

VARIABLE = "AWS_PROVIDER_SCHEMA"
"""Where a provider that knows the schema alone finds it; a real provider does not look."""
_TYPE = re.compile(r'"?(?:resource|data)"?[ :{]+"(aws_\w+)"')


def settings(folder: Path) -> dict[str, str]:
    """What Terraform is told that runs in the folder: a module, which may call those beside it, or a root of them."""
    whole = os.environ.get(VARIABLE)
    root = folder.parent if folder.parent.name == "modules" else folder
    return {VARIABLE: str(_cut(whole, _types(root)))} if whole else {}


def _types(folder: Path) -> frozenset[str]:
    return frozenset(
        found for path in folder.rglob("*.tf") for found in _TYPE.findall(path.read_text(encoding="utf-8"))
    )


@cache
def _cut(whole: str, types: frozenset[str]) -> Path:
    """Written once, by whoever comes first."""
    digest = hashlib.sha256("\n".join([whole, *sorted(types)]).encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"headrace-schema-{os.getuid()}-{digest}.json.gz"
    if not path.exists():
        schema = json.loads(gzip.decompress(Path(whole).read_bytes()))
        for kind in ("resource_schemas", "data_source_schemas"):
            schema[kind] = {name: one for name, one in schema[kind].items() if name in types}
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as written:
            written.write(gzip.compress(json.dumps(schema).encode()))
        Path(written.name).replace(path)
    return path
