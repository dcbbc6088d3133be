"""Files of deploy/ are as `terraform fmt` writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy import terraform
from tests.deploy.live import DEPLOY


@pytest.mark.usefixtures("terraform_there")
def test_modules_are_formatted() -> None:
    terraform.run(DEPLOY, "fmt", "-check", "-diff", "-recursive", "modules")


@pytest.mark.usefixtures("terraform_there")
def test_the_live_tree_is_formatted(tmp_path: Path) -> None:
    """Terraform's formatter passes over files of names that it does not read itself."""
    for path in (DEPLOY / "live").rglob("*.hcl"):
        name = "-".join(path.relative_to(DEPLOY / "live").with_suffix(".tf").parts)
        (tmp_path / name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    terraform.run(tmp_path, "fmt", "-check", "-diff")
