"""docs/deploy.md names what there is: units, outputs, commands and settings."""

from __future__ import annotations

import re
from pathlib import Path

from tests.deploy.composition import SETTINGS
from tests.deploy.live import DEPLOY, Live

PAGE = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text(encoding="utf-8")


def test_outputs_that_it_reads_exist(live: Live) -> None:
    read = re.findall(r"cd (\w+) && terragrunt output -(?:raw|json) (\w+)", PAGE)
    assert read
    assert [(unit, output) for unit, output in read if output not in live.outputs(unit)] == []


def test_units_that_it_applies_exist(live: Live) -> None:
    named = set(re.findall(r"\(cd (\w+) &&|--queue-exclude-dir (\w+)", PAGE))
    assert {unit or excluded for unit, excluded in named} <= live.environments["dev"].units.keys()


def test_images_that_it_lists_have_a_repository() -> None:
    images = (DEPLOY / "modules/ci/images.tf").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `headrace/(\w+)`", PAGE, re.MULTILINE)
    assert listed
    assert [image for image in listed if not re.search(rf"^ +{image} +=", images, re.MULTILINE)] == []


def test_settings_are_all_exported(live: Live) -> None:
    """What Terragrunt's files read from the environment, for dev."""
    read = {name for path in live.folder.rglob("*.hcl") for name in re.findall(r'get_env\("(\w+)"\)', path.read_text())}
    assert read == SETTINGS.keys()
    for name in (*SETTINGS, "HEADRACE_DEV_ACCOUNT_ID"):
        assert re.search(rf"export .*\b{name}=", PAGE), name
