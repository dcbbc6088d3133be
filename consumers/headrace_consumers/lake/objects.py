"""Where the lake's objects go: pending first, visible only once their commit stands."""

from __future__ import annotations

from typing import Protocol

import msgspec


class EncodedFile(msgspec.Struct, frozen=True):
    """One Parquet file in memory, ready to upload."""

    table: str
    partition: str
    """Hive folder, e.g. `event_month=2013-01`; empty where the table has none."""
    zone: str
    """`raw`, `processed` or `curated`: the store knows its bucket."""
    key: str
    rows: int
    body: bytes | memoryview
    rewritten: bool = False


class PendingFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """One file of a commit: uploaded in parts, not completed. Written into the log, hence all that completes it."""

    table: str
    partition: str
    bucket: str
    key: str
    rows: int
    bytes: int
    sha256: str
    upload_id: str
    etags: tuple[str, ...]
    rewritten: bool = False
    """Its rows were in files that it replaces, and each names the commit that brought it: nobody loads them again."""


class Tail(msgspec.Struct, frozen=True):
    """The last bytes of an object, and what it says of itself as a whole."""

    body: bytes
    bytes: int
    """Of the whole object."""
    attempt_id: str
    sha256: str


class TailReader(Protocol):
    """A faster way to tails. None where it has not got one, for whatever reason."""

    def __call__(self, bucket: str, key: str, length: int) -> Tail | None: ...


class ObjectStore(Protocol):
    """The S3 calls of the commit path. Each may block on the network and raises TransientError after its retries."""

    def upload_pending(self, file: EncodedFile, attempt_id: str) -> PendingFile:
        """Uploads all parts without completing: no reader sees the object."""
        ...

    def complete(self, file: PendingFile, attempt_id: str) -> None:
        """Makes the file visible, once. Returns only after HEAD proved size, checksum and attempt id;
        raises MissingFileError where neither the object nor the upload is there any more."""
        ...

    def is_complete(self, file: PendingFile, attempt_id: str) -> bool:
        """HEAD: the object is there with this size, checksum and attempt id."""
        ...

    def is_pending(self, file: PendingFile) -> bool:
        """The upload is still there, so that `complete` would make the file visible."""
        ...

    def abort(self, file: PendingFile) -> None:
        """Drops a pending upload; only called after another attempt's link was read at our start."""
        ...

    def read(self, bucket: str, key: str) -> bytes:
        """The object whole. Raises MissingFileError where there is none."""
        ...

    def read_tail(self, bucket: str, key: str, length: int) -> Tail:
        """The object's last bytes, all of it where it is shorter. Raises MissingFileError where there is none."""
        ...

    def delete(self, bucket: str, key: str) -> None:
        """Removes an object that nothing names any more; safe to repeat."""
        ...

    def zone_of(self, bucket: str) -> str:
        """A zone that is in this bucket; raises KeyError where none is."""
        ...

    def put(self, zone: str, key: str, body: bytes) -> str:
        """Stores an object that is visible at once; the bucket that it is in."""
        ...

    def put_lanes(self, key: str, body: bytes) -> None:
        """Stores a lane table that is too big for its link, in the raw zone."""
        ...

    def get_lanes(self, key: str) -> bytes: ...
