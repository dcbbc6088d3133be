"""The lake's objects in S3, as multipart uploads that stay pending until their commit stands."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from headrace_consumers.aws_retry import error_code, passes_by_itself, retried
from headrace_consumers.errors import MissingFileError
from headrace_consumers.lake.objects import EncodedFile, PendingFile, Tail, TailReader

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PART_BYTES = 16 * 1024 * 1024
"""S3 wants 5 MiB at least for all parts but the last."""
_GONE = frozenset({"404", "NoSuchKey", "NotFound"})
_EMPTY = "InvalidRange"
"""What a span of an object without bytes is called."""


class S3Store:
    """ObjectStore over boto3's client (SDK retries off); `buckets` maps a zone to its bucket. `tails` is asked first
    where the end of an object is wanted."""

    def __init__(self, client: S3Client, buckets: Mapping[str, str], tails: TailReader | None = None) -> None:
        self._client = client
        self._buckets = buckets
        self._tails = tails

    def upload_pending(self, file: EncodedFile, attempt_id: str) -> PendingFile:
        bucket = self._buckets[file.zone]
        digest = hashlib.sha256(file.body).hexdigest()
        created = retried(
            lambda: self._client.create_multipart_upload(
                Bucket=bucket, Key=file.key, Metadata={"attempt-id": attempt_id, "sha256": digest}
            ),
            f"upload to s3://{bucket}",
        )
        upload_id = created["UploadId"]
        parts = range(0, max(len(file.body), 1), PART_BYTES)
        return PendingFile(
            table=file.table,
            partition=file.partition,
            bucket=bucket,
            key=file.key,
            rows=file.rows,
            bytes=len(file.body),
            sha256=digest,
            upload_id=upload_id,
            etags=tuple(self._upload_part(bucket, file, upload_id, offset) for offset in parts),
            rewritten=file.rewritten,
        )

    def complete(self, file: PendingFile, attempt_id: str) -> None:
        parts = [{"ETag": etag, "PartNumber": number} for number, etag in enumerate(file.etags, start=1)]
        request = {
            "Bucket": file.bucket,
            "Key": file.key,
            "UploadId": file.upload_id,
            "MultipartUpload": {"Parts": parts},
        }
        unless_gone(lambda: self._client.complete_multipart_upload(**request), f"complete in s3://{file.bucket}")  # type: ignore[arg-type]
        if not self.is_complete(file, attempt_id):
            raise MissingFileError(
                f"s3://{file.bucket}/{file.key} ({file.bytes} bytes) is committed by {attempt_id}; HEAD finds it not "
                "after its upload was completed; run `headrace-consumers repair` for this commit"
            )

    def is_complete(self, file: PendingFile, attempt_id: str) -> bool:
        try:
            head = retried(
                lambda: self._client.head_object(Bucket=file.bucket, Key=file.key),
                f"HEAD s3://{file.bucket}",
                retry=lambda error: passes_by_itself(error) and error_code(error) not in _GONE,
            )
        except ClientError as error:
            if error_code(error) in _GONE:
                return False
            raise
        said = head["Metadata"]
        return (head["ContentLength"], said.get("attempt-id"), said.get("sha256")) == (
            file.bytes, attempt_id, file.sha256,
        )  # fmt: skip

    def is_pending(self, file: PendingFile) -> bool:
        return unless_gone(
            lambda: self._client.list_parts(Bucket=file.bucket, Key=file.key, UploadId=file.upload_id, MaxParts=1),
            f"look for an upload in s3://{file.bucket}",
        )

    def abort(self, file: PendingFile) -> None:
        unless_gone(
            lambda: self._client.abort_multipart_upload(Bucket=file.bucket, Key=file.key, UploadId=file.upload_id),
            f"abort in s3://{file.bucket}",
        )

    def read(self, bucket: str, key: str) -> bytes:
        return self._get(bucket, key, {}).body

    def read_tail(self, bucket: str, key: str, length: int) -> Tail:
        found = self._tails(bucket, key, length) if self._tails else None
        return found or self._get(bucket, key, {"Range": f"bytes=-{length}"})

    def _get(self, bucket: str, key: str, span: Mapping[str, Any]) -> Tail:
        try:
            answer = retried(
                lambda: self._client.get_object(Bucket=bucket, Key=key, **span),
                f"read from s3://{bucket}",
                retry=lambda error: passes_by_itself(error) and error_code(error) not in _GONE | {_EMPTY},
            )
        except ClientError as error:
            if error_code(error) == _EMPTY:
                return Tail(b"", 0, "", "")
            if error_code(error) not in _GONE:
                raise
            raise MissingFileError(f"s3://{bucket}/{key} is named by a commit, and not there") from error
        said, whole = answer["Metadata"], answer.get("ContentRange", "").rpartition("/")[2]
        size_bytes = int(whole) if whole else answer["ContentLength"]
        return Tail(answer["Body"].read(), size_bytes, said.get("attempt-id", ""), said.get("sha256", ""))

    def delete(self, bucket: str, key: str) -> None:
        retried(lambda: self._client.delete_object(Bucket=bucket, Key=key), f"delete in s3://{bucket}")

    def zone_of(self, bucket: str) -> str:
        return {bucket: zone for zone, bucket in self._buckets.items()}[bucket]

    def put(self, zone: str, key: str, body: bytes) -> str:
        bucket = self._buckets[zone]
        retried(lambda: self._client.put_object(Bucket=bucket, Key=key, Body=body), f"put to s3://{bucket}")
        return bucket

    def put_lanes(self, key: str, body: bytes) -> None:
        self.put("raw", key, body)

    def get_lanes(self, key: str) -> bytes:
        bucket = self._buckets["raw"]
        answer = retried(lambda: self._client.get_object(Bucket=bucket, Key=key), f"lanes from s3://{bucket}")
        return answer["Body"].read()

    def _upload_part(self, bucket: str, file: EncodedFile, upload_id: str, offset: int) -> str:
        part = bytes(file.body[offset : offset + PART_BYTES])
        answer = retried(
            lambda: self._client.upload_part(
                Bucket=bucket, Key=file.key, UploadId=upload_id, PartNumber=offset // PART_BYTES + 1, Body=part
            ),
            f"upload to s3://{bucket}",
        )
        return answer["ETag"]


def unless_gone(call: Callable[[], object], what: str) -> bool:
    """Calls; False where the upload is not there any more: completed or aborted by another, only HEAD can tell."""
    try:
        retried(call, what, retry=lambda error: passes_by_itself(error) and error_code(error) != "NoSuchUpload")
    except ClientError as error:
        if error_code(error) != "NoSuchUpload":
            raise
        return False
    return True
