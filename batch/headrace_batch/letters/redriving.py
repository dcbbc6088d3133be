"""Redrive: letters become rows, and leave their files, in one commit of the batch chain.

Theory of operation. What may be redriven is what stands in the letters' files; the commit that brings a letter's row
also replaces the file that the letter was in. So of two who redrive the same letter one finds that file replaced, and
plans anew; and what is done leaves nothing that could be done again. Letters that stay wrong stay where they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace_batch.committing import Draft, commit, new_attempt, upload
from headrace_batch.forget.forgotten import erased_by
from headrace_batch.letters.filters import LetterFilter
from headrace_batch.letters.fixing import Fix
from headrace_batch.letters.reading import ReadFile, letter_files, read_files
from headrace_batch.letters.report import RedriveReport
from headrace_batch.letters.restaging import Restaged, restage
from headrace_batch.letters.units import Unit, UnitLimits, units, up_to
from headrace_batch.place import Place
from headrace_batch.rewriting import Rewriting
from headrace_consumers.commitlog.model import Commit, CommitKind, Counts
from headrace_consumers.errors import FencedError, GenerationRaisedError
from headrace_consumers.lake.encode import encode_rows
from headrace_consumers.lake.objects import EncodedFile

MAX_PLANS = 5
"""How often others may come first before this gives up."""


@dataclass(frozen=True, kw_only=True)
class RedrivePlan:
    """What is to be redriven, how, and why."""

    wanted: LetterFilter
    fix: Fix
    max_unpacked_bytes: int
    limit: int = 0
    """At most so many letters; 0 for all."""
    dry_run: bool = False
    why: str = ""
    unit: UnitLimits = field(default_factory=UnitLimits)


def redrive(place: Place, plan: RedrivePlan, tell: Callable[[RedriveReport], None]) -> RedriveReport:
    """Redrives unit by unit, each a commit of its own; `tell` hears of each. Run again after whatever ended it. Raises
    FencedError where others came first over and over, GenerationRaisedError after a rewind."""
    report = RedriveReport(dry_run=plan.dry_run)
    for attempt in range(1, MAX_PLANS + 1):
        try:
            for found in _planned(place, plan, report):
                report = found
                tell(report)
        except GenerationRaisedError:
            raise
        except FencedError:
            if attempt == MAX_PLANS:
                raise
            report = report.planned_anew()
        else:
            break
    return report


def _planned(place: Place, plan: RedrivePlan, report: RedriveReport) -> Iterator[RedriveReport]:
    """By the lake as it stands now: the report after each unit."""
    standing = place.standing()
    files = letter_files(standing, place.pipeline.dead_letter_table, plan.wanted)
    erasures = erased_by(standing.commits.values())
    left = plan.limit - report.redriven - report.forgotten if plan.limit else None
    for unit in units(up_to(read_files(place, files, plan.wanted), left), plan.unit, _rereadable_us(place)):
        letters = pa.concat_tables([found.chosen for found in unit.files])
        restaged = restage(place.pipeline, letters, plan.fix, plan.max_unpacked_bytes, erasures)
        written = None
        if len(restaged.leaving) and not plan.dry_run:
            written = _commit(place, plan, unit, restaged, standing.position)
        report = report.after(letters, restaged, written)
        yield report


def _rereadable_us(place: Place) -> int:
    """What arrived then or later a rewind can have read again."""
    return (place.now_ms() - place.stream.identity().retention_hours * 3_600_000) * 1000


def _commit(place: Place, plan: RedrivePlan, unit: Unit, restaged: Restaged, position: int) -> Commit:
    attempt_id = new_attempt(place)
    touched = _touched(unit, restaged)
    draft = Draft(
        attempt_id=attempt_id,
        kind=CommitKind.REDRIVE,
        files=upload(place, _files(place, attempt_id, restaged, touched), attempt_id),
        counts=Counts(events=restaged.rows.rows, rows=restaged.rows.rows),
        replaces=tuple(found.source.replaced for found, _ in touched),
        letters_of=tuple(sorted({text for found, gone in touched for text in _origins(found.letters.filter(gone))})),
        record=plan.why,
        contracts=tuple(sorted(place.pipeline.tables_by_type)),
    )
    return commit(place, draft, position, unit.goes_with)


def _touched(unit: Unit, restaged: Restaged) -> list[tuple[ReadFile, pa.Array]]:
    """Files with letters that leave them, and which rows of the file these are."""
    found, begin = [], 0
    leaving = restaged.leaving
    for one in unit.files:
        meant = np.flatnonzero(one.meant)
        mine = leaving[(leaving >= begin) & (leaving < begin + len(meant))] - begin
        begin += len(meant)
        if len(mine):
            gone = np.zeros_like(one.meant)
            gone[meant[mine]] = True
            found.append((one, pa.array(gone)))
    return found


def _files(
    place: Place, attempt_id: str, restaged: Restaged, touched: Iterable[tuple[ReadFile, pa.Array]]
) -> Iterator[EncodedFile]:
    yield from encode_rows(place.pipeline, restaged.rows, attempt_id)
    for found, gone in touched:
        left = Rewriting(found.letters.schema, found.origin)
        left.write(found.letters.filter(pc.invert(gone)))
        yield from left.close(found.source.file, "processed", attempt_id)


def _origins(letters: pa.Table) -> list[str]:
    origins: list[str] = letters["commit_id"].unique().to_pylist()
    return origins
