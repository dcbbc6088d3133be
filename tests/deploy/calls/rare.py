"""Calls that the code makes only after a fault, or on a scale, that no short run has. Each is held against the code."""

from __future__ import annotations

from collections.abc import Iterator

from tests.deploy.calls.actions import actions_of
from tests.deploy.calls.rows import CODE, Row

_LIST = "a commit of too many files for its item lists them in an object"
_FENCED = "the list of files goes where its commit was fenced"
_PENDING = "files stay pending where their writer died after its commit: whoever meets them completes them"
_SETTLED = "whoever comes next settles what a batch command left that died after its commit"
_FIRST = "whoever asks first writes the pipeline's first generation"
_REMADE = "a committed file that is lost is made again from the stream"
_EXPIRED = "links of more than 30 days expire with their commits"
_AWAY = "where the quick read of a file's end fails, it is read as any other"

_RARE = (
    ("windows operator", "dynamodb:PutItem", "log_table", _FIRST),
    ("worker windows batch landing operator", "s3:PutObject", "raw_objects", _LIST),
    ("worker windows loader batch landing operator", "s3:GetObject", "raw_objects", _LIST),
    ("worker windows batch landing", "s3:DeleteObject", "raw_objects", _FENCED),
    ("windows batch landing", "s3:CompleteMultipartUpload", "raw_objects", _PENDING),
    ("landing", "s3:HeadObject", "raw_objects curated_objects", _SETTLED),
    ("windows", "s3:CompleteMultipartUpload", "processed_objects", _PENDING),
    ("loader", "s3:CompleteMultipartUpload s3:HeadObject", "processed_objects curated_objects", _PENDING),
    ("loader", "s3:GetObject", "processed_objects curated_objects", _AWAY),
    ("landing", "s3:CompleteMultipartUpload", "curated_objects", _SETTLED),
    ("landing", "s3:CreateMultipartUpload s3:UploadPart", "curated_objects", "what rows of files add to windows"),
    ("landing", "s3:AbortMultipartUpload s3:DeleteObject", "processed_objects curated_objects", _SETTLED),
    ("operator", "s3:HeadObject s3:ListParts", "raw_objects processed_objects curated_objects", _PENDING),
    ("operator", "s3:CreateMultipartUpload s3:UploadPart s3:CompleteMultipartUpload s3:AbortMultipartUpload",
     "raw_objects processed_objects curated_objects", _REMADE),
    ("dbt", "s3:DeleteObjects", "curated_objects", "an unload takes away what the one before the last left"),
)  # fmt: skip


def rare_rows() -> list[Row]:
    return sorted(_rows())


def _rows() -> Iterator[Row]:
    for services, calls, kinds, why in _RARE:
        for service in services.split():
            for call in calls.split():
                for on in kinds.split():
                    yield Row(service=service, call=call, on=on, actions=actions_of(call), source=CODE, why=why)
    for action in ("dynamodb:DeleteItem",):
        yield Row(service="batch", call="dynamodb:TransactWriteItems", on="log_table", actions=(action,), source=CODE,
                  why=_EXPIRED)  # fmt: skip
