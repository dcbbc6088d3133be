"""Applying a plan: one update per table, and another `apply` beside it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from headrace_consumers.catalog.applying import apply
from headrace_consumers.catalog.lake import wanted_of
from headrace_consumers.catalog.plan import CatalogPlan
from headrace_consumers.catalog.projection import Projection
from headrace_consumers.catalog.tables import TableName
from headrace_consumers.errors import CatalogChangedError
from headrace_consumers.pipeline import Pipeline
from headrace_consumers.settings import CatalogSettings, LakeSettings
from tests.consumers.catalog.shelf import Shelf
from tests.consumers.catalog.visits import later, visits

NOW = datetime(2026, 1, 31, tzinfo=UTC)
VISITS = TableName("headrace_processed", "visits")


def no_folders(_: Projection) -> list[str]:
    return []


def applied(shelf: Shelf, pipeline: Pipeline) -> list[CatalogPlan]:
    """What was told."""
    told: list[CatalogPlan] = []
    apply(shelf, no_folders, wanted_of(pipeline, LakeSettings(), CatalogSettings(), NOW), NOW, told.append)
    return told


def test_each_table_changes_once() -> None:
    """However many changes it has."""
    shelf = Shelf()
    applied(shelf, visits)
    assert shelf.calls[:4] == [
        "create headrace_raw", "create headrace_processed", "create headrace_curated", "create headrace_raw.clinic",
    ]  # fmt: skip
    shelf.calls.clear()
    applied(shelf, later)
    assert shelf.calls == [f"update headrace_{place}" for place in
                           ("processed.visits", "curated.weights", "curated.rush", "curated.stays")]  # fmt: skip
    shelf.calls.clear()
    assert [plan.changes for plan in applied(shelf, later)] == [()]
    assert shelf.calls == []


def test_where_another_one_was_first_what_is_left_is_made() -> None:
    """Told again, as it is not what was told first."""
    whole, shelf = Shelf(), Shelf()
    applied(whole, visits)
    shelf.databases, shelf.meanwhile = dict(whole.databases), {VISITS: whole.tables[VISITS]}
    first, second = applied(shelf, visits)
    assert len(first.changes) == len(second.changes) + 2
    assert shelf.tables == whole.tables


def test_what_another_one_added_is_not_lost() -> None:
    """A table that changed since it was read is read anew before it is updated."""
    shelf = Shelf()
    applied(shelf, visits)
    table = shelf.tables[VISITS]
    shelf.meanwhile = {VISITS: replace(table, parameters={**table.parameters, "tag": "red"})}
    assert len(applied(shelf, later)) == 2
    assert shelf.tables[VISITS].parameters["tag"] == "red"
    assert shelf.tables[VISITS].columns[-1].name == "doctor"


class Restless(Shelf):
    """Somebody is first every time."""

    def create_database(self, name: str, description: str) -> None:
        raise CatalogChangedError(f"{name}: {description}")


def test_it_gives_up_where_somebody_is_always_first() -> None:
    """After some times, with a sentence that says to try again."""
    with pytest.raises(CatalogChangedError):
        applied(Restless(), visits)
