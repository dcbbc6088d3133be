"""Objects of the S3 that the local Redshift reads from."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from headrace_local.redshift.copying.failures import S3_ERROR, CopyFailure, LoadError
from headrace_local.redshift.copying.statement import S3Location

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

S3_ERRORS = (ClientError, BotoCoreError)
WHOLE_BYTES = 32 * 1024 * 1024
"""An object up to this size is read in one request; a larger one by ranges."""
_LOOKERS = 8
_MISSING = ("404", "NoSuchKey", "NoSuchBucket", "NotFound")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class S3Object:
    location: S3Location
    bytes: int

    @property
    def url(self) -> str:
        return str(self.location)


class Objects:
    """Everything that COPY asks of S3. What S3 refuses is a CopyFailure that names the object."""

    def __init__(self, client: S3Client) -> None:
        self._client = client

    def read(self, location: S3Location) -> bytes | None:
        """The whole object; None if there is none."""

        def request() -> bytes:
            return self._client.get_object(Bucket=location.bucket, Key=location.key)["Body"].read()

        return _asked(location, request)

    def find(self, locations: Sequence[S3Location]) -> list[S3Object | None]:
        """In the order of the locations; None for each that there is no object of."""
        with ThreadPoolExecutor(_LOOKERS) as pool:
            return list(pool.map(self._find_one, locations))

    def listed(self, prefix: S3Location) -> Iterator[S3Object]:
        """All objects whose keys begin so, by key."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=prefix.bucket, Prefix=prefix.key)
        for page in _asked(prefix, lambda: list(pages)) or []:
            for found in page.get("Contents", []):
                yield S3Object(S3Location(prefix.bucket, found["Key"]), found["Size"])

    def opened(self, found: S3Object) -> io.BufferedIOBase | io.RawIOBase:
        """To be read at any place."""
        if found.bytes > WHOLE_BYTES:
            return RangedObject(self, found)
        body = self.read(found.location)
        if body is None:
            raise _failure(found.location, "NoSuchKey")
        return io.BytesIO(body)

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

    def _find_one(self, location: S3Location) -> S3Object | None:
        head = _asked(location, lambda: self._client.head_object(Bucket=location.bucket, Key=location.key))
        return None if head is None else S3Object(location, head["ContentLength"])


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
