"""Where a file is, and what is known of it before a byte of it is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from headrace_consumers.lake.inbox import Inbox
from headrace_producers.errors import SettingsError


class Arrived(Protocol):
    """A file that somebody sent."""

    @property
    def name(self) -> str:
        """A path, or s3://…: told to people, and no part of the file's identity."""
        ...

    @property
    def size_bytes(self) -> int: ...

    @property
    def time(self) -> datetime:
        """When it came, UTC."""
        ...

    def read(self) -> bytes:
        """Whole. Raises MissingFileError where it is not the same file any more."""
        ...


@dataclass(frozen=True, slots=True)
class LocalFile:
    path: Path
    size_bytes: int
    time: datetime

    @property
    def name(self) -> str:
        return str(self.path)

    def read(self) -> bytes:
        return self.path.read_bytes()


@dataclass(frozen=True, slots=True)
class S3File:
    inbox: Inbox
    bucket: str
    key: str
    size_bytes: int
    time: datetime
    etag: str

    @property
    def name(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def read(self) -> bytes:
        return self.inbox.read(self.bucket, self.key, self.etag)


def split_url(url: str) -> tuple[str, str]:
    """Bucket and key of s3://bucket/key."""
    bucket, _, key = url.removeprefix("s3://").partition("/")
    if not bucket or not key:
        raise SettingsError(f"{url!r} names no object: s3://bucket/key please")
    return bucket, key
