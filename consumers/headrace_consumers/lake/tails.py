"""The ends of objects, many of them: read by object_store in Rust, which costs an eighth of boto3's CPU a request and
none of the interpreter's lock. It neither retries nor explains: who gets nothing asks boto3."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from headrace_consumers.lake.objects import Tail

_UNREAD = (BaseError, OSError, ValueError)
"""Some of its errors are Python's own, as of a file."""
_CONNECT_TIMEOUT = timedelta(seconds=5)
_READ_TIMEOUT = timedelta(seconds=60)


class S3Tails:
    """TailReader over an endpoint that is addressed by paths; `credentials` are obstore's. Thread-safe."""

    def __init__(self, endpoint: str, region: str, credentials: Callable[[], Any]) -> None:
        self._endpoint, self._region, self._credentials = endpoint, region, credentials
        self._bucket = cache(self._open)

    def __call__(self, bucket: str, key: str, length: int) -> Tail | None:
        try:
            found = obstore.get(self._bucket(bucket), key, options={"range": {"suffix": length}})
            body = bytes(found.bytes())
        except _UNREAD:
            return None
        said = found.attributes
        return Tail(body, found.meta["size"], str(said.get("attempt-id", "")), str(said.get("sha256", "")))

    def _open(self, bucket: str) -> S3Store:
        return S3Store(
            bucket,
            endpoint=self._endpoint,
            region=self._region,
            virtual_hosted_style_request=False,
            credential_provider=self._credentials,
            client_options={
                "allow_http": self._endpoint.startswith("http://"),
                "connect_timeout": _CONNECT_TIMEOUT,
                "timeout": _READ_TIMEOUT,
            },
            retry_config={"max_retries": 0, "retry_timeout": _READ_TIMEOUT},
        )
