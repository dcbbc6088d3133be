"""What is in the lake's buckets, whether the log names it or not. Blocks on S3."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace_consumers.aws_retry import retried
from headrace_consumers.lake.s3 import unless_gone

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ATTEMPT = re.compile(r"(?:^|/)([0-9a-f]{28})[^/]*$")


@dataclass(frozen=True, slots=True)
class Listed:
    """An object; or an upload that is not completed, which has an id."""

    bucket: str
    key: str
    bytes: int = 0
    upload_id: str = ""

    @property
    def attempt_id(self) -> str:
        """The attempt that wrote it, by its key; empty where the key names none: then it is none of ours."""
        found = _ATTEMPT.search(self.key)
        return found[1] if found else ""

    @property
    def written_ms(self) -> int:
        """Attempt ids begin with their time."""
        return int(self.attempt_id[:12] or "0", 16)


class LakeListing:
    """Over boto3's client (SDK retries off)."""

    def __init__(self, client: S3Client) -> None:
        self._client = client

    def objects(self, bucket: str, prefix: str) -> Iterator[Listed]:
        request: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix}
        while True:
            page = retried(lambda: self._client.list_objects_v2(**request), f"list s3://{bucket}")
            for found in page.get("Contents", ()):
                yield Listed(bucket, found["Key"], found["Size"])
            if not page.get("NextContinuationToken"):
                return
            request["ContinuationToken"] = page["NextContinuationToken"]

    def uploads(self, bucket: str, prefix: str) -> Iterator[Listed]:
        request: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix}
        while True:
            page = retried(lambda: self._client.list_multipart_uploads(**request), f"list uploads of s3://{bucket}")
            for found in page.get("Uploads", ()):
                yield Listed(bucket, found["Key"], 0, found["UploadId"])
            if not page.get("IsTruncated"):
                return
            request.update(KeyMarker=page["NextKeyMarker"], UploadIdMarker=page["NextUploadIdMarker"])

    def abort(self, upload: Listed) -> None:
        """One that is gone meanwhile is as good."""
        unless_gone(
            lambda: self._client.abort_multipart_upload(
                Bucket=upload.bucket, Key=upload.key, UploadId=upload.upload_id
            ),
            f"abort in s3://{upload.bucket}",
        )
