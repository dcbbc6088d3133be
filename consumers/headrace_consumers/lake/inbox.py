"""Objects that others put into a bucket: looked at first, and read only as they were then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from headrace_consumers.aws_retry import error_code, none_where, passes_by_itself, retried
from headrace_consumers.errors import MissingFileError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_GONE = frozenset({"404", "NoSuchKey", "NotFound"})
_OTHER = "PreconditionFailed"


@dataclass(frozen=True, slots=True)
class Head:
    """What S3 says of an object."""

    bytes: int
    etag: str
    modified: datetime


class Inbox:
    """Over boto3's client; every call may block on the network, and raises TransientError after its retries."""

    def __init__(self, client: S3Client) -> None:
        self._client = client

    def head(self, bucket: str, key: str) -> Head | None:
        """None where there is no such object."""
        ask = none_where(_GONE, lambda: self._client.head_object(Bucket=bucket, Key=key))
        found = retried(ask, f"HEAD s3://{bucket}")
        if found is None:
            return None
        return Head(found["ContentLength"], found["ETag"], found["LastModified"].astimezone(UTC))

    def read(self, bucket: str, key: str, etag: str, span: tuple[int, int] | None = None) -> bytes:
        """Whole, or from one byte up to another. Raises MissingFileError where it is gone, or another one by now."""
        part: dict[str, Any] = {"Range": f"bytes={span[0]}-{span[1] - 1}"} if span else {}
        try:
            answer = retried(
                lambda: self._client.get_object(Bucket=bucket, Key=key, IfMatch=etag, **part),
                f"read from s3://{bucket}",
                retry=lambda error: passes_by_itself(error) and error_code(error) not in _GONE | {_OTHER, "412"},
            )
        except ClientError as error:
            if error_code(error) not in _GONE | {_OTHER, "412"}:
                raise
            raise MissingFileError(f"s3://{bucket}/{key} was taken away, or changed, while it was read") from error
        return answer["Body"].read()
