"""Finds a pipeline, or another declaration, by its MODULE:NAME, as uvicorn finds an app."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TypeVar

from headrace_consumers.pipeline import Pipeline
from headrace_producers.errors import HeadraceError, SettingsError

T = TypeVar("T")


def load_pipeline(reference: str) -> Pipeline:
    """Imports the module, with the working directory importable. SettingsError says which half is wrong."""
    return load_declared(reference, Pipeline)


def load_declared(reference: str, kind: type[T]) -> T:
    """The same of any class whose instances are declared."""
    module_name, colon, attribute = reference.partition(":")
    if not (module_name and colon and attribute):
        raise SettingsError(f"{reference!r} is no MODULE:{kind.__name__.upper()}, such as my_team.pipelines:flights")
    found: object = _import(module_name)
    for name in attribute.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            raise SettingsError(f"module {module_name} has no {attribute}") from None
    if not isinstance(found, kind):
        raise SettingsError(f"{reference} is a {type(found).__name__}, not a {kind.__name__}")
    return found


def _import(name: str) -> object:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name is not None and (name == missing.name or name.startswith(f"{missing.name}.")):
            raise SettingsError(f"there is no module {name}, neither installed nor in {here}") from None
        raise SettingsError(f"module {name} imports {missing.name}, which is not installed") from missing
    except HeadraceError:
        raise
    except Exception as error:
        raise SettingsError(f"module {name} cannot be imported: {type(error).__name__}: {error}") from error
