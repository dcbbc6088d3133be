"""What a rewind did, or would do, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from headrace_batch.rewind.planning import Cut, RewindPlan
from headrace_batch.rewind.points import Point, iso


class ShardCut(msgspec.Struct, frozen=True, kw_only=True):
    """Where one shard goes on."""

    shard_id: str
    position: str | None
    """The last sequence number that stays; null where all goes."""
    arrived_at: str | None
    ended: bool
    """It was read to its end, and stays so."""
    links: int
    """So many are superseded."""


class RewindReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was done, or would be."""

    pipeline: str
    to: str
    generation: int
    """The one that workers commit in afterwards."""
    dry_run: bool
    commits: int
    """Of the stream, superseded."""
    batch_commits: int
    """Backfills and redrives, superseded with them."""
    rows: int
    """Of all of them: so many leave lake and warehouse, but for those of people who were forgotten."""
    records: int
    """Of the stream's; those of a backfill came with commits that it superseded itself."""
    start: str
    """From where workers read the stream."""
    shards: tuple[ShardCut, ...]


def report_of(pipeline: str, point: Point, generation: int, plan: RewindPlan, *, dry_run: bool) -> RewindReport:
    retired = set(plan.superseded.retires)
    counts = [commit.counts for commit in plan.commits.values() if commit.attempt_id in retired]
    return RewindReport(
        pipeline=pipeline,
        to=str(point),
        generation=generation,
        dry_run=dry_run,
        commits=len(counts),
        batch_commits=len(plan.superseded.batch),
        rows=sum(count.rows for count in counts) + sum(bond.rows for bond in plan.superseded.batch.values()),
        records=sum(count.records for count in counts),
        start=plan.start,
        shards=tuple(_shard(cut) for cut in sorted(plan.cuts, key=lambda cut: cut.shard_id)),
    )


def _shard(cut: Cut) -> ShardCut:
    return ShardCut(
        shard_id=cut.shard_id,
        position=str(cut.tip.position) if cut.tip else None,
        arrived_at=iso(cut.tip.arrival_ms) if cut.tip else None,
        ended=cut.children is not None,
        links=cut.links,
    )


def sentences(report: RewindReport) -> Iterator[str]:
    """A line for the whole, and one for each shard."""
    if not report.commits and not report.batch_commits:
        yield f"no commit of {report.pipeline} has a record at or after {report.to}: there is nothing to go back on"
        return
    would = "would be " if report.dry_run else ""
    yield (
        f"{report.pipeline}, back to {report.to}: {report.commits} commits of {report.records:,} records, and "
        f"{report.batch_commits} of batch, {would}superseded, {report.rows:,} rows in all; generation "
        f"{report.generation} reads from {report.start}"
    )
    for shard in report.shards:
        place = f"after {shard.position}, which arrived {shard.arrived_at}" if shard.position else "from its beginning"
        yield f"{shard.shard_id}: {shard.links} links superseded, " + ("ended" if shard.ended else f"goes on {place}")
