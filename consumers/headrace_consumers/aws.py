"""boto3's clients as Headrace wants them: one attempt a call, as our own retry keeps request tokens; short waits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import NoRegionError

from headrace_producers.errors import SettingsError

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient

    from headrace_consumers.lake.objects import TailReader

UPLOAD_CONNECTIONS = 16
_CONFIG = Config(
    retries={"total_max_attempts": 1},
    connect_timeout=5,
    read_timeout=60,
    max_pool_connections=UPLOAD_CONNECTIONS,
)


@dataclass(frozen=True, slots=True)
class AwsClients:
    """Region, credentials and endpoints come from the environment, as boto3 reads it. Thread-safe."""

    dynamodb: DynamoDBClient
    kinesis: KinesisClient
    s3: S3Client


@dataclass(frozen=True, slots=True)
class CatalogClients:
    """As AwsClients, of those that change the catalog."""

    glue: GlueClient
    s3: S3Client


def make_tails(s3: S3Client) -> TailReader:
    """Where this client reads, with the environment's credentials."""
    from obstore.auth.boto3 import Boto3CredentialProvider

    from headrace_consumers.lake.tails import S3Tails

    return S3Tails(s3.meta.endpoint_url, s3.meta.region_name, Boto3CredentialProvider(boto3.Session()))


def make_clients(region: str | None = None) -> AwsClients:
    """Opens no connection. Raises botocore's NoRegionError where no region is set."""
    session = boto3.Session(region_name=region)
    return AwsClients(
        dynamodb=session.client("dynamodb", config=_CONFIG),
        kinesis=session.client("kinesis", config=_CONFIG),
        s3=session.client("s3", config=_CONFIG),
    )


def make_catalog_clients(environ: Mapping[str, str]) -> CatalogClients:
    """Opens no connection. SettingsError where no region is set; AWS_REGION counts too, which boto3 does not read."""
    with _region_asked_for():
        session = boto3.Session(region_name=environ.get("AWS_REGION"))
        return CatalogClients(glue=session.client("glue", config=_CONFIG), s3=session.client("s3", config=_CONFIG))


def make_athena(environ: Mapping[str, str]) -> AthenaClient:
    """As the catalog's clients."""
    with _region_asked_for():
        return boto3.Session(region_name=environ.get("AWS_REGION")).client("athena", config=_CONFIG)


def make_secrets(environ: Mapping[str, str]) -> SecretsManagerClient:
    """As the catalog's clients."""
    with _region_asked_for():
        return boto3.Session(region_name=environ.get("AWS_REGION")).client("secretsmanager", config=_CONFIG)


@contextmanager
def _region_asked_for() -> Iterator[None]:
    try:
        yield
    except NoRegionError:
        raise SettingsError("no AWS region: set AWS_REGION or AWS_DEFAULT_REGION") from None
