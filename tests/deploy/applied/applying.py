"""A plan's resources made in a local AWS under their planned names, then read back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from headrace_local.environment import KEY, REGION
from tests.deploy.account import ACCOUNT_ID
from tests.deploy.applied import operations, storage
from tests.deploy.applied.kind import Body, Kind, differences
from tests.deploy.applied.modelled import complaints
from tests.deploy.planned import Plan, Resource

# What others name comes before them.
ALL = (*operations.KINDS, *storage.KINDS)
LAST = ("aws_s3_bucket_notification", "aws_lambda_event_source_mapping")


@dataclass(frozen=True)
class Finding:
    """Where the local AWS has it otherwise than it was planned, or does not take it."""

    type: str
    call: str
    name: str
    what: str

    @property
    def part(self) -> str:
        """Of the request."""
        return self.what.partition(":")[0]

    def __str__(self) -> str:
        return f"{self.name}, {self.call}: {self.what}"


@dataclass
class Applier:
    endpoint: str
    account_id: str
    plan: Plan
    made: int = 0
    findings: list[Finding] = field(default_factory=list)
    _clients: dict[str, Any] = field(default_factory=dict)

    def apply(self) -> None:
        for kind in sorted(ALL, key=lambda kind: kind.type in LAST):
            # A queue is told of its dead letter queue, which has to be there.
            for resource in sorted(self.plan.of(kind.type), key=lambda one: "dead" not in one.name):
                self._apply(kind, resource)

    def apply_one(self, resource: Resource) -> None:
        for kind in (kind for kind in ALL if kind.type == resource.type):
            self._apply(kind, resource)

    def _apply(self, kind: Kind, resource: Resource) -> None:
        if kind.applies(resource.values):
            self.findings += [Finding(kind.type, kind.put, resource.name, what) for what in self._made(kind, resource)]

    def _made(self, kind: Kind, resource: Resource) -> Iterator[str]:
        client = self._client(kind.service)
        try:
            request = self._addressed(kind.request(self._spoken(resource)))
            yield from _complaints(client, kind.put, request)
            answer = getattr(client, kind.put)(**request)
            found = kind.found(getattr(client, kind.get)(**kind.where(request, answer)))
        except (ClientError, BotoCoreError, KeyError, IndexError, TypeError, ValueError) as error:
            yield f"refused: {type(error).__name__} {error}"
            return
        self.made += 1
        yield from differences(kind.said(request), found)

    def _spoken(self, resource: Resource) -> Body:
        """Its values, with ids and ARNs as this account would have them instead of mocked ones."""
        said = self.plan.spoken(json.dumps(resource.values)).replace(ACCOUNT_ID, self.account_id)
        values: Body = json.loads(said)
        return values

    def _addressed(self, request: Body) -> Body:
        if "QueueUrl" not in request:
            return request
        url = self._client("sqs").get_queue_url(QueueName=request["QueueUrl"])["QueueUrl"]
        return {**request, "QueueUrl": url}

    def _client(self, service: str) -> Any:
        return self._clients.setdefault(service, self._connected(service))

    def _connected(self, service: str) -> Any:
        own = {"region_name": REGION, "aws_access_key_id": KEY, "aws_secret_access_key": KEY}
        return boto3.client(service, endpoint_url=self.endpoint, **own)  # type: ignore[call-overload]


def _complaints(client: Any, method: str, request: Body) -> Iterator[str]:
    operation = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method])
    yield from complaints(operation.input_shape, request)
