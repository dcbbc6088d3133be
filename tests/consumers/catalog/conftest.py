"""A local AWS for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from headrace_consumers.settings import LakeSettings
from tests.consumers.runtime_process.aws import REGION, client, environment, local_aws


@dataclass(frozen=True)
class LocalAws:
    """Its buckets are those of the default settings; each test has databases of its own prefix."""

    endpoint: str
    s3: Any
    glue: Any
    athena: Any


@pytest.fixture(scope="session")
def _local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with local_aws(tmp_path_factory.mktemp("catalog") / "aws.log") as endpoint:
        s3, glue, athena = (client(name, endpoint) for name in ("s3", "glue", "athena"))
        for bucket in (*LakeSettings().buckets.values(), "answers"):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield LocalAws(endpoint, s3, glue, athena)
        for each in (s3, glue, athena):
            each.close()


@pytest.fixture
def aws(_local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> LocalAws:
    """With an environment in which commands find it."""
    for name, value in environment(_local_aws.endpoint).items():
        if name != "PATH":
            monkeypatch.setenv(name, value)
    return _local_aws
