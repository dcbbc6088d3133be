"""A partner who sends files: a server of Transfer Family, a queue that S3 tells, and the Lambda function that lands."""

from __future__ import annotations

import asyncio
import io
import json
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
import boto3

from headrace_local.environment import KEY, REGION, aws_variables
from headrace_local.stack import OwnedStack
from headrace_local.workers import settings_variables
from tests.sql.world import PIPELINE

_ROLE = "arn:aws:iam::000000000000:role/landing"
_ENTRY = "from headrace_batch.landing.handler import handler\n"
"""All of the function's own code: the packages are those of MiniStack's interpreter, as a layer's would be."""
_SERVER, _QUEUE, _FUNCTION = "partner", "landing", "landing"


@dataclass(frozen=True)
class Partner:
    """Knows a host, a name and a key; nothing of AWS."""

    port: int
    key: asyncssh.SSHKey

    def send(self, path: Path, name: str) -> None:
        asyncio.run(self._send(path, name))

    async def _send(self, path: Path, name: str) -> None:
        async with (
            asyncssh.connect("127.0.0.1", self.port, username=_SERVER, client_keys=[self.key], known_hosts=None) as ssh,
            ssh.start_sftp_client() as sftp,
        ):
            await sftp.put(str(path), name)


def partner_of(stack: OwnedStack) -> Partner:
    """With all that stands between a partner's upload and the lake."""
    queue = _make_queue(stack)
    _make_function(stack, queue)
    key = asyncssh.generate_private_key("ssh-ed25519")
    transfer = client(stack, "transfer")
    server = transfer.create_server()["ServerId"]
    transfer.create_user(
        ServerId=server,
        UserName=_SERVER,
        Role=_ROLE,
        HomeDirectory=f"/{stack.resources.landing_bucket}/landing",
        SshPublicKeyBody=key.export_public_key().decode(),
    )
    return Partner(stack.sftp_port, key)


def client(stack: OwnedStack, service: str) -> Any:
    own = {"region_name": REGION, "aws_access_key_id": KEY, "aws_secret_access_key": KEY}
    return boto3.client(service, endpoint_url=stack.endpoint, **own)  # type: ignore[call-overload]


def _make_queue(stack: OwnedStack) -> str:
    """Its name in AWS; S3 tells it of all that comes below `landing/`."""
    sqs = client(stack, "sqs")
    url = sqs.create_queue(QueueName=_QUEUE, Attributes={"VisibilityTimeout": "120"})["QueueUrl"]
    arn: str = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    s3_may = {
        "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn,
    }  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [s3_may]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    told = {
        "QueueArn": arn,
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "landing/"}]}},
    }
    client(stack, "s3").put_bucket_notification_configuration(
        Bucket=stack.resources.landing_bucket, NotificationConfiguration={"QueueConfigurations": [told]}
    )
    return arn


def _make_function(stack: OwnedStack, queue: str) -> None:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("entry.py", _ENTRY)
    functions = client(stack, "lambda")
    functions.create_function(
        FunctionName=_FUNCTION,
        Runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",
        Role=_ROLE,
        Handler="entry.handler",
        Code={"ZipFile": code.getvalue()},
        Timeout=110,
        MemorySize=2048,
        Environment={
            "Variables": {
                "HEADRACE_PIPELINE": PIPELINE,
                **settings_variables(stack.resources.settings),
                **aws_variables(stack.endpoint),
            }
        },
    )
    functions.create_event_source_mapping(
        EventSourceArn=queue, FunctionName=_FUNCTION, BatchSize=10, FunctionResponseTypes=["ReportBatchItemFailures"]
    )
