"""KCL's lease table, read only: who owns a shard, and where its checkpoint stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from headrace_consumers.aws_retry import error_code, retried

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class Lease:
    owner: str
    checkpoint: str


def read_leases(client: DynamoDBClient, application_name: str) -> Mapping[str, Lease]:
    """Shard id to lease; empty before the first worker has made the table."""
    request: dict[str, Any] = {"TableName": application_name, "ConsistentRead": True}
    found: dict[str, Lease] = {}
    while True:
        page = retried(partial(_page, client, request), f"lease table {application_name}")
        found |= {item["leaseKey"]["S"]: _lease(item) for item in page["Items"] if "leaseKey" in item}
        if "LastEvaluatedKey" not in page:
            return found
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _page(client: DynamoDBClient, request: dict[str, Any]) -> Mapping[str, Any]:
    try:
        return client.scan(**request)
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            return {"Items": []}
        raise


def _lease(item: Mapping[str, Any]) -> Lease:
    return Lease(item.get("leaseOwner", {}).get("S", ""), item.get("checkpoint", {}).get("S", ""))
