"""checkov has nothing to say of the modules but what is skipped, with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.checkov import CHECKS, SKIPPED, complaints
from tests.deploy.live import DEPLOY


@pytest.mark.timeout(600)
def test_modules_pass(tmp_path: Path) -> None:
    """The first run installs it, which takes half a minute."""
    assert list(complaints(DEPLOY, tmp_path)) == []


def test_nothing_is_both_asked_and_skipped() -> None:
    assert not set(CHECKS) & SKIPPED.keys()
    assert len(set(CHECKS)) == len(CHECKS)
