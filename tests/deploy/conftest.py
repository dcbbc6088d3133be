"""Plans of deploy/, made once for all tests that ask them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy import composition, terraform
from tests.deploy.cache import shared
from tests.deploy.calls.recording import Heard, listen
from tests.deploy.live import DEPLOY, Live
from tests.deploy.planned import Plan

Planned = Callable[[str], Plan]


def require_terraform() -> None:
    if not terraform.installed():
        pytest.skip("terraform is not installed: nothing of deploy/ can be planned here")


@pytest.fixture(scope="session")
def terraform_there() -> None:
    require_terraform()


@pytest.fixture(scope="session")
def live() -> Live:
    return Live(DEPLOY)


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all processes of this test run."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@pytest.fixture(scope="session")
def tested(live: Live, run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], terraform.Tested]:
    """Of an environment, or of one unit of it alone: `prod` or `prod/stream`."""
    require_terraform()

    def test(scope: str) -> terraform.Tested:
        folder = tmp_path_factory.mktemp("terraform")
        return shared(run_folder, scope.replace("/", "-"), lambda: composition.planned(live, scope, folder))

    return test


@pytest.fixture(scope="session")
def plan(tested: Callable[[str], terraform.Tested]) -> Planned:
    def make(scope: str) -> Plan:
        result = tested(scope)
        if not result.passed:
            pytest.fail(f"{scope} cannot be planned:\n" + "\n".join(result.complaints))
        return Plan.of_test(scope, result)

    return make


@pytest.fixture(scope="session")
def heard(run_folder: Path) -> Heard:
    """What all services called in one run of them."""
    return shared(run_folder, "calls", listen)
