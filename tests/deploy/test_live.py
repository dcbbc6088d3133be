"""deploy/live is whole: what Terragrunt would refuse, or silently pass over, is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy import checks, terraform
from tests.deploy.live import DEPLOY, Live, cycle
from tests.deploy.rendering import rendered


@pytest.mark.parametrize("check", checks.OF_LIVE)
@pytest.mark.usefixtures("terraform_there")
def test_the_tree_passes(live: Live, check: str) -> None:
    assert list(checks.OF_LIVE[check](live)) == []


def test_there_are_three_environments(live: Live) -> None:
    assert set(live.environments) == {"dev", "staging", "prod"}
    assert {name: place.locals["environment"] for name, place in live.environments.items()} == {
        name: name for name in live.environments
    }


def test_environments_say_the_same_things(live: Live) -> None:
    """A setting that one file lacks would be an error of Terragrunt there alone, and only when it is applied."""
    settings = {frozenset(place.locals) for place in live.environments.values()}
    assert len(settings) == 1


@pytest.mark.usefixtures("terraform_there")
def test_the_state_is_locked_encrypted_and_called_as_names_say(live: Live) -> None:
    """The role that applies is allowed that bucket by its name in names.json."""
    names = (DEPLOY / "modules" / "names" / "names.json").read_text(encoding="utf-8")
    assert '"state_bucket": "headrace-{environment}-state-{account_id}-{region}"' in names
    for unit in rendered(live):
        config = unit.remote_state["config"]
        region = unit.path.split("/")[1]
        assert (config["encrypt"], config["use_lockfile"], config["region"]) == (True, True, region)
        assert config["bucket"] == f"headrace-{unit.environment}-state-{unit.account_id}-{region}"


@pytest.mark.usefixtures("terraform_there")
def test_the_generated_provider_is_one_that_terraform_takes(live: Live, tmp_path: Path) -> None:
    unit = rendered(live)[0]
    (tmp_path / "provider.tf").write_text(unit.provider, encoding="utf-8")
    (tmp_path / "versions.tf").write_text(
        (DEPLOY / "modules/names/versions.tf").read_text(encoding="utf-8"), encoding="utf-8"
    )
    terraform.initialise(tmp_path)
    terraform.validate(tmp_path)


def test_a_cycle_is_found() -> None:
    assert cycle({"a": ["b"], "b": ["c"], "c": ["b"], "d": ["a"]}) == ["b", "c", "b"]
    assert cycle({"a": ["b", "c"], "b": ["c"], "c": []}) == []
