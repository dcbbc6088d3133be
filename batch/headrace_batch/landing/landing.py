"""Landing one file: read it, check it, keep it, and commit its rows and letters, once for each content.

Theory of operation. A fence of the batch chain is called by the file's digest, and stands in the very transaction that
commits its rows. So a file that is sent twice, under whatever name, or landed by two at once, is in the tables once;
and whoever died between any two steps left nothing but what the next one does again, or settles.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import msgspec

from headrace_batch.committing import Draft, commit, new_attempt, upload
from headrace_batch.forget.forgotten import erased_by
from headrace_batch.landing.arriving import Arrived
from headrace_batch.landing.correcting import Leaving, leaving
from headrace_batch.landing.forgotten import without_forgotten
from headrace_batch.landing.keeping import keep, keep_errand, keep_refused
from headrace_batch.landing.reading import read_blocks
from headrace_batch.landing.refusing import Reason, RefusedFileError
from headrace_batch.landing.staging import Origin, StagedFile, stage_file
from headrace_batch.landing.verdicts import Outcome, Verdict
from headrace_batch.place import Place
from headrace_consumers.commitlog.model import Commit, CommitKind, Counts
from headrace_consumers.errors import FencedError, GenerationRaisedError, MissingFileError
from headrace_consumers.lake.encode import dead_letter_file, partial_files, table_files
from headrace_consumers.lake.objects import EncodedFile, PendingFile
from headrace_consumers.landing import LandingSource
from headrace_consumers.pipeline import Pipeline
from headrace_consumers.records import ROOT


def land(
    place: Place,
    source: LandingSource,
    file: Arrived,
    *,
    as_of: datetime | None = None,
    instead_of: str = "",
    dry_run: bool = False,
) -> Verdict:
    """`instead_of` names a commit that landed: its rows leave as these come. Blocks on the network. Raises
    HeadraceError for what is wrong with the place, never for what is in the file."""
    body: bytes | None = None
    verdict = Verdict(outcome=Outcome.REFUSED, source=source.name, file=file.name, bytes=file.size_bytes)
    try:
        _check_size(source, file)
        if file.size_bytes > source.limits.max_bytes:
            kept = "" if dry_run else keep_errand(place, source.name, file, as_of=as_of, instead_of=instead_of)
            return _handed_on(source, file, _told(verdict, kept=kept))
        body = _read(file)
        verdict = _told(verdict, sha256=hashlib.sha256(body).hexdigest())
        if (before := landed_before(place, verdict)) is not None:
            return before
        origin = Origin(source.name, verdict.sha256, _us(file.time))
        staged = stage_file(place.pipeline, source, read_blocks(body, source), origin, _us(as_of or file.time))
    except RefusedFileError as refused:
        verdict = _told(verdict, reason=refused.reason.value, sentence=refused.sentence)
        return verdict if dry_run else keep_refused(place, verdict, body)
    attempt_id = new_attempt(place)
    gone = leaving(place, source, instead_of, attempt_id)
    staged = without_forgotten(source.table, staged, erased_by(place.chain.after(ROOT)))
    verdict = _told(verdict, rows=staged.rows.num_rows, letters=staged.letters.num_rows)
    if dry_run:
        return _told(verdict, outcome=Outcome.WOULD_LAND)
    kept = keep(place, source.name, verdict.sha256, body)
    files = upload(place, landed_files(place.pipeline, source, staged, attempt_id), attempt_id)
    return commit_landed(place, source, files, gone, _told(verdict, kept=kept, commit_id=attempt_id))


def refuse(place: Place, verdict: Verdict, *, dry_run: bool = False) -> Verdict:
    """Of what was never a file to read: keeps the verdict."""
    return verdict if dry_run else keep_refused(place, verdict, None)


def fence_name(source: str, sha256: str) -> str:
    return f"landed {source} {sha256}"


def _check_size(source: LandingSource, file: Arrived) -> None:
    if not file.size_bytes:
        raise RefusedFileError(Reason.EMPTY, "the file has no bytes")
    if file.size_bytes > source.limits.max_handed_bytes:
        raise RefusedFileError(
            Reason.TOO_BIG,
            f"it has {file.size_bytes} bytes; source {source.name} takes {source.limits.max_handed_bytes}",
        )


def _read(file: Arrived) -> bytes:
    try:
        return file.read()
    except MissingFileError as error:
        raise RefusedFileError(Reason.MISSING, str(error)) from None


def commit_landed(
    place: Place, source: LandingSource, files: tuple[PendingFile, ...], gone: Leaving, verdict: Verdict
) -> Verdict:
    """What became of the file of the verdict, whose rows and letters these files are. Raises FencedError."""
    attempt_id = verdict.commit_id
    files += upload(place, gone.rewritten.files, attempt_id)
    draft = Draft(
        attempt_id=attempt_id,
        kind=CommitKind.LANDING,
        files=files,
        counts=Counts(records=1, events=verdict.rows + verdict.letters, rows=verdict.rows,
                      dead_letters=verdict.letters),
        record=f"landed {verdict.file}, kept as {verdict.kept}",
        contracts=(source.table.contract.type,),
        retires=gone.retires,
        replaces=gone.rewritten.replaces,
    )  # fmt: skip
    fences = (fence_name(source.name, verdict.sha256),)
    try:
        commit(place, draft, gone.position, _goes_with(source, gone), fences)
    except GenerationRaisedError:
        raise
    except FencedError:
        if (before := landed_before(place, verdict)) is None:
            raise
        return before
    return _told(verdict, outcome=Outcome.LANDED)


def _goes_with(source: LandingSource, gone: Leaving) -> Callable[[Commit], bool]:
    """What leaves must be as it was, and nobody of the table forgotten since."""
    leaves = gone.goes_with()
    return lambda other: leaves(other) and all(one.table != source.table.name for one in other.erases)


def landed_files(
    pipeline: Pipeline, source: LandingSource, staged: StagedFile, attempt_id: str
) -> Iterator[EncodedFile]:
    """As the stream's: rows, what they add to windows, letters. None is late: a file has no order to be late in."""
    if staged.rows.num_rows:
        yield from table_files(source.table, staged.rows, attempt_id)
        for window in pipeline.windows:
            if window.table == source.table.name:
                yield from partial_files(pipeline, window, staged.rows, attempt_id)
    if staged.letters.num_rows:
        yield dead_letter_file(pipeline, staged.letters, attempt_id)


def landed_before(place: Place, verdict: Verdict) -> Verdict | None:
    """By the fence of its content."""
    link = place.chain.fence(fence_name(verdict.source, verdict.sha256))
    return _told(verdict, outcome=Outcome.LANDED_BEFORE, commit_id=link.attempt_id) if link else None


def _handed_on(source: LandingSource, file: Arrived, verdict: Verdict) -> Verdict:
    sentence = f"{file.size_bytes} bytes are more than {source.limits.max_bytes}, what one process takes"
    return _told(verdict, outcome=Outcome.HANDED_ON, sentence=sentence)


def _us(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp() * 1_000_000)


def _told(verdict: Verdict, **changes: object) -> Verdict:
    return msgspec.structs.replace(verdict, **changes)
