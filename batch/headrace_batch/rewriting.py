"""Files of the lake written anew: fewer rows of one, or the same rows of many in one.

A rewritten file says in its footer whose rows it has, and where they came from first; so it can be judged, and written
anew once more, when their commits have expired. Tables of rows name the commit of each row. Partials name none: they
are never merged, and one that is rewritten stays the partials of one commit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headrace_batch.place import Place
from headrace_consumers.commitlog.batch import Gone
from headrace_consumers.commitlog.model import Commit, CommitKind, Replaced, is_raw
from headrace_consumers.commitlog.standing import Standing
from headrace_consumers.errors import FencedError, MissingFileError
from headrace_consumers.lake.objects import EncodedFile, PendingFile
from headrace_consumers.lake.parquet import ROW_GROUP_ROWS, ParquetFile, read_footer, said
from headrace_consumers.lake.rewritten import rewritten_key

T = TypeVar("T")
COMMIT_ID = "commit_id"
_ATTEMPT = b"headrace.attempt_id"
_COMMITS = b"headrace.commits"
_ORIGIN = b"headrace.origin"
Keep = Callable[[pa.Table], pa.Array | pa.ChunkedArray]
"""Which rows stay, as booleans."""


class Origin(StrEnum):
    """Where rows came from first. Files of two origins are never made one: who takes back what a stream brought must
    not take a letter that was mended with it."""

    STREAM = "stream"
    """Also what a backfill staged once more."""
    LANDING = "landing"
    REDRIVE = "redrive"
    UNKNOWN = ""


_ORIGINS = {
    CommitKind.STREAM: Origin.STREAM,
    CommitKind.BACKFILL: Origin.STREAM,
    CommitKind.LANDING: Origin.LANDING,
    CommitKind.REDRIVE: Origin.REDRIVE,
}


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What a commit replaces, and the files with the rows that stay."""

    replaces: tuple[Replaced, ...] = ()
    files: tuple[EncodedFile, ...] = ()


@dataclass(frozen=True, slots=True)
class StandingFile:
    """One file of the lake, and the commit that named it."""

    commit: Commit
    file: PendingFile

    @property
    def replaced(self) -> Replaced:
        return Replaced(self.commit.attempt_id, self.file.table, self.file.bucket, self.file.key)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Whose rows a file has."""

    commit_ids: frozenset[str]
    origin: Origin


def standing_files(standing: Standing) -> Iterator[StandingFile]:
    """Without records as they came: these are never written anew, also where a table is called as their pipeline."""
    for commit in standing.commits.values():
        for file in commit.files:
            if not is_raw(commit, file):
                yield StandingFile(commit, file)


def without_commits(place: Place, standing: Standing, commit_ids: Collection[str], attempt_id: str) -> Rewritten:
    """Rewritten files that hold rows of these commits, once more, without them; also those that leave the lake as
    files of one of these commits, for most of their rows are others'. Whoever retires commits replaces these too."""
    gone = frozenset(commit_ids)
    held = (one for one in standing_files(standing) if one.file.rewritten)
    return joined(_without(place, one, gone, attempt_id) for one in held)


def _without(place: Place, source: StandingFile, gone: frozenset[str], attempt_id: str) -> Rewritten:
    leaves = source.commit.attempt_id in gone
    found = provenance(place, source)
    if not leaves and not found.commit_ids & gone:
        return Rewritten()
    if found.commit_ids and found.commit_ids <= gone:
        return Rewritten((source.replaced,))
    unwanted = pa.array(sorted(gone), pa.string())
    return rewritten(place, source, lambda rows: _is_of_others(rows, unwanted), attempt_id, even_whole=leaves)


def _is_of_others(rows: pa.Table, unwanted: pa.Array) -> pa.Array | pa.ChunkedArray:
    """Partials go whole or not at all."""
    if COMMIT_ID in rows.column_names:
        return pc.invert(pc.is_in(rows[COMMIT_ID], unwanted))
    return pa.repeat(pa.scalar(value=True), rows.num_rows)


def joined(parts: Iterable[Rewritten]) -> Rewritten:
    whole = list(parts)
    return Rewritten(
        tuple(one for part in whole for one in part.replaces), tuple(one for part in whole for one in part.files)
    )


def rewritten(
    place: Place, source: StandingFile, keep: Keep, attempt_id: str, *, even_whole: bool = False
) -> Rewritten:
    """The file with the rows that stay, in their order; nothing where all of them do. Texts are coded anew: what left
    is in no dictionary either. Raises FencedError, MissingFileError."""
    found = opened_file(place, source)
    known = provenance_of(source, found)
    new = Rewriting(found.schema_arrow, known.origin, known.commit_ids)
    for batch in found.iter_batches(ROW_GROUP_ROWS):
        rows = pa.Table.from_batches([batch])
        new.write(rows.filter(keep(rows)))
    if new.rows == found.metadata.num_rows and not even_whole:
        return Rewritten()
    return Rewritten((source.replaced,), new.close(source.file, place.store.zone_of(source.file.bucket), attempt_id))


