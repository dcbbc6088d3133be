"""Each module by itself: its shape, and its own tests by Terraform."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy import hcl, terraform
from tests.deploy.live import DEPLOY

MODULES = sorted(path.parent.name for path in (DEPLOY / "modules").glob("*/main.tf"))
FILES = ("README.md", "main.tf", "outputs.tf", "variables.tf", "versions.tf")
LONGEST = 220


@pytest.fixture(scope="session")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("modules")
    terraform.copy_modules(DEPLOY, folder)
    return folder / "modules"


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.usefixtures("terraform_there")
def test_its_own_tests_pass(copied: Path, module: str) -> None:
    """init, validate and test with a mocked provider, all of them in a copy."""
    tested = terraform.checked(copied / module)
    assert tested.passed, "\n".join(tested.complaints)
    assert tested.states, "it has no test that plans anything"


@pytest.mark.parametrize("module", MODULES)
def test_it_is_short_and_whole(module: str) -> None:
    folder = DEPLOY / "modules" / module
    assert [name for name in FILES if not (folder / name).exists()] == []
    lines = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in folder.glob("*.tf")}
    assert {name: count for name, count in lines.items() if count > LONGEST} == {}


@pytest.mark.parametrize("module", MODULES)
def test_what_it_asks_for_is_used_and_described(module: str) -> None:
    folder = DEPLOY / "modules" / module
    document = hcl.read_module(folder)
    texts = "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("*.tf"))
    variables, outputs = hcl.labelled(document, "variable"), hcl.labelled(document, "output")
    assert [name for name in variables if f"var.{name}" not in texts] == [], "nobody uses these variables"
    assert [name for name, body in {**variables, **outputs}.items() if not body.get("description")] == []
    assert [name for name, body in variables.items() if "type" not in body] == []


@pytest.mark.parametrize("module", MODULES)
def test_it_has_no_provider_and_the_versions_of_all(module: str) -> None:
    """Providers are root.hcl's, with the account's guard."""
    document = hcl.read_module(DEPLOY / "modules" / module)
    assert "provider" not in document
    terraform_block = hcl.only(document, "terraform")
    assert terraform_block["required_version"] == ">= 1.11"
    for providers in terraform_block.get("required_providers", []):
        assert providers == {"aws": {"source": "hashicorp/aws", "version": "~> 6.0"}}
