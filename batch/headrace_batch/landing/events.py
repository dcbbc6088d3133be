"""What S3 says of objects that came, by whichever way it says so: to Lambda itself, by SNS, or by EventBridge."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote_plus

import msgspec


class ObjectCreated(msgspec.Struct, frozen=True):
    """As the event has it: the object may be another one by now, or gone."""

    bucket: str
    key: str
    bytes: int
    etag: str

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def created_in(message: Mapping[str, Any]) -> Iterator[ObjectCreated]:
    """All objects of one message. What is no news of an object, as S3's test event, names none; what cannot be read as
    any of these raises ValueError."""
    if message.get("Event") == "s3:TestEvent":
        return
    if message.get("Type") == "Notification":
        yield from created_in(json.loads(message["Message"]))
    elif message.get("source") == "aws.s3":
        if message.get("detail-type") == "Object Created":
            yield _of_eventbridge(message["detail"])
    elif "Records" in message:
        for record in message["Records"]:
            yield from _of_record(record)
    else:
        raise ValueError("the message is no event of S3")


def _of_record(record: Mapping[str, Any]) -> Iterator[ObjectCreated]:
    if "Sns" in record:
        yield from created_in(json.loads(record["Sns"]["Message"]))
    elif record["eventName"].startswith("ObjectCreated:"):
        found = record["s3"]["object"]
        key = unquote_plus(found["key"])
        yield ObjectCreated(record["s3"]["bucket"]["name"], key, int(found["size"]), found.get("eTag", ""))


def _of_eventbridge(detail: Mapping[str, Any]) -> ObjectCreated:
    found = detail["object"]
    return ObjectCreated(detail["bucket"]["name"], found["key"], int(found["size"]), found.get("etag", ""))
