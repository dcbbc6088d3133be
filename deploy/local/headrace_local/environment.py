"""The local AWS seen from its users: environment variables for processes, clients for this one.

Nothing of the user's own AWS configuration is read, so no real account can be reached by mistake, and none is written.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import closing
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
import botocore.config
import botocore.session

from headrace_producers.boto import NO_RETRIES, BotoKinesis

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_s3 import S3Client

REGION = "us-east-1"
KEY = "test"


def aws_variables(endpoint: str) -> dict[str, str]:
    """What a process needs to reach the local AWS: also what a user may copy into a shell."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
    }


def child_environment(endpoint: str, outer: Mapping[str, str]) -> dict[str, str]:
    """`outer` without anything that says AWS or HEADRACE, and with the local AWS instead."""
    kept = {name: value for name, value in outer.items() if not name.startswith(("AWS_", "HEADRACE_"))}
    isolated = {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return {**kept, **isolated, **aws_variables(endpoint)}


class AwsClients:
    """boto3 clients of one endpoint. Safe to share between threads once made."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        core = botocore.session.Session(session_vars=_ISOLATED)
        self._session = boto3.Session(KEY, KEY, region_name=REGION, botocore_session=core)

    @cached_property
    def kinesis(self) -> KinesisClient:
        return self._session.client("kinesis", endpoint_url=self.endpoint, config=_CONFIG)

    @cached_property
    def s3(self) -> S3Client:
        return self._session.client("s3", endpoint_url=self.endpoint, config=_CONFIG)

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        return self._session.client("dynamodb", endpoint_url=self.endpoint, config=_CONFIG)

    @cached_property
    def athena(self) -> AthenaClient:
        return self._session.client("athena", endpoint_url=self.endpoint, config=_CONFIG)

    @cached_property
    def account_id(self) -> str:
        """As AWS itself says it."""
        with closing(self._session.client("sts", endpoint_url=self.endpoint, config=_CONFIG)) as sts:
            return str(sts.get_caller_identity()["Account"])

    def producer_client(self) -> BotoKinesis:
        """What a Producer connects to: its own client, without boto3's retries."""
        return BotoKinesis(self.kinesis_at(self.endpoint, NO_RETRIES))

    def kinesis_at(self, endpoint: str, config: botocore.config.Config) -> KinesisClient:
        """A client of its own, which the caller closes: for another way to the same Kinesis."""
        return self._session.client("kinesis", endpoint_url=endpoint, config=config)

    def close(self) -> None:
        for client in self.__dict__.values():
            if hasattr(client, "meta"):
                client.close()


_ISOLATED: dict[str, Any] = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
_CONFIG = botocore.config.Config(
    connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 4, "mode": "standard"}, max_pool_connections=32
)
