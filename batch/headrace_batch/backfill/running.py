"""A backfill from its plan to its end: units are staged side by side, and each is a batch commit of its own.

Theory of operation. What is committed is done: a run that dies leaves whole units behind, and uploads that no reader
sees. Whatever else happens to the pipeline meanwhile is read from the batch chain before each commit. A unit whose
commits another one retired, or whose letters were mended, is planned again from what stands now.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from headrace_batch.backfill.planning import BOUNDS, Bounds, Unit, is_done, make_units
from headrace_batch.backfill.redriven import RedrivenPositions, redrives_of
from headrace_batch.backfill.staging import Made, Work, as_stream
from headrace_batch.committing import Draft, commit, new_attempt, upload
from headrace_batch.forget.forgotten import erased_by
from headrace_batch.place import Place
from headrace_batch.rewriting import without_commits
from headrace_consumers.commit.links import total as sum_of
from headrace_consumers.commitlog.model import Commit, CommitKind, Counts, Erasure
from headrace_consumers.commitlog.standing import Standing, moved_on
from headrace_consumers.errors import FencedError, GenerationRaisedError
from headrace_producers.errors import TerminalError, TransientError


class Stager(Protocol):
    """Does the work of units, `width` of them at a time."""

    @property
    def width(self) -> int: ...

    def stage(self, work: Work) -> Made:
        """Blocks until it is done; called by several threads."""
        ...


@dataclass(frozen=True, slots=True)
class Basis:
    """What others did to a unit's events, as far as it was known when its staging began."""

    redrives: frozenset[str]
    erased: tuple[Erasure, ...]


@dataclass(frozen=True, slots=True)
class Staging:
    """A unit in the hands of a task."""

    unit: Unit
    basis: Basis
    work: Work


@dataclass(frozen=True, slots=True)
class Progress:
    """After each commit."""

    done: int
    units: int
    counts: Counts
    """Of all that this run committed."""
    retired: int

    def __str__(self) -> str:
        return f"unit {self.done} of {self.units}, {self.counts.rows:,} rows, {self.retired:,} commits retired"


@dataclass(slots=True)
class Backfill:
    """Mutable: one run. `record` stands in each commit; where units are planned again, those of `done` are left."""

    place: Place
    standing: Standing
    record: str
    done: str
    told: Callable[[Progress], None]
    bounds: Bounds = BOUNDS
    progress: Progress = field(init=False, default=Progress(0, 0, Counts(), 0))
    _waiting: deque[Unit] = field(init=False, default_factory=deque)
    _positions: RedrivenPositions = field(init=False)

    def __post_init__(self) -> None:
        self._positions = RedrivenPositions(self.place)

    def run(self, units: Sequence[Unit], stager: Stager) -> Progress:
        """Returns when all of them are committed. Raises TerminalError, TransientError, GenerationRaisedError; what was
        committed before stands."""
        self.progress = Progress(0, len(units), Counts(), 0)
        self._waiting.extend(units)
        staging: dict[Future[Made], Staging] = {}
        with _pool(stager.width) as pool:
            while self._waiting or staging:
                while self._waiting and len(staging) < stager.width:
                    began = self._began(self._waiting.popleft())
                    staging[pool.submit(stager.stage, began.work)] = began
                for future in wait(staging, return_when=FIRST_COMPLETED).done:
                    self._finish(staging.pop(future), future.result())
        return self.progress

    @property
    def committed(self) -> Counts:
        """Of all that stands of `done`, earlier runs included; where there is none, of what this run committed."""
        if not self.done:
            return self.progress.counts
        commits = self.standing.commits.items()
        return sum_of({commit_id: commit.counts for commit_id, commit in commits if is_done(commit, self.done)})

    def _began(self, unit: Unit) -> Staging:
        basis = self._basis(unit)
        redriven = as_stream(self._positions.of(self.standing, basis.redrives))
        attempt_id = new_attempt(self.place)
        work = Work(attempt_id=attempt_id, sources=unit.sources, redriven=redriven, erased=basis.erased)
        return Staging(unit, basis, work)

    def _basis(self, unit: Unit) -> Basis:
        return Basis(redrives_of(self.standing, unit), erased_by(self.standing.commits.values()))

    def _finish(self, staging: Staging, made: Made) -> None:
        if made.failure:
            raise (TransientError if made.passes else TerminalError)(made.failure)
        self._catch_up()
        unit = staging.unit
        if not self._stands(unit) or self._basis(unit) != staging.basis:
            for file in made.files:
                self.place.store.abort(file)
            self._plan_again(unit)
            return
        try:
            self._commit(unit, staging.work.attempt_id, made)
        except GenerationRaisedError:
            raise
        except FencedError:
            self._plan_again(unit)

    def _catch_up(self) -> None:
        self.standing = moved_on(self.standing, list(self.place.chain.after(self.standing.position)))

    def _stands(self, unit: Unit) -> bool:
        staged = {source for commit_id in unit.retires for source in self.standing.sources.get(commit_id, ())}
        return staged == {source for source, _ in unit.sources}

    def _plan_again(self, unit: Unit) -> None:
        """By the whole log: what came first may stage commits of the stream that came after our plan."""
        self.standing = self.place.standing()
        mine = {source for source, _ in unit.sources}
        chosen = [
            self.standing.commits[commit_id]
            for commit_id, sources in self.standing.sources.items()
            if mine.intersection(sources) and not is_done(self.standing.commits[commit_id], self.done)
        ]
        again = list(make_units(self.standing, chosen, self.bounds))
        self._waiting.extend(again)
        done, units = self.progress.done, self.progress.units
        self.progress = Progress(done, units - 1 + len(again), self.progress.counts, self.progress.retired)

    def _commit(self, unit: Unit, attempt_id: str, made: Made) -> None:
        rewritten = without_commits(self.place, self.standing, unit.retires, attempt_id)
        files = made.files + upload(self.place, rewritten.files, attempt_id)
        draft = Draft(
            attempt_id=attempt_id,
            kind=CommitKind.BACKFILL,
            files=files,
            counts=made.counts,
            retires=unit.retires,
            replaces=rewritten.replaces,
            record=self.record,
            contracts=tuple(sorted(self.place.pipeline.tables_by_type)),
        )
        touched = frozenset((one.bucket, one.key) for one in rewritten.replaces)
        commit(self.place, draft, self.standing.position, lambda other: goes_with(unit, touched, other))
        self._catch_up()
        self._tell(unit, made.counts)

    def _tell(self, unit: Unit, counts: Counts) -> None:
        before = self.progress
        total = sum_of({"before": before.counts, "now": counts})
        self.progress = Progress(before.done + 1, before.units, total, before.retired + len(unit.retires))
        self.told(self.progress)


@contextmanager
def _pool(width: int) -> Iterator[ThreadPoolExecutor]:
    """Ctrl-C does not wait for what is being staged: it ends with its session."""
    pool = ThreadPoolExecutor(width)
    try:
        yield pool
    except KeyboardInterrupt:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    except BaseException:
        pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()


def goes_with(unit: Unit, touched: frozenset[tuple[str, str]], other: Commit) -> bool:
    """Whether the unit may still be committed behind this one: it neither took out, rewrote nor mended what the unit
    is made of, nor files that the unit rewrites, and made nobody forgotten."""
    return not (
        other.kind is CommitKind.FORGET
        or unit.commits.intersection(other.retires)
        or unit.commits.intersection(other.letters_of)
        or any(one.commit_id in unit.commits or (one.bucket, one.key) in touched for one in other.replaces)
    )
