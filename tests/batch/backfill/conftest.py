"""A local AWS, and one session of Spark, for all tests of a module that need the real ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from headrace_batch.commands import backfill
from headrace_batch.spark.session import spark_session
from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.kinesis import KinesisStream
from headrace_consumers.lake.s3 import S3Store
from headrace_consumers.settings import LakeSettings
from headrace_local.pipelines import flights
from tests.batch.backfill.river import River
from tests.consumers.commitlog.tables import TABLE, make_table
from tests.consumers.runtime_process.aws import client, environment, local_aws

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The endpoint; this process' environment says so, as far as AWS is concerned."""
    with local_aws(tmp_path_factory.mktemp("aws") / "aws.log") as endpoint, pytest.MonkeyPatch.context() as patch:
        for name, value in environment(endpoint).items():
            if name.startswith("AWS_"):
                patch.setenv(name, value)
        yield endpoint


@pytest.fixture(scope="module")
def spark(aws: str) -> Iterator[SparkSession]:
    """One that commands of this process take, too."""
    del aws
    with held_session(backfill) as session:
        yield session


@contextmanager
def held_session(*commands: ModuleType) -> Iterator[SparkSession]:
    """Two cores, until it is left; these commands take it as their own."""
    with spark_session("tests", {"SPARK_MASTER": "local[2]"}) as session, pytest.MonkeyPatch.context() as patch:

        @contextmanager
        def held(_name: str) -> Iterator[SparkSession]:
            yield session

        for command in commands:
            patch.setattr(command, "spark_session", held)
        yield session


@pytest.fixture
def river(aws: str) -> Iterator[River]:
    """Empty, with buckets, stream and log of its own pipeline."""
    clients = [client(service, aws) for service in ("kinesis", "dynamodb", "s3")]
    kinesis, dynamodb, s3 = clients
    kinesis.create_stream(StreamName=flights.stream, ShardCount=1)
    make_table(dynamodb)
    buckets = LakeSettings().buckets
    for bucket in buckets.values():
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    stream, store = KinesisStream(kinesis, flights.stream), S3Store(s3, buckets)
    yield River(
        DynamoDbLog(dynamodb, TABLE, store), store, s3, stream, buckets=buckets, created_ms=stream.identity().created_ms
    )
    _clear(s3, dynamodb, kinesis, buckets)
    for one in clients:
        one.close()


def _clear(s3: Any, dynamodb: Any, kinesis: Any, buckets: dict[str, str]) -> None:
    for bucket in buckets.values():
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for found in page.get("Contents", []):
                s3.delete_object(Bucket=bucket, Key=found["Key"])
        s3.delete_bucket(Bucket=bucket)
    dynamodb.delete_table(TableName=TABLE)
    kinesis.delete_stream(StreamName=flights.stream)
