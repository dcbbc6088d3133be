"""The lake in a folder: what is measured is Headrace's work and Spark's, not an emulator's of S3."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from headrace_consumers.errors import MissingFileError
from headrace_consumers.lake.objects import EncodedFile, PendingFile, Tail


@dataclass(frozen=True, slots=True)
class FolderStore:
    """ObjectStore below a folder; zones are folders, and what is pending has a name that no reader looks for."""

    root: Path

    def zone_of(self, bucket: str) -> str:
        return bucket

    def upload_pending(self, file: EncodedFile, attempt_id: str) -> PendingFile:
        del attempt_id
        path = self._pending(file.zone, file.key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.body)
        return PendingFile(
            table=file.table,
            partition=file.partition,
            bucket=file.zone,
            key=file.key,
            rows=file.rows,
            bytes=len(file.body),
            sha256=hashlib.sha256(file.body).hexdigest(),
            upload_id="1",
            etags=("1",),
            rewritten=file.rewritten,
        )

    def complete(self, file: PendingFile, attempt_id: str) -> None:
        pending = self._pending(file.bucket, file.key)
        if pending.exists():
            pending.rename(self.root / file.bucket / file.key)
        elif not self.is_complete(file, attempt_id):
            raise MissingFileError(f"{file.bucket}/{file.key} is gone")

    def is_complete(self, file: PendingFile, attempt_id: str) -> bool:
        del attempt_id
        path = self.root / file.bucket / file.key
        return path.exists() and path.stat().st_size == file.bytes

    def is_pending(self, file: PendingFile) -> bool:
        return self._pending(file.bucket, file.key).exists()

    def abort(self, file: PendingFile) -> None:
        self._pending(file.bucket, file.key).unlink(missing_ok=True)

    def read(self, bucket: str, key: str) -> bytes:
        try:
            return (self.root / bucket / key).read_bytes()
        except FileNotFoundError:
            raise MissingFileError(f"{bucket}/{key} is gone") from None

    def read_tail(self, bucket: str, key: str, length: int) -> Tail:
        body = self.read(bucket, key)
        return Tail(body[-length:], len(body), "", "")

    def delete(self, bucket: str, key: str) -> None:
        (self.root / bucket / key).unlink(missing_ok=True)

    def put(self, zone: str, key: str, body: bytes) -> str:
        path = self.root / zone / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        return zone

    def put_lanes(self, key: str, body: bytes) -> None:
        self.put("raw", key, body)

    def get_lanes(self, key: str) -> bytes:
        return self.read("raw", key)

    def _pending(self, bucket: str, key: str) -> Path:
        return self.root / bucket / f"{key}.pending"
