"""What every batch commit does: upload pending, append to the chain, complete, and only then take out what it retires.

Theory of operation. The transaction decides; all after it can be done again by whoever reads the chain. So each
command begins by settling what one before it left: files that are pending still, and files that are of the lake no
more. Between the two steps readers of bare paths may see old and new together, for as long as completing takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version

from msgspec.structs import replace

from headrace_batch.place import Place
from headrace_consumers.commit.attempts import new_attempt_id
from headrace_consumers.commit.completing import complete_pending
from headrace_consumers.commitlog.batch import BATCH, NO_GENERATION, Gone
from headrace_consumers.commitlog.model import Commit, CommitKind, Counts, Replaced
from headrace_consumers.errors import FencedError, GenerationRaisedError
from headrace_consumers.lake.objects import EncodedFile, PendingFile
from headrace_consumers.records import ROOT

SETTLED = "batch settled up to"
"""The mark in the log."""
_CONNECTIONS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A commit in the making: its files are uploaded, and no reader sees them."""

    attempt_id: str
    kind: CommitKind
    files: tuple[PendingFile, ...]
    counts: Counts = field(default_factory=Counts)
    retires: tuple[str, ...] = ()
    replaces: tuple[Replaced, ...] = ()
    letters_of: tuple[str, ...] = ()
    record: str = ""
    contracts: tuple[str, ...] = ()


def new_attempt(place: Place) -> str:
    return new_attempt_id(place.now_ms())


def upload(place: Place, files: Iterable[EncodedFile], attempt_id: str) -> tuple[PendingFile, ...]:
    """Side by side; uploads begin while later files are still being made."""
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        return tuple(pool.map(lambda file: place.store.upload_pending(file, attempt_id), files))


def commit(
    place: Place, draft: Draft, position: int, goes_with: Callable[[Commit], bool], fences: Sequence[str] = ()
) -> Commit:
    """Commits and settles. `position` is the chain's end by which the draft was planned, `goes_with` judges what came
    after it. Raises FencedError, GenerationRaisedError; the uploads are then aborted."""
    written = Commit(
        attempt_id=draft.attempt_id,
        pipeline=place.pipeline.name,
        generation=NO_GENERATION,
        files=draft.files,
        shards=(BATCH,),
        contracts=draft.contracts,
        code_version=version("headrace-batch"),
        written_ms=place.now_ms(),
        counts=draft.counts,
        kind=draft.kind,
        retires=draft.retires,
        replaces=draft.replaces,
        letters_of=draft.letters_of,
        record=draft.record,
    )
    try:
        place.chain.append(written, position, goes_with, fences)
    except (FencedError, GenerationRaisedError):
        for file in draft.files:
            place.store.abort(file)
        raise
    settle(place)
    return written


def settle(place: Place) -> None:
    """Completes what batch commits left pending, then deletes what they took out; safe to repeat, and beside others."""
    settled = int(place.log.marks(place.pipeline.name).get(SETTLED, ROOT))
    gone = Gone(place.chain)
    batch = gone.catch_up()
    fresh = batch[settled:]
    if not fresh:
        return
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        complete_pending(place.store, *(_standing(one, gone) for one in fresh), pool=pool)
        for one in fresh:
            list(pool.map(lambda file: place.store.delete(file.bucket, file.key), one.replaces))
            for commit_id in one.retires:
                _take_out(place, commit_id, pool)
    place.log.mark(place.pipeline.name, SETTLED, str(gone.position))


def _standing(commit: Commit, gone: Gone) -> Commit:
    files = tuple(file for file in commit.files if not gone.has(commit.attempt_id, file.bucket, file.key))
    return replace(commit, files=files)


def _take_out(place: Place, commit_id: str, pool: ThreadPoolExecutor) -> None:
    """All files of a retired commit but the records as they came. What is pending of it is aborted: nobody may
    complete it later."""
    retired = find_commit(place, commit_id)
    if retired is None:
        return
    raw = [file for file in retired.files if is_raw(retired, file)]
    complete_pending(place.store, replace(retired, files=tuple(raw)))
    rest = [file for file in retired.files if file not in raw]
    list(pool.map(place.store.abort, rest))
    list(pool.map(lambda file: place.store.delete(file.bucket, file.key), rest))


def find_commit(place: Place, commit_id: str) -> Commit | None:
    """Whichever generation it is of; None where it has expired."""
    for generation in (NO_GENERATION, *range(place.generation, 0, -1)):
        found = place.log.commit(place.pipeline.name, generation, commit_id)
        if found is not None:
            return found
    return None


def is_raw(commit: Commit, file: PendingFile) -> bool:
    """Whether the file has records as they came; a table may be called as the pipeline."""
    return file.table == commit.pipeline and file.partition.startswith("arrival_date=")
