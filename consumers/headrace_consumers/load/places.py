"""Which files of a pipeline belong into the warehouse."""

from __future__ import annotations

from headrace_consumers.load.waiting import TablePlace
from headrace_consumers.pipeline import Pipeline
from headrace_consumers.settings import LakeSettings


def places_of(pipeline: Pipeline, lake: LakeSettings) -> frozenset[TablePlace]:
    """Rows of tables, and windows that are out; letters, partials and raw records stay in the lake."""
    tables = {TablePlace(table.name, lake.processed_bucket) for table in pipeline.lake_tables}
    return frozenset(tables | {TablePlace(window.name, lake.curated_bucket) for window in pipeline.windows})
