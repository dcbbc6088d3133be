"""Notes every AWS call of the process that finds this on its path: what was called, by which command, on what.

Python imports `sitecustomize` by itself when it starts, so no line of the product knows of it. Nothing is loaded before
the process loads botocore by itself; relays run without `site` and never come here. Each line is written at once, so a
process that is killed has told what it did.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

FOLDER = os.environ.get("CALLS_FOLDER", "")
_NAMES = (
    "Bucket",
    "TableName",
    "StreamName",
    "StreamARN",
    "DatabaseName",
    "WorkGroup",
    "SecretId",
    "Name",
    "DatabaseInput",
)
_known: set[str] = set()


def note(call: str, on: str, items: Sequence[str] = ()) -> None:
    """A line of this process's file, once for each such call."""
    line = json.dumps({"argv": sys.orig_argv[1:5], "call": call, "on": on, "items": sorted(items)})
    mark = f"{os.getpid()} {line}"
    if mark not in _known:
        _known.add(mark)
        with Path(FOLDER, f"{os.getpid()}.jsonl").open("a") as file:
            file.write(f"{line}\n")


def _before_call(params: Mapping[str, Any], model: Any, **_: object) -> None:
    items = {kind: item for entry in params.get("TransactItems", ()) for kind, item in entry.items()}
    tables = [item["TableName"] for item in items.values()]
    on = next((str(params[name]) for name in _NAMES if name in params), *tables[:1] or ("",))
    note(f"{model.service_model.service_name}:{model.name}", on, list(items))


def _hear_botocore(handlers: ModuleType) -> None:
    handlers.BUILTIN_HANDLERS.append(("before-parameter-build", _before_call))


def _hear_tails(tails: ModuleType) -> None:
    """Rust reads these, beside botocore."""
    read = tails.S3Tails.__call__

    def noted(self: object, bucket: str, key: str, length: int) -> object:
        note("obstore:GetObject", bucket)
        return read(self, bucket, key, length)

    tails.S3Tails.__call__ = noted


_HEARD: dict[str, Callable[[ModuleType], None]] = {
    "botocore.handlers": _hear_botocore,
    "headrace_consumers.lake.tails": _hear_tails,
}


class _Listening(Loader):
    """Loads a module as ever, and then listens to it."""

    def __init__(self, loader: Loader, listen: Callable[[ModuleType], None]) -> None:
        self._loader, self._listen = loader, listen

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        self._listen(module)


class _Finder(MetaPathFinder):
    def __init__(self) -> None:
        self._left = dict(_HEARD)

    def find_spec(self, name: str, _path: object, _target: object = None) -> ModuleSpec | None:
        listen = self._left.pop(name, None)
        spec = find_spec(name) if listen else None
        if spec is None or spec.loader is None or listen is None:
            return None
        spec.loader = _Listening(spec.loader, listen)
        return spec


if FOLDER:
    sys.meta_path.insert(0, _Finder())
