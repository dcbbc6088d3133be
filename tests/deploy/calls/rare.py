"""Calls that the code makes only after a fault, or on a scale, that no short run has. Each is held against the code."""

from __future__ import annotations

from collections.abc import Iterator

from tests.deploy.calls.actions import actions_of
from tests.deploy.calls.rows import CODE, Row

_LIST = "a commit of too many files for its item lists them in an object"
_LANES = "what the link of a shard has no room for, or the commit's item, is kept in an object"
_FENCED = "who was fenced aborts what it uploaded, and the list of its files goes"
_PENDING = "files stay pending where their writer died after its commit: whoever meets them completes them"
_SETTLED = "whoever comes next settles what a batch command left that died after its commit"
_FIRST = "whoever asks first writes the pipeline's first generation"
_REMADE = "a committed file that is lost is made again from the stream"
_EXPIRED = "links of more than 30 days expire with their commits"
_AWAY = "where the quick read of a file's end fails, it is read as any other"
_STOLEN = "a dead leader's lock is taken away"
_SLOW = "a query that runs too long is stopped"

_RARE = (
    ("windows operator", "dynamodb:PutItem", "log_table", _FIRST),
    ("worker operator", "s3:PutObject s3:GetObject", "raw_objects", _LANES),
    ("windows batch landing", "s3:PutObject s3:GetObject", "raw_objects", _LIST),
    ("loader", "s3:GetObject", "raw_objects", _LIST),
    ("worker", "s3:AbortMultipartUpload", "raw_objects processed_objects curated_objects", _FENCED),
    ("worker windows batch landing", "s3:DeleteObject", "raw_objects", _FENCED),
    ("windows", "s3:AbortMultipartUpload", "curated_objects", _FENCED),
    ("worker", "dynamodb:DeleteItem", "lease_tables", _STOLEN),
    ("windows batch landing", "s3:HeadObject s3:CompleteMultipartUpload", "raw_objects processed_objects curated_objects",
     _PENDING),
    ("loader", "s3:HeadObject s3:CompleteMultipartUpload", "processed_objects curated_objects", _PENDING),
    ("loader", "s3:GetObject", "processed_objects curated_objects", _AWAY),
    ("landing", "s3:CreateMultipartUpload s3:UploadPart", "curated_objects", "what rows of files add to windows"),
    ("batch landing", "s3:AbortMultipartUpload s3:DeleteObject", "processed_objects curated_objects", _SETTLED),
    ("operator", "s3:HeadObject s3:ListParts s3:CompleteMultipartUpload", "raw_objects processed_objects curated_objects",
     _PENDING),
    ("operator", "s3:CreateMultipartUpload s3:UploadPart s3:AbortMultipartUpload",
     "raw_objects processed_objects curated_objects", _REMADE),
    ("operator", "athena:StopQueryExecution", "athena", _SLOW),
)  # fmt: skip
"""Services, calls, kinds of resources, and when."""
NEVER_MADE = {
    ("operator", "s3:DeleteObject"): "`adopt` appends links alone: no commit, and so no list of files that could go",
}
"""What reading the code comes to, and no run ever does: service and call to why."""


def rare_rows() -> list[Row]:
    return sorted(_rows())


def _rows() -> Iterator[Row]:
    for services, calls, kinds, why in _RARE:
        for service in services.split():
            for call in calls.split():
                for on in kinds.split():
                    yield Row(service=service, call=call, on=on, actions=actions_of(call), source=CODE, why=why)
    yield Row(service="batch", call="dynamodb:TransactWriteItems", on="log_table", actions=("dynamodb:DeleteItem",),
              source=CODE, why=_EXPIRED)  # fmt: skip
    adopts = ("dynamodb:PutItem", "dynamodb:ConditionCheckItem")
    for action in adopts:
        yield Row(service="operator", call="dynamodb:TransactWriteItems", on="log_table", actions=(action,), source=CODE,
                  why="`adopt` writes a gap or an end")  # fmt: skip
