"""A COPY's manifest: the files to load, and which of them must be there. Pure."""

from __future__ import annotations

import msgspec

from headrace_local.redshift.copying.failures import S3_ERROR, CopyFailure, LoadError
from headrace_local.redshift.copying.statement import S3Location, s3_location
from headrace_local.redshift.errors import RedshiftError


class Meta(msgspec.Struct, frozen=True):
    content_length: int | None = None


class Entry(msgspec.Struct, frozen=True):
    url: str
    mandatory: bool = False
    meta: Meta = Meta()

    @property
    def location(self) -> S3Location:
        return s3_location(self.url, "COPY's manifest")


class _Manifest(msgspec.Struct, frozen=True):
    entries: list[Entry]


def read_manifest(location: S3Location, body: bytes | None, *, columnar: bool) -> list[Entry]:
    """Raises CopyFailure if there is none, if it cannot be read, or if it does not tell a columnar file's length."""
    if body is None:
        raise _failure(location, f"The manifest {location} was not found")
    try:
        entries = msgspec.json.decode(body, type=_Manifest).entries
        for entry in entries:
            _ = entry.location
    except (msgspec.DecodeError, RedshiftError) as error:
        raise _failure(location, f"The manifest {location} is not valid: {error}") from error
    if not entries:
        raise _failure(location, f"The manifest {location} names no files")
    if columnar:
        _require_lengths(location, entries)
    return entries


def _require_lengths(location: S3Location, entries: list[Entry]) -> None:
    for entry in entries:
        if entry.meta.content_length is None:
            raise _failure(location, f"The manifest {location} gives no meta.content_length for {entry.url}")


def _failure(location: S3Location, sentence: str) -> CopyFailure:
    return CopyFailure(sentence, LoadError(str(location), S3_ERROR, sentence))
