"""Which models a failing test keeps from being built: all that read its table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from headrace_sql.dbt import Dbt
from headrace_sql.project import Project
from tests.sql.world import World


def test_a_test_that_fails_holds_back_all_that_reads_its_table(world: World, tmp_path: Path) -> None:
    """dbt holds back what depends on all tables that a test asks, so whatever reads one of them must on the others."""
    assert Dbt(Project.at(None), "local", tmp_path, world.target).run(["parse"]) == 0
    manifest: dict[str, Any] = json.loads((tmp_path / "manifest.json").read_text())
    parents: Mapping[str, Sequence[str]] = manifest["parent_map"]
    above = {name: _above(parents, name) for name in parents}
    models = [name for name in parents if name.startswith(("model.", "snapshot."))]
    tests = [name for name in parents if name.startswith("test.")]
    assert len(tests) > 90
    passed = {
        (test.split(".")[2], model.split(".")[-1])
        for test in tests
        for table in _tables(manifest, test)
        for model in models
        if table in above[model] and model not in parents[test] and not above[model].issuperset(parents[test])
    }
    assert passed == set()


def _tables(manifest: dict[str, Any], test: str) -> Sequence[str]:
    """What it is a test of: the table that it stands with, or all that it asks."""
    attached = manifest["nodes"][test].get("attached_node")
    return [attached] if attached else manifest["parent_map"][test]


def _above(parents: Mapping[str, Sequence[str]], name: str) -> frozenset[str]:
    direct = parents.get(name, ())
    return frozenset(direct).union(*(_above(parents, parent) for parent in direct))
