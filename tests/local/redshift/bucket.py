"""A bucket of a local AWS."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.consumers.runtime_process.aws import REGION, client, local_aws

_names = itertools.count()


@dataclass(frozen=True)
class Bucket:
    s3: Any
    name: str = "lake"

    def put(self, body: bytes, key: str | None = None) -> str:
        """The object's url."""
        key = key or f"files/{next(_names)}"
        self.s3.put_object(Bucket=self.name, Key=key, Body=body)
        return f"s3://{self.name}/{key}"

    def folder(self) -> str:
        """The url of a prefix of one's own."""
        return f"s3://{self.name}/folder-{next(_names)}/"

    def get(self, url: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=self.name, Key=url.removeprefix(f"s3://{self.name}/"))["Body"].read()
        return body

    def below(self, url: str) -> list[str]:
        """What stands there, by its names below the url."""
        prefix = url.removeprefix(f"s3://{self.name}/")
        found = self.s3.list_objects_v2(Bucket=self.name, Prefix=prefix).get("Contents", [])
        return [entry["Key"].removeprefix(prefix) for entry in found]


@contextmanager
def local_bucket(folder: Path) -> Iterator[Bucket]:
    with local_aws(folder / "aws.log") as endpoint:
        s3 = client("s3", endpoint)
        s3.create_bucket(Bucket="lake", CreateBucketConfiguration={"LocationConstraint": REGION})
        yield Bucket(s3)
        s3.close()
