"""Backfills in this process: the shipped run, its units done by the same function that Spark's tasks call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from headrace_batch.backfill.planning import BOUNDS, Bounds, make_plan
from headrace_batch.backfill.running import Backfill, Progress
from headrace_batch.backfill.span import Span
from headrace_batch.backfill.staging import Made, Work, do
from headrace_batch.place import Place

MAX_UNPACKED_BYTES = 4 * 1024 * 1024
ALWAYS = Span(0, 2**62)


@dataclass
class Here:
    """Stager in this process, a unit at a time. `between` happens when a unit is staged and not yet committed."""

    place: Place
    between: Callable[[Work], None] = lambda _work: None
    width: int = 1
    works: list[Work] = field(default_factory=list)

    def stage(self, work: Work) -> Made:
        self.works.append(work)
        made = do(self.place.pipeline, self.place.store, work, MAX_UNPACKED_BYTES)
        self.between(work)
        return made


def run(
    place: Place,
    span: Span = ALWAYS,
    *,
    bounds: Bounds = BOUNDS,
    done: str = "",
    between: Callable[[Work], None] = lambda _work: None,
    told: Callable[[Progress], None] = lambda _progress: None,
) -> Progress:
    """Plans and carries out."""
    plan = make_plan(place, span, done, bounds)
    backfill = Backfill(place, plan.standing, done or "a test", done, told, bounds)
    progress = backfill.run(plan.units, Here(place, between))
    standing = place.standing().commits.values()
    assert not done or backfill.committed.rows == sum(one.counts.rows for one in standing if one.record == done)
    return progress
