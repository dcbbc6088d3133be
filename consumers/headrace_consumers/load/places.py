"""Which files of a pipeline belong into the warehouse."""

from __future__ import annotations

from headrace_consumers.load.amendments import Keyed
from headrace_consumers.load.waiting import TablePlace
from headrace_consumers.pipeline import Pipeline
from headrace_consumers.settings import LakeSettings


def places_of(pipeline: Pipeline, lake: LakeSettings) -> frozenset[TablePlace]:
    """Rows of tables, and windows that are out; letters, partials and raw records stay in the lake."""
    tables = {TablePlace(table.name, lake.processed_bucket) for table in pipeline.lake_tables}
    return frozenset(tables | {TablePlace(window.name, lake.curated_bucket) for window in pipeline.windows})


def keyed_windows(pipeline: Pipeline) -> Keyed:
    """Where a value of an event's column is told once more: as a key of windows."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for window in pipeline.windows:
        for column in window.by:
            found[window.table, column] = (*found.get((window.table, column), ()), window.name)
    return found
