"""Where a pipeline's objects lie. Tables are the pipeline's own: no two pipelines share one in a bucket."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from headrace_consumers.lake.listing import LakeListing, Listed
from headrace_consumers.pipeline import Pipeline
from headrace_consumers.windows_service.files import state_table


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The buckets."""

    raw: str
    processed: str
    curated: str


def tables_of(pipeline: Pipeline) -> tuple[str, ...]:
    """In the processed zone."""
    return (*(table.name for table in pipeline.lake_tables), pipeline.dead_letter_table, pipeline.late_table)


def curated_tables_of(pipeline: Pipeline) -> tuple[str, ...]:
    return (pipeline.partials_table, *(window.name for window in pipeline.windows))


def listed_objects(
    listing: LakeListing, pipeline: Pipeline, buckets: Kept, transforms: Sequence[str] = ()
) -> Iterator[Listed]:
    """Without the windows service's state: it sweeps that itself, by its manifest."""
    for bucket, folder in _folders(pipeline, buckets, transforms):
        yield from listing.objects(bucket, folder)


def listed_uploads(
    listing: LakeListing, pipeline: Pipeline, buckets: Kept, transforms: Sequence[str] = ()
) -> Iterator[Listed]:
    for bucket, folder in (
        *_folders(pipeline, buckets, transforms),
        (buckets.curated, f"{state_table(pipeline.name)}/"),
    ):
        yield from listing.uploads(bucket, folder)


def _folders(pipeline: Pipeline, buckets: Kept, transforms: Sequence[str]) -> Iterator[tuple[str, str]]:
    for part in ("arrival_date=", "lanes/", "commits/"):
        yield buckets.raw, f"{pipeline.name}/{part}"
    yield from ((buckets.processed, f"{table}/") for table in tables_of(pipeline))
    yield from ((buckets.curated, f"{table}/") for table in (*curated_tables_of(pipeline), *transforms))
