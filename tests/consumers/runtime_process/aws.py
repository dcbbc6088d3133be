"""A local AWS for one test module: MiniStack as a process of its own on a free port."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from headrace_consumers.lake.tails import S3Tails

REGION = "eu-central-1"


def environment(endpoint: str) -> dict[str, str]:
    """What a process needs to talk to the local AWS, and nothing else of ours."""
    return {
        "PATH": "/usr/bin:/bin",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }


def client(service: str, endpoint: str) -> Any:
    return boto3.Session().client(
        service,  # type: ignore[call-overload]  # any service, known at run time
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - the local AWS takes any
        config=Config(retries={"max_attempts": 1}, connect_timeout=2, read_timeout=10),
    )


def tails(endpoint: str) -> S3Tails:
    return S3Tails(endpoint, REGION, lambda: {"access_key_id": "test", "secret_access_key": "test", "expires_at": None})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def local_aws(log: Path) -> Iterator[str]:
    """The endpoint, while it lives."""
    port = free_port()
    env = os.environ | {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("ministack"))], env=env, cwd=log.parent, stdout=output, stderr=output
        )
        try:
            endpoint = f"http://127.0.0.1:{port}"
            _until_it_answers(endpoint, process)
            yield endpoint
        finally:
            process.terminate()
            process.wait(20)


def _until_it_answers(endpoint: str, process: subprocess.Popen[bytes]) -> None:
    deadline_s = time.monotonic() + 60
    kinesis = client("kinesis", endpoint)
    while time.monotonic() < deadline_s and process.poll() is None:
        try:
            kinesis.list_streams()
        except (BotoCoreError, ClientError):
            time.sleep(0.2)
        else:
            kinesis.close()
            return
    raise RuntimeError("the local AWS did not come up")
