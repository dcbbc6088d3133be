"""What every batch commit does: upload pending, append to the chain, complete, and only then take out what it retires.

Theory of operation. The transaction decides; all after it can be done again by whoever reads the chain. So each
command begins by settling what one before it left: files that are pending still, and files that are of the lake no
more. Between the two steps readers of bare paths may see old and new together, for as long as completing takes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from importlib.metadata import version

from msgspec.structs import replace

from headrace_batch.place import Place
from headrace_batch.side_by_side import CONNECTIONS, each
from headrace_consumers.commit.attempts import new_attempt_id
from headrace_consumers.commit.completing import complete_pending
from headrace_consumers.commitlog.batch import BATCH, NO_GENERATION, RAW_KEPT_FROM, Gone
from headrace_consumers.commitlog.model import Commit, CommitKind, Counts, Erasure, Replaced, is_raw
from headrace_consumers.errors import FencedError, GenerationRaisedError, MissingFileError
from headrace_consumers.lake.objects import EncodedFile, PendingFile
from headrace_consumers.records import ROOT

SETTLED = "batch settled up to"
"""The mark in the log."""
MAX_BYTES_IN_FLIGHT = 256 * 1024 * 1024


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
    erases: tuple[Erasure, ...] = ()
    record: str = ""
    contracts: tuple[str, ...] = ()


def new_attempt(place: Place) -> str:
    return new_attempt_id(place.now_ms())


def upload(place: Place, files: Iterable[EncodedFile], attempt_id: str) -> tuple[PendingFile, ...]:
    """Side by side; uploads begin while later files are still being made, and no more of these are in memory than
    MAX_BYTES_IN_FLIGHT and one."""
    done: list[PendingFile] = []
    waiting: deque[tuple[int, Future[PendingFile]]] = deque()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for file in files:
            waiting.append((len(file.body), pool.submit(_uploaded(place, attempt_id), file)))
            while sum(size for size, _ in waiting) > MAX_BYTES_IN_FLIGHT:
                done.append(waiting.popleft()[1].result())
        return tuple(done) + tuple(future.result() for _, future in waiting)


def _uploaded(place: Place, attempt_id: str) -> Callable[[EncodedFile], PendingFile]:
    within = copy_context()
    return lambda file: within.copy().run(place.store.upload_pending, file, attempt_id)


def commit(
    place: Place, draft: Draft, position: int, goes_with: Callable[[Commit], bool], fences: Sequence[str] = ()
) -> Commit:
    """Commits and settles. `position` is the chain's end by which the draft was planned, `goes_with` judges what came
    after it. Raises FencedError, GenerationRaisedError; the uploads are then aborted, for it can never stand."""
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
        erases=draft.erases,
        record=draft.record,
    )
    try:
        place.chain.append(written, position, goes_with, fences)
    except FencedError as error:
        if not _stands_all_the_same(place, draft, error):
            each(place.store.abort, draft.files)
            raise
    settle(place)
    return written


def _stands_all_the_same(place: Place, draft: Draft, error: FencedError) -> bool:
    """A raised generation is also what a try meets whose first answer was lost, long ago: only the log can tell."""
    if not isinstance(error, GenerationRaisedError):
        return False
    return place.log.commit(place.pipeline.name, NO_GENERATION, draft.attempt_id) is not None


def settle(place: Place) -> None:
    """Completes what batch commits left pending, then takes out what they retire and replace; safe to repeat, and
    beside others. Only later commits take out what one brought, so the chain is read from where it is settled. Raises
    MissingFileError where a file is lost that is still of the lake."""
    settled = int(place.log.marks(place.pipeline.name).get(SETTLED, ROOT))
    gone = Gone(place.chain, settled)
    fresh = gone.catch_up()
    if not fresh:
        return
    each(lambda named: _complete(place, gone, *named), [(one, file) for one in fresh for file in one.files])
    for one in fresh:
        _take_out_replaced(place, one.replaces)
        for commit_id in one.retires:
            _take_out_retired(place, commit_id)
    _mark(place, settled + len(fresh))


def _mark(place: Place, position: int) -> None:
    """Another settler may be further by now."""
    if position > int(place.log.marks(place.pipeline.name).get(SETTLED, ROOT)):
        place.log.mark(place.pipeline.name, SETTLED, str(position))


def _complete(place: Place, gone: Gone, commit: Commit, file: PendingFile) -> None:
    """Unless a later commit took it out, which may be while this looks."""
    if gone.has(commit.attempt_id, file.bucket, file.key):
        return
    try:
        complete_pending(place.store, replace(commit, files=(file,)))
    except MissingFileError:
        now = Gone(place.chain, gone.position)
        now.catch_up()
        if not now.has(commit.attempt_id, file.bucket, file.key):
            raise


def _take_out_replaced(place: Place, replaced: Sequence[Replaced]) -> None:
    """Their uploads are aborted first: whoever is about to complete one comes too late, and leaves nothing behind."""
    named = {one.commit_id for one in replaced}
    pending = {(file.bucket, file.key): file for commit in _found(place, named) for file in commit.files}
    each(lambda one: _take_out(place, one.bucket, one.key, pending.get((one.bucket, one.key))), replaced)


def _take_out_retired(place: Place, commit_id: str) -> None:
    """All files of a retired commit but the records as they came. What is pending of it is aborted: nobody may
    complete it later."""
    for retired in _found(place, [commit_id]):
        raw = tuple(file for file in retired.files if is_raw(retired, file))
        if not _raw_has_expired(place, commit_id):
            complete_pending(place.store, replace(retired, files=raw))
        rest = [file for file in retired.files if file not in raw]
        each(lambda file: _take_out(place, file.bucket, file.key, file), rest)


def _raw_has_expired(place: Place, commit_id: str) -> bool:
    """Attempt ids begin with their time."""
    return int(commit_id[:12], 16) < int(place.log.marks(place.pipeline.name).get(RAW_KEPT_FROM, "0"))


def _take_out(place: Place, bucket: str, key: str, file: PendingFile | None) -> None:
    if file is not None:
        place.store.abort(file)
    place.store.delete(bucket, key)


def _found(place: Place, commit_ids: Iterable[str]) -> list[Commit]:
    """Those that have not expired."""
    commits = each(lambda commit_id: find_commit(place, commit_id), sorted(commit_ids))
    return [commit for commit in commits if commit is not None]


def find_commit(place: Place, commit_id: str) -> Commit | None:
    """Whichever generation it is of; None where it has expired."""
    for generation in (NO_GENERATION, *range(place.generation, 0, -1)):
        found = place.log.commit(place.pipeline.name, generation, commit_id)
        if found is not None:
            return found
    return None
