"""KCL's own tables, written to spare a test those waits of KCL that are not what it tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

from headrace_consumers.shards import Shard

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def write_leases(client: DynamoDBClient, application: str, shards: Iterable[Shard], owners: Sequence[str]) -> None:
    """A lease table of which nothing has been read yet; the shards are leased to the owners by turns.

    On an empty table KCL waits up to 30 s, drawn at random, before it looks for shards, and then for the leader to
    assign them. A worker that finds leases under its own id takes them at once.
    """
    client.create_table(
        TableName=application,
        KeySchema=[{"AttributeName": "leaseKey", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "leaseKey", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for shard, owner in zip(shards, cycle(owners), strict=False):
        client.put_item(
            TableName=application,
            Item={
                "leaseKey": {"S": shard.shard_id},
                "leaseOwner": {"S": owner},
                "leaseCounter": {"N": "1"},
                "ownerSwitchesSinceCheckpoint": {"N": "0"},
                "checkpoint": {"S": "TRIM_HORIZON"},
                "checkpointSubSequenceNumber": {"N": "0"},
                "startingHashKey": {"S": str(shard.first_hash)},
                "endingHashKey": {"S": str(shard.last_hash)},
            },
        )


def forget_worker(client: DynamoDBClient, application: str, owner: str) -> None:
    """Deletes a worker's last report. For 60 s after it KCL's leader counts the worker as alive, and may leave expired
    leases with it. Raises where there is no such report."""
    client.delete_item(
        TableName=f"{application}-WorkerMetricStats",
        Key={"wid": {"S": owner}},
        ConditionExpression="attribute_exists(wid)",
    )
