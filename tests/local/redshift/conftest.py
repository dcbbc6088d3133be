"""One local Redshift beside one local AWS for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace_local.redshift.server import RedshiftServer
from tests.local.redshift.bucket import Bucket, local_bucket
from tests.local.redshift.client import Client


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    with local_bucket(tmp_path_factory.mktemp("lake")) as bucket:
        yield bucket


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, lake: Bucket) -> Iterator[RedshiftServer]:
    with RedshiftServer(tmp_path_factory.mktemp("redshift"), aws_endpoint=lake.s3.meta.endpoint_url) as server:
        yield server


@pytest.fixture
def client(server: RedshiftServer, tmp_path: Path) -> Iterator[Client]:
    """In a schema of the test's own, which is first in its search path. Each statement commits by itself."""
    schema = f"t_{tmp_path.name}".replace("-", "_").lower()[:100]
    with Client.connect(server.port) as client:
        client.run(f'CREATE SCHEMA "{schema}"')
        client.run(f'SET search_path TO "{schema}", public')
        yield client
        client.connection.rollback()
        client.connection.autocommit = True
        client.run(f'DROP SCHEMA "{schema}" CASCADE')
