"""What a task does with a piece, wherever it runs."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from headrace_batch.handed.pieces import Piece, read_piece
from headrace_batch.handed.ranges import Ranged, S3Ranges
from headrace_batch.landing.forgotten import without_forgotten
from headrace_batch.landing.landing import landed_files
from headrace_batch.landing.refusing import RefusedFileError
from headrace_batch.landing.staging import Origin, stage_file
from headrace_consumers.commitlog.model import Erasure
from headrace_consumers.lake.inbox import Inbox
from headrace_consumers.lake.objects import EncodedFile, ObjectStore, PendingFile
from headrace_consumers.pipeline import Pipeline

OpenInbox = Callable[[], Inbox]


class Errands(msgspec.Struct, frozen=True, kw_only=True):
    """All that the tasks of one file share."""

    source: str
    bucket: str
    key: str
    etag: str
    bytes: int
    sha256: str
    arrived_us: int
    as_of_us: int
    attempt_id: str
    erased: tuple[Erasure, ...]

    def opened(self, inbox: Inbox) -> Ranged:
        return S3Ranges(inbox, self.bucket, self.key, self.etag, self.bytes)


class Staged(msgspec.Struct, frozen=True, kw_only=True):
    """What a piece came to: files that are uploaded, and that no reader sees. Or why the file is refused."""

    files: tuple[PendingFile, ...] = ()
    rows: int = 0
    letters: int = 0
    reason: str = ""
    sentence: str = ""


def stage_piece(pipeline: Pipeline, store: ObjectStore, inbox: Inbox, job: Errands, piece: Piece) -> Staged:
    """Blocks on the network. Raises HeadraceError for what is wrong with the place."""
    source = pipeline.landing(job.source)
    if source is None:
        raise LookupError(job.source)
    origin = Origin(job.source, job.sha256, job.arrived_us)
    try:
        blocks = read_piece(job.opened(inbox), piece, source)
        staged = stage_file(pipeline, source, blocks, origin, job.as_of_us)
    except RefusedFileError as refused:
        return Staged(reason=refused.reason.value, sentence=refused.sentence)
    staged = without_forgotten(source.table, staged, job.erased)
    made = landed_files(pipeline, source, staged, job.attempt_id)
    files = tuple(store.upload_pending(_numbered(file, piece.number), job.attempt_id) for file in made)
    return Staged(files=files, rows=staged.rows.num_rows, letters=staged.letters.num_rows)


def _numbered(file: EncodedFile, number: int) -> EncodedFile:
    """Each piece has files of its own."""
    return msgspec.structs.replace(file, key=f"{file.key.removesuffix('.parquet')}-{number:05}.parquet")
