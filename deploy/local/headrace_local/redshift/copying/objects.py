"""Objects of the S3 that the local Redshift reads from."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from headrace_consumers.lake.tails import S3Tails
from headrace_local.environment import KEY
from headrace_local.redshift.copying.failures import S3_ERROR, CopyFailure, LoadError
from headrace_local.redshift.copying.statement import S3Location

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

S3_ERRORS = (ClientError, BotoCoreError)
WHOLE_BYTES = 32 * 1024 * 1024
"""An object up to this size is read in one request; a larger one by ranges."""
_MISSING = ("404", "NoSuchKey", "NoSuchBucket", "NotFound")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class S3Object:
    location: S3Location
    bytes: int

    @property
    def url(self) -> str:
        return str(self.location)


@dataclass(frozen=True, slots=True)
class OpenObject:
    """Its content is read once, by one reader."""

    found: S3Object
    content: io.BufferedIOBase | io.RawIOBase


class Objects:
    """Everything that COPY asks of S3. What S3 refuses is a CopyFailure that names the object."""

    def __init__(self, client: S3Client) -> None:
        self._client = client

    def read(self, location: S3Location) -> bytes | None:
        """The whole object; None if there is none."""

        def request() -> bytes:
            return self._client.get_object(Bucket=location.bucket, Key=location.key)["Body"].read()

        return _asked(location, request)

    def listed(self, prefix: S3Location) -> Iterator[S3Object]:
        """All objects whose keys begin so, by key."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=prefix.bucket, Prefix=prefix.key)
        for page in _asked(prefix, lambda: list(pages)) or []:
            for found in page.get("Contents", []):
                yield S3Object(S3Location(prefix.bucket, found["Key"]), found["Size"])

    def opened(self, location: S3Location, expected_bytes: int) -> OpenObject | None:
        """To be read at any place; None if there is none. What is expected to be small is read at once."""
        if expected_bytes <= WHOLE_BYTES:
            tail = _tails(self._client, location.bucket)(location.bucket, location.key, WHOLE_BYTES)
            if tail is not None and len(tail.body) == tail.bytes:
                return OpenObject(S3Object(location, tail.bytes), io.BytesIO(tail.body))
        return self._found(location)

    def read_range(self, location: S3Location, begin: int, end: int) -> bytes:
        def request() -> bytes:
            answer = self._client.get_object(
                Bucket=location.bucket, Key=location.key, Range=f"bytes={begin}-{end - 1}"
            )  # fmt: skip
            return answer["Body"].read()

        body = _asked(location, request)
        if body is None:
            raise _failure(location, "NoSuchKey")
        return body

    def _found(self, location: S3Location) -> OpenObject | None:
        head = _asked(location, lambda: self._client.head_object(Bucket=location.bucket, Key=location.key))
        if head is None:
            return None
        found = S3Object(location, head["ContentLength"])
        return OpenObject(found, RangedObject(self, found))


class RangedObject(io.RawIOBase):
    """A large object as a file: each read is one request."""

    def __init__(self, objects: Objects, found: S3Object) -> None:
        self._objects = objects
        self._found = found
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._found.bytes}[whence]
        self._place = origin + offset
        return self._place

    def readinto(self, buffer: Any) -> int:
        end = min(self._place + len(buffer), self._found.bytes)
        if end <= self._place:
            return 0
        body = self._objects.read_range(self._found.location, self._place, end)
        buffer[: len(body)] = body
        self._place += len(body)
        return len(body)


@cache
def _tails(client: S3Client, bucket: str) -> S3Tails:
    """Kept with its connections: for the region that the bucket is in, for S3 redirects from any other."""
    try:
        region = client.head_bucket(Bucket=bucket).get("BucketRegion", client.meta.region_name)
    except S3_ERRORS:
        region = client.meta.region_name
    secret = {"access_key_id": KEY, "secret_access_key": KEY, "expires_at": None}
    return S3Tails(client.meta.endpoint_url, region, lambda: secret)


def _asked(location: S3Location, request: Callable[[], T]) -> T | None:
    """None for what is missing."""
    try:
        return request()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _MISSING:
            return None
        raise _failure(location, code) from error
    except BotoCoreError as error:
        raise _failure(location, type(error).__name__) from error


def _failure(location: S3Location, code: str) -> CopyFailure:
    sentence = f"S3ServiceException:{code},Error {code} at {location}"
    return CopyFailure(sentence, LoadError(str(location), S3_ERROR, sentence))
