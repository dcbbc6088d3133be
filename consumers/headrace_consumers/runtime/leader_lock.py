"""Cures KCL's stale leader lock: a killed leader holds it for 120 s, and meanwhile nobody assigns leases.

The leader renews `recordVersionNumber` every 30 s. Whoever sees it unchanged for longer deletes the item, under the
condition that it still is unchanged. A leader that only slept loses nothing but its office: leaders assign leases, they
commit nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_log = logging.getLogger(__name__)
HEARTBEAT_S = 30.0
STALE_AFTER_S = HEARTBEAT_S + 10.0
_KEY = {"key": {"S": "Leader"}}
_VERSION = "recordVersionNumber"
_IN_PASSING = frozenset({"ConditionalCheckFailedException", "ResourceNotFoundException"})


class LeaderLock:
    """Looks at one application's lock; each `check` is one read, rarely a delete. AWS's errors pass through."""

    def __init__(
        self, client: DynamoDBClient, application_name: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._table = f"{application_name}-CoordinatorState"
        self._clock = clock
        self._version = ""
        self._seen_since_s = 0.0

    def check(self) -> bool:
        """Whether a stale lock was deleted."""
        try:
            return self._check()
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _IN_PASSING:
                return False  # no table yet, or the leader moved just now
            raise

    def _check(self) -> bool:
        item = self._client.get_item(TableName=self._table, Key=_KEY, ConsistentRead=True).get("Item", {})
        version = item.get(_VERSION, {}).get("S", "")
        if not version or version != self._version:
            self._version, self._seen_since_s = version, self._clock()
            return False
        if self._clock() - self._seen_since_s <= STALE_AFTER_S:
            return False
        self._client.delete_item(
            TableName=self._table,
            Key=_KEY,
            ConditionExpression=f"{_VERSION} = :seen",
            ExpressionAttributeValues={":seen": {"S": version}},
        )
        self._version = ""
        _log.warning("a dead leader's lock was deleted", extra={"fields": {"table": self._table}})
        return True
