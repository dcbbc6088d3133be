"""Where marts lie in the curated zone: `s3://<bucket>/marts/<database>/<mart>/<unload>/`. Every call blocks on S3."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace_consumers.aws_retry import asked
from headrace_producers.errors import TerminalError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ListObjectsV2OutputTypeDef, ObjectIdentifierTypeDef

FOLDER = "marts"
_MOST_DELETED = 1_000
"""Of one call."""


@dataclass(frozen=True, slots=True)
class Places:
    """Of one bucket and one of the catalog's databases: what another database names is not ours to clear."""

    client: S3Client
    bucket: str
    database: str

    def location(self, mart: str, unload_id: str) -> str:
        return f"s3://{self.bucket}/{self._folder(mart)}{unload_id}/"

    def sizes(self, location: str) -> tuple[int, ...]:
        """Bytes of each file there."""
        return tuple(size for _, size in self._listed(location.removeprefix(f"s3://{self.bucket}/")))

    def clear(self, mart: str, keep: Collection[str]) -> None:
        """Removes all that lies in the mart's folder and in none of the kept places."""
        kept = tuple(location.removeprefix(f"s3://{self.bucket}/") for location in keep)
        gone = [key for key, _ in self._listed(self._folder(mart)) if not key.startswith(kept)]
        for begin in range(0, len(gone), _MOST_DELETED):
            self._delete(gone[begin : begin + _MOST_DELETED])

    def _folder(self, mart: str) -> str:
        return f"{FOLDER}/{self.database}/{mart}/"

    def _listed(self, prefix: str) -> Iterator[tuple[str, int]]:
        token = ""
        while True:
            page = self._page(prefix, token)
            yield from ((entry["Key"], entry["Size"]) for entry in page.get("Contents", ()))
            token = page.get("NextContinuationToken", "")
            if not token:
                return

    def _page(self, prefix: str, token: str) -> ListObjectsV2OutputTypeDef:
        more = {"ContinuationToken": token} if token else {}
        return asked(
            lambda: self.client.list_objects_v2(Bucket=self.bucket, Prefix=prefix, **more),  # type: ignore[arg-type]
            f"ListObjectsV2 of s3://{self.bucket}/{prefix}",
        )

    def _delete(self, keys: list[str]) -> None:
        objects: list[ObjectIdentifierTypeDef] = [{"Key": key} for key in keys]
        what = f"DeleteObjects below s3://{self.bucket}/{FOLDER}/"
        answer = asked(
            lambda: self.client.delete_objects(Bucket=self.bucket, Delete={"Objects": objects, "Quiet": True}), what
        )
        if failed := answer.get("Errors"):
            raise TerminalError(f"{what}: {len(failed)} of {len(keys)} stay, first {failed[0].get('Code', '')}")
