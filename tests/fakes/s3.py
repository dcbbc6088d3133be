"""An in-memory S3 at the level of boto3's client: objects, and multipart uploads that no reader sees."""

from __future__ import annotations

import hashlib
import io
import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.fakes.steps import Steps, client_error

PAGE = 5
"""Few entries a page, so that whoever lists has to turn pages."""


@dataclass
class _Upload:
    bucket: str
    key: str
    metadata: dict[str, str]
    parts: dict[int, bytes] = field(default_factory=dict)


@dataclass
class _Object:
    body: bytes
    metadata: dict[str, str]
    modified: datetime = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


class MemoryS3:
    """Shared state of all buckets; give each process its own `as_seen_by` client."""

    def __init__(self, *, forgets_completed: bool = True) -> None:
        self.objects: dict[tuple[str, str], _Object] = {}
        self.uploads: dict[str, _Upload] = {}
        self.completed: set[str] = set()
        self.forgets_completed = forgets_completed
        """True: a second completion finds no upload; False: it succeeds, whatever became of the object."""
        self.ids = itertools.count()

    def as_seen_by(self, steps: Steps) -> S3Client:
        return S3Client(self, steps)


class S3Client:
    def __init__(self, store: MemoryS3, steps: Steps) -> None:
        self._store = store
        self._steps = steps

    def create_multipart_upload(self, *, Bucket: str, Key: str, Metadata: dict[str, str]) -> dict[str, Any]:  # noqa: N803 - boto3's names
        def effect() -> dict[str, Any]:
            upload_id = f"upload-{next(self._store.ids)}"
            self._store.uploads[upload_id] = _Upload(Bucket, Key, Metadata)
            return {"UploadId": upload_id}

        return self._steps.run("CreateMultipartUpload", effect)

    def upload_part(self, *, UploadId: str, PartNumber: int, Body: bytes, **_: Any) -> dict[str, Any]:  # noqa: N803
        def effect() -> dict[str, Any]:
            self._find(UploadId).parts[PartNumber] = Body
            return {"ETag": _etag(Body)}

        return self._steps.run("UploadPart", effect)

    def complete_multipart_upload(self, *, UploadId: str, MultipartUpload: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N803
        def effect() -> dict[str, Any]:
            if UploadId in self._store.completed and not self._store.forgets_completed:
                return {}
            upload = self._find(UploadId)
            parts = [upload.parts[part["PartNumber"]] for part in MultipartUpload["Parts"]]
            if [_etag(part) for part in parts] != [part["ETag"] for part in MultipartUpload["Parts"]]:
                raise client_error("InvalidPart", "CompleteMultipartUpload")
            self._store.objects[upload.bucket, upload.key] = _Object(b"".join(parts), upload.metadata)
            self._store.completed.add(UploadId)
            self._store.uploads.pop(UploadId, None)  # two may complete it at once
            return {}

        return self._steps.run("CompleteMultipartUpload", effect)

    def abort_multipart_upload(self, *, UploadId: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        def effect() -> dict[str, Any]:
            self._find(UploadId)
            del self._store.uploads[UploadId]
            return {}

        return self._steps.run("AbortMultipartUpload", effect)

    def list_parts(self, *, UploadId: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        def effect() -> dict[str, Any]:
            return {"Parts": [{"PartNumber": number} for number in self._find(UploadId).parts]}

        return self._steps.run("ListParts", effect)

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        def effect() -> dict[str, Any]:
            found = self._store.objects.get((Bucket, Key))
            if found is None:
                raise client_error("404", "HeadObject")
            said = {"ETag": f'"{_etag(found.body)}"', "LastModified": found.modified}
            return {"ContentLength": len(found.body), "Metadata": found.metadata, **said}

        return self._steps.run("HeadObject", effect)

    def list_objects_v2(self, *, Bucket: str, Prefix: str, ContinuationToken: str = "") -> dict[str, Any]:  # noqa: N803
        def effect() -> dict[str, Any]:
            keys = (key for bucket, key in self._store.objects if bucket == Bucket and key.startswith(Prefix))
            found = sorted(key for key in keys if key > ContinuationToken)
            page = [{"Key": key, "Size": len(self._store.objects[Bucket, key].body)} for key in found[:PAGE]]
            more = {"NextContinuationToken": found[PAGE - 1]} if len(found) > PAGE else {}
            return {"Contents": page, **more} if page else {}

        return self._steps.run("ListObjectsV2", effect)

    def list_multipart_uploads(
        self, *, Bucket: str, Prefix: str, KeyMarker: str = "", UploadIdMarker: str = ""  # noqa: N803
    ) -> dict[str, Any]:  # fmt: skip
        def effect() -> dict[str, Any]:
            every = sorted((one.key, name) for name, one in self._store.uploads.items() if one.bucket == Bucket)
            found = [one for one in every if one[0].startswith(Prefix) and one > (KeyMarker, UploadIdMarker)]
            page = [{"Key": key, "UploadId": name} for key, name in found[:PAGE]]
            if len(found) <= PAGE:
                return {"Uploads": page, "IsTruncated": False} if page else {"IsTruncated": False}
            key, name = found[PAGE - 1]
            return {"Uploads": page, "IsTruncated": True, "NextKeyMarker": key, "NextUploadIdMarker": name}

        return self._steps.run("ListMultipartUploads", effect)

    def delete_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        def effect() -> dict[str, Any]:
            self._store.objects.pop((Bucket, Key), None)
            return {}

        return self._steps.run("DeleteObject", effect)

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **named: Any) -> dict[str, Any]:  # noqa: N803
        def effect() -> dict[str, Any]:
            self._store.objects[Bucket, Key] = _Object(Body, named.get("Metadata", {}))
            return {}

        return self._steps.run("PutObject", effect)

    def get_object(self, *, Bucket: str, Key: str, Range: str = "", IfMatch: str = "") -> dict[str, Any]:  # noqa: N803
        def effect() -> dict[str, Any]:
            found = self._store.objects.get((Bucket, Key))
            if found is None:
                raise client_error("NoSuchKey", "GetObject")
            if IfMatch and IfMatch.strip('"') != _etag(found.body):
                raise client_error("PreconditionFailed", "GetObject")
            if Range and not found.body:
                raise client_error("InvalidRange", "GetObject")
            span = {"ContentRange": f"bytes */{len(found.body)}"} if Range else {}
            body = io.BytesIO(_span(found.body, Range))
            return {"Body": body, "Metadata": found.metadata, "ContentLength": len(found.body), **span}

        return self._steps.run("GetObject", effect)

    def _find(self, upload_id: str) -> _Upload:
        if upload_id not in self._store.uploads:
            raise client_error("NoSuchUpload", "Upload")
        return self._store.uploads[upload_id]


def _span(body: bytes, asked: str) -> bytes:
    """As `bytes=first-last` and `bytes=-count` ask for."""
    first, _, last = asked.removeprefix("bytes=").partition("-")
    if not asked:
        return body
    return body[int(first) : int(last) + 1] if first else body[max(len(body) - int(last), 0) :]


def _etag(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()
