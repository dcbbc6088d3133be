"""What an environment of Headrace consists of on AWS: a stream, four buckets, the log's table."""

from __future__ import annotations

from dataclasses import dataclass

from headrace_consumers.settings import LakeSettings, LogSettings
from headrace_local.environment import AwsClients

STREAM = "flights"


@dataclass(frozen=True, slots=True)
class Resources:
    """Names as the worker's settings have them."""

    stream: str = STREAM
    shards: int = 2
    raw_bucket: str = LakeSettings.raw_bucket
    processed_bucket: str = LakeSettings.processed_bucket
    curated_bucket: str = LakeSettings.curated_bucket
    landing_bucket: str = "headrace-landing"
    """Where others put files."""
    log_table: str = LogSettings.log_table

    @property
    def lake_settings(self) -> LakeSettings:
        return LakeSettings(
            raw_bucket=self.raw_bucket, processed_bucket=self.processed_bucket, curated_bucket=self.curated_bucket
        )

    @property
    def log_settings(self) -> LogSettings:
        return LogSettings(log_table=self.log_table)

    @property
    def lake(self) -> str:
        return f"s3://{self.processed_bucket}/"


def create_resources(clients: AwsClients, resources: Resources) -> None:
    """Makes all of them, and returns when the stream takes records."""
    for bucket in (*resources.lake_settings.buckets.values(), resources.landing_bucket):
        clients.s3.create_bucket(Bucket=bucket)
    create_log_table(clients, resources.log_table)
    create_stream(clients, resources.stream, resources.shards)


def create_stream(clients: AwsClients, name: str, shards: int) -> None:
    clients.kinesis.create_stream(StreamName=name, ShardCount=shards)
    clients.kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def create_log_table(clients: AwsClients, name: str) -> None:
    clients.dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
