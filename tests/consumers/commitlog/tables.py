"""The log's table twice: in memory, and in a real DynamoDB protocol behind a socket."""

from __future__ import annotations

import uuid
from typing import Any

from tests.fakes.dynamodb import MemoryDynamo
from tests.fakes.steps import Steps

TABLE = "log"


def memory_client() -> Any:
    return MemoryDynamo().as_seen_by(Steps())


def make_table(client: Any) -> None:
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
    )


class TokensExpired:
    """The client, ten minutes later: no request token is remembered."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def transact_write_items(self, **request: Any) -> Any:
        return self._client.transact_write_items(**{**request, "ClientRequestToken": uuid.uuid4().hex})
