"""Which partitions a bucket has, by their folders. Blocks on S3."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from headrace_consumers.aws_retry import asked
from headrace_consumers.catalog.projection import Projection

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ListObjectsV2OutputTypeDef

Folders = Callable[[Projection], Sequence[str]]
"""The values of its column that have a folder."""


class BucketFolders:
    """Folders over boto3's client: it lists folders, never files."""

    def __init__(self, client: S3Client) -> None:
        self._client = client

    def __call__(self, projection: Projection) -> Sequence[str]:
        bucket, _, folder = projection.location.removeprefix("s3://").partition("/")
        prefix = f"{folder}{projection.column}="
        values: list[str] = []
        token = ""
        while True:
            page = self._page(bucket, prefix, token)
            values += [entry["Prefix"].removeprefix(prefix).rstrip("/") for entry in page.get("CommonPrefixes", ())]
            token = page.get("NextContinuationToken", "")
            if not token:
                return values

    def _page(self, bucket: str, prefix: str, token: str) -> ListObjectsV2OutputTypeDef:
        more = {"ContinuationToken": token} if token else {}
        return asked(
            lambda: self._client.list_objects_v2(Bucket=bucket, Prefix=prefix, Delimiter="/", **more),  # type: ignore[arg-type]
            f"ListObjectsV2 of s3://{bucket}/{prefix}",
        )
