"""What an environment of Headrace consists of on AWS, and a pipeline in it."""

from __future__ import annotations

from dataclasses import dataclass

from headrace_consumers.settings import LakeSettings, LogSettings
from headrace_local.environment import AwsClients
from headrace_local.names import Names

PIPELINE = "flights"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """By name."""

    stream: str
    shards: int
    raw_bucket: str
    processed_bucket: str
    curated_bucket: str
    landing_bucket: str
    """Where others put files."""
    log_table: str
    catalog_prefix: str
    workgroup: str

    @classmethod
    def named(cls, names: Names, pipeline: str, shards: int) -> Resources:
        return cls(
            stream=names.of("stream", pipeline=pipeline),
            shards=shards,
            raw_bucket=names.of("raw_bucket"),
            processed_bucket=names.of("processed_bucket"),
            curated_bucket=names.of("curated_bucket"),
            landing_bucket=names.of("landing_bucket"),
            log_table=names.of("log_table"),
            catalog_prefix=names.of("catalog_prefix"),
            workgroup=names.of("workgroup"),
        )

    @property
    def settings(self) -> dict[str, object]:
        """By which all commands find them."""
        return {
            "stream": self.stream,
            "raw_bucket": self.raw_bucket,
            "processed_bucket": self.processed_bucket,
            "curated_bucket": self.curated_bucket,
            "log_table": self.log_table,
            "catalog_prefix": self.catalog_prefix,
            "athena_workgroup": self.workgroup,
        }

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
        clients.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    create_log_table(clients, resources.log_table)
    create_workgroup(clients, resources)
    create_stream(clients, resources.stream, resources.shards)


def create_stream(clients: AwsClients, name: str, shards: int) -> None:
    clients.kinesis.create_stream(StreamName=name, ShardCount=shards)
    clients.kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def create_workgroup(clients: AwsClients, resources: Resources) -> None:
    """It says where Athena leaves what it found."""
    clients.athena.create_work_group(
        Name=resources.workgroup,
        Configuration={"ResultConfiguration": {"OutputLocation": f"s3://{resources.curated_bucket}/_athena/"}},
    )


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
