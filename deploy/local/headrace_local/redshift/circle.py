"""What the gateway's own commands work with, in one client's connection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace_local.redshift.backend import Backend
from headrace_local.redshift.journal import Journal
from headrace_local.redshift.replies import Replies

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class Circle:
    """`s3` is called in a thread: making a client takes a while."""

    backend: Backend
    replies: Replies
    journal: Journal
    s3: Callable[[], S3Client]


def quoted(name: str) -> str:
    """As an SQL name."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'
