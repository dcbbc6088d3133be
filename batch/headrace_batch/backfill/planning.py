"""Which commits a backfill takes the place of, and in which portions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from headrace_batch.backfill.raw_files import Source, require_whole
from headrace_batch.backfill.span import Span, Spans
from headrace_batch.place import Place
from headrace_consumers.commitlog.model import Commit, CommitKind
from headrace_consumers.commitlog.standing import Standing
from headrace_consumers.errors import LogError
from headrace_consumers.lake.objects import PendingFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Of one unit: what a task holds in memory, and how much one batch commit moves. A commit over them is alone."""

    commits: int = 64
    rows: int = 1_000_000
    bytes: int = 64 * 1024 * 1024
    """Of raw files, which are compressed."""


BOUNDS = Bounds()


@dataclass(frozen=True, slots=True)
class Unit:
    """What one batch commit brings: standing commits to retire, and the raw files of the commits that they stage."""

    retires: tuple[str, ...]
    sources: tuple[Source, ...]
    rows: int
    """That are to be retired."""

    @property
    def bytes(self) -> int:
        return sum(file.bytes for _, file in self.sources)

    @property
    def commits(self) -> frozenset[str]:
        """All ids by which others may speak of what this unit is made of."""
        return frozenset(self.retires) | {commit_id for commit_id, _ in self.sources}


@dataclass(frozen=True, slots=True)
class Plan:
    units: Sequence[Unit]
    standing: Standing
    """By which it was made."""
    bounds: Bounds

    @property
    def commits(self) -> int:
        return sum(len(unit.retires) for unit in self.units)

    @property
    def rows(self) -> int:
        return sum(unit.rows for unit in self.units)


def make_plan(place: Place, span: Span, done: str = "", bounds: Bounds = BOUNDS) -> Plan:
    """Units in the order of their records' arrival. Whole commits are taken, with all that a standing backfill of
    theirs covers; what backfills of the record `done` brought is left. Blocks on the network; raises LogError where
    records of the span are not to be had any more."""
    standing = place.standing()
    spans = Spans(place, standing)
    spans.require_links(span)
    chosen = [
        commit
        for commit in standing.commits.values()
        if commit.attempt_id in standing.sources and not is_done(commit, done)
        and any(spans.meets(source, span) for source in standing.sources[commit.attempt_id])
    ]  # fmt: skip
    units = list(make_units(standing, chosen, bounds))
    require_whole(place.store, (source for unit in units for source in unit.sources))
    return Plan(units, standing, bounds)


def is_done(commit: Commit, record: str) -> bool:
    return bool(record) and commit.kind is CommitKind.BACKFILL and commit.record == record


def make_units(standing: Standing, commits: Iterable[Commit], bounds: Bounds = BOUNDS) -> Iterator[Unit]:
    """Commits that arrived together share a unit, up to the bounds."""
    held: list[Unit] = []
    for unit in sorted((_unit_of(standing, commit) for commit in commits), key=lambda unit: _arrived(standing, unit)):
        if held and not _fits(_together([*held, unit]), bounds):
            yield _together(held)
            held = []
        held.append(unit)
    if held:
        yield _together(held)


def _unit_of(standing: Standing, commit: Commit) -> Unit:
    sources = tuple((source, _raw(standing, source)) for source in standing.sources[commit.attempt_id])
    return Unit((commit.attempt_id,), sources, commit.counts.rows)


def _raw(standing: Standing, source: str) -> PendingFile:
    if source not in standing.raw:
        raise LogError(f"commit {source} names no raw file, so its records cannot be staged once more")
    return standing.raw[source]


def _fits(unit: Unit, bounds: Bounds) -> bool:
    return len(unit.sources) <= bounds.commits and unit.rows <= bounds.rows and unit.bytes <= bounds.bytes


def _together(units: Sequence[Unit]) -> Unit:
    retires = tuple(commit_id for unit in units for commit_id in unit.retires)
    return Unit(retires, tuple(one for unit in units for one in unit.sources), sum(unit.rows for unit in units))


def _arrived(standing: Standing, unit: Unit) -> tuple[int, str]:
    latest_ms = max(link.arrival_ms for source, _ in unit.sources for link in standing.links[source])
    return latest_ms, unit.retires[0]