@dataclass
class Rewriting:
    """Mutable: a rewritten file in the making. `texts` name the columns that come as dictionaries."""

    schema: pa.Schema
    origin: Origin
    commit_ids: frozenset[str] = frozenset()
    """Of rows that do not say it themselves."""
    texts: Collection[str] = ()
    _held: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._file = ParquetFile(self.schema, self.texts)

    @property
    def rows(self) -> int:
        return self._file.rows

    @property
    def held(self) -> frozenset[str]:
        """The commits whose rows were written."""
        return frozenset(self._held)

    def write(self, rows: pa.Table) -> None:
        if not rows.num_rows:
            return
        named = COMMIT_ID in rows.column_names
        self._held |= set(pc.unique(rows[COMMIT_ID]).to_pylist()) if named else self.commit_ids
        self._file.write(rows.columns)

    def close(self, model: PendingFile, zone: str, attempt_id: str) -> tuple[EncodedFile, ...]:
        """One file beside `model`, in its table and partition; none where it would have no row."""
        body = self.body({_ATTEMPT: attempt_id.encode()})
        if not self.rows:
            return ()
        return (
            EncodedFile(
                table=model.table,
                partition=model.partition,
                zone=zone,
                key=rewritten_key(model, attempt_id),
                rows=self.rows,
                body=body,
                rewritten=True,
            ),
        )

    def body(self, more: Mapping[bytes, bytes]) -> memoryview:
        """The file as bytes, with what its sources said of themselves."""
        known = {_COMMITS: msgspec.json.encode(sorted(self._held)), _ORIGIN: self.origin.encode()}
        return self._file.close(said(self.schema.metadata) | known | dict(more))


def provenance(place: Place, source: StandingFile) -> Provenance:
    """By the footer; of a file that somebody else rewrote, by its rows. Blocks on the network."""
    if not source.file.rewritten:
        return _own(source)
    return _told(footer_of(place, source).metadata) or _by_rows(opened_file(place, source))


def footer_of(place: Place, source: StandingFile) -> pq.FileMetaData:
    """Raises FencedError, MissingFileError."""
    return _there(place, source, lambda: read_footer(place.store, source.file.bucket, source.file.key))


def opened_file(place: Place, source: StandingFile, texts: Collection[str] = ()) -> pq.ParquetFile:
    """Whole in memory as it is stored. Raises FencedError, MissingFileError."""
    body = _there(place, source, lambda: place.store.read(source.file.bucket, source.file.key))
    return pq.ParquetFile(pa.BufferReader(body), read_dictionary=list(texts))


def _there(place: Place, source: StandingFile, read: Callable[[], T]) -> T:
    """A file that is not there is pending still, or another command took it out since the log was read."""
    try:
        return read()
    except MissingFileError:
        gone = Gone(place.chain)
        gone.catch_up()
        if gone.has(source.commit.attempt_id, source.file.bucket, source.file.key):
            raise FencedError(
                f"another command took s3://{source.file.bucket}/{source.file.key} out of the lake meanwhile; "
                "run the command again"
            ) from None
        place.store.complete(source.file, source.commit.attempt_id)
        return read()


def provenance_in(source: StandingFile, metadata: dict[bytes, bytes] | None) -> Provenance:
    """By what its footer says alone."""
    told = _told(metadata) or Provenance(frozenset(), Origin.UNKNOWN)
    return told if source.file.rewritten else _own(source)


def provenance_of(source: StandingFile, file: pq.ParquetFile) -> Provenance:
    """The same of a file that is open."""
    return (_told(file.metadata.metadata) or _by_rows(file)) if source.file.rewritten else _own(source)


def _own(source: StandingFile) -> Provenance:
    return Provenance(frozenset({source.commit.attempt_id}), _ORIGINS.get(source.commit.kind, Origin.UNKNOWN))


def _told(metadata: dict[bytes, bytes] | None) -> Provenance | None:
    if not metadata or _COMMITS not in metadata:
        return None
    ids = frozenset(msgspec.json.decode(metadata[_COMMITS], type=list[str]))
    return Provenance(ids, Origin(metadata.get(_ORIGIN, b"").decode()))


def _by_rows(file: pq.ParquetFile) -> Provenance:
    named = COMMIT_ID in file.schema_arrow.names
    ids = file.read([COMMIT_ID])[COMMIT_ID].unique().to_pylist() if named else ()
    return Provenance(frozenset(ids), Origin.UNKNOWN)
