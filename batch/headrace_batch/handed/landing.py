"""Landing files that were handed on: each is one commit, as if one process had landed it, and its record then goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import msgspec

from headrace_batch.committing import new_attempt
from headrace_batch.forget.forgotten import erased_by
from headrace_batch.handed.cutting import Cut, cut_file
from headrace_batch.handed.pieces import Piece
from headrace_batch.handed.ranges import S3Ranges
from headrace_batch.handed.tasks import Errands, Staged
from headrace_batch.landing.arriving import split_url
from headrace_batch.landing.correcting import Leaving, leaving
from headrace_batch.landing.keeping import Errand, errands_folder, keep_refused
from headrace_batch.landing.landing import commit_landed, landed_before
from headrace_batch.landing.refusing import Reason, RefusedFileError
from headrace_batch.landing.verdicts import Outcome, Verdict
from headrace_batch.place import Place
from headrace_consumers.lake.inbox import Inbox
from headrace_consumers.lake.listing import LakeListing, Listed
from headrace_consumers.landing import LandingSource
from headrace_consumers.pipeline import Pipeline
from headrace_consumers.records import ROOT

CutFile = Callable[[S3Ranges, LandingSource], Cut]


class Stage(Protocol):
    """Stages all pieces of a file, by many tasks."""

    def __call__(self, job: Errands, pieces: Sequence[Piece]) -> Sequence[Staged]: ...


@dataclass(frozen=True, slots=True)
class Handed:
    """A record that waits, and where it lies."""

    errand: Errand
    record: Listed


def waiting(place: Place, listing: LakeListing, raw_bucket: str) -> Iterator[Handed]:
    """Blocks on the network."""
    for found in listing.objects(raw_bucket, errands_folder(place)):
        body = place.store.read(found.bucket, found.key)
        yield Handed(msgspec.json.decode(body, type=Errand), found)


def land_handed(place: Place, inbox: Inbox, handed: Handed, stage: Stage, cut: CutFile = cut_file) -> Verdict:
    """Safe to repeat, and beside others: the content's fence decides. Raises HeadraceError for what is wrong with the
    place; the record then stays."""
    errand = handed.errand
    verdict = Verdict(outcome=Outcome.REFUSED, source=errand.source, file=errand.file, bytes=errand.bytes)
    try:
        source, file = _source(place.pipeline, errand), _file(inbox, errand)
        found = cut(file, source)
        verdict = msgspec.structs.replace(verdict, sha256=found.sha256, kept=errand.file)
        before = landed_before(place, verdict)
        verdict = before or _landed(_Landing(place, source, file, errand), found.pieces, verdict, stage)
    except RefusedFileError as refused:
        said = {"reason": refused.reason.value, "sentence": refused.sentence}
        verdict = keep_refused(place, msgspec.structs.replace(verdict, **said), None)
    place.store.delete(handed.record.bucket, handed.record.key)
    return verdict


@dataclass(frozen=True, slots=True)
class _Landing:
    place: Place
    source: LandingSource
    file: S3Ranges
    errand: Errand

    def job(self, sha256: str, attempt_id: str) -> Errands:
        came = datetime.fromisoformat(self.errand.time)
        as_of = datetime.fromisoformat(self.errand.as_of) if self.errand.as_of else came
        return Errands(
            source=self.source.name, bucket=self.file.bucket, key=self.file.key, etag=self.file.etag,
            bytes=self.file.size_bytes, sha256=sha256, arrived_us=_us(came), as_of_us=_us(as_of),
            attempt_id=attempt_id, erased=erased_by(self.place.chain.after(ROOT)),
        )  # fmt: skip


def _landed(landing: _Landing, pieces: Sequence[Piece], verdict: Verdict, stage: Stage) -> Verdict:
    place, source = landing.place, landing.source
    attempt_id = new_attempt(place)
    gone = leaving(place, source, landing.errand.instead_of, attempt_id)
    staged = stage(landing.job(verdict.sha256, attempt_id), pieces)
    return _committed(place, source, gone, msgspec.structs.replace(verdict, commit_id=attempt_id), staged)


def _committed(
    place: Place, source: LandingSource, gone: Leaving, verdict: Verdict, staged: Sequence[Staged]
) -> Verdict:  # fmt: skip
    files = tuple(file for one in staged for file in one.files)
    refused = next((one for one in staged if one.reason), None)
    if refused is not None:
        with ThreadPoolExecutor() as pool:
            list(pool.map(place.store.abort, files))
        raise RefusedFileError(Reason(refused.reason), refused.sentence)
    counted = {"rows": sum(one.rows for one in staged), "letters": sum(one.letters for one in staged)}
    return commit_landed(place, source, files, gone, msgspec.structs.replace(verdict, **counted))


def _source(pipeline: Pipeline, errand: Errand) -> LandingSource:
    source = pipeline.landing(errand.source)
    if source is None:
        raise RefusedFileError(Reason.UNKNOWN_SOURCE, f"no landing source is called {errand.source!r}")
    return source


def _file(inbox: Inbox, errand: Errand) -> S3Ranges:
    if not errand.file.startswith("s3://"):
        raise RefusedFileError(Reason.MISSING, "tasks cannot read it where it is: put it into S3, and land it there")
    bucket, key = split_url(errand.file)
    head = inbox.head(bucket, key)
    if head is None:
        raise RefusedFileError(Reason.MISSING, "it is not there any more")
    if head.bytes != errand.bytes or head.modified != datetime.fromisoformat(errand.time):
        raise RefusedFileError(Reason.OTHER_SIZE, "it is another object than the one that was handed on")
    return S3Ranges(inbox, bucket, key, head.etag, head.bytes)


def _us(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)
