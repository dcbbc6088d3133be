"""Runs Terraform on copies of the modules, with a provider that is mocked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.deploy import schema


class TerraformError(Exception):
    """What Terraform said."""


@dataclass(frozen=True)
class Tested:
    """One `terraform test`: whether it passed, what it complained of, and the mocked state of each run."""

    passed: bool
    complaints: list[str]
    states: dict[str, dict[str, Any]]


def installed() -> bool:
    return shutil.which("terraform") is not None


def copy_modules(deploy: Path, folder: Path) -> None:
    shutil.copytree(deploy / "modules", folder / "modules", ignore=shutil.ignore_patterns(".terraform*", "*.tfstate"))


def run(folder: Path, *arguments: str) -> str:
    """Runs it there; what it printed, or the error that it told."""
    process = _process(folder, *arguments)
    if process.returncode:
        raise TerraformError(f"terraform {' '.join(arguments)}:\n{process.stderr or process.stdout}")
    return process.stdout


def initialise(folder: Path) -> None:
    run(folder, "init", "-no-color", "-input=false", "-backend=false")


def validate(folder: Path) -> None:
    """Raises what `terraform validate` says, first things first."""
    told = json.loads(_process(folder, "validate", "-json").stdout)
    if not told["valid"]:
        raise TerraformError("\n".join(_sentence(one) for one in told["diagnostics"]))


def test(folder: Path) -> Tested:
    process = _process(folder, "test", "-json", "-verbose")
    lines = list(_lines(process.stdout))
    complaints = [_sentence(line["diagnostic"]) for line in lines if _is_error(line)]
    states = {line["@testrun"]: line["test_state"] for line in lines if line["type"] == "test_state"}
    return Tested(process.returncode == 0, complaints or [process.stderr] * bool(process.returncode), states)


def checked(folder: Path) -> Tested:
    """Initialised, validated and tested; what fails on the way is a test that did not pass."""
    try:
        initialise(folder)
        validate(folder)
    except TerraformError as failure:
        return Tested(passed=False, complaints=[str(failure)], states={})
    return test(folder)


def _process(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["terraform", f"-chdir={folder}", *arguments]
    quiet = {**os.environ, **schema.settings(folder), "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=quiet, check=False)


def _lines(stdout: str) -> Iterator[dict[str, Any]]:
    yield from (json.loads(line) for line in stdout.splitlines() if line.startswith("{"))


def _is_error(line: dict[str, Any]) -> bool:
    return bool(line["type"] == "diagnostic" and line["diagnostic"]["severity"] == "error")


def _sentence(diagnostic: dict[str, Any]) -> str:
    where = diagnostic.get("range", {})
    place = f" ({where['filename']}:{where['start']['line']})" if where else ""
    return f"{diagnostic['summary']}: {diagnostic.get('detail', '')}{place}"
