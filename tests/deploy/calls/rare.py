"""Calls that the code makes only after a fault, or on a scale, that no short run has. Each is held against the code."""

from __future__ import annotations

from collections.abc import Iterator

from tests.deploy.calls.actions import actions_of
from tests.deploy.calls.rows import CODE, Row

_LIST = "a commit of too many files for its item lists them in an object"
_LANES = "what a link has no room for, or a commit's item, is kept in an object"
_FENCED = "who was fenced aborts what it uploaded, and takes the list of its files away"
_PENDING = "files stay pending where their writer died after its commit: whoever meets them completes them"
_SETTLED = "whoever comes next settles what a batch command left that died after its commit"
_FIRST = "whoever asks first writes the pipeline's first generation"
_WINDOWS = "what rows of files add to windows"
_REMADE = "a committed file that is lost is made again from the stream"
_EXPIRED = "links of more than 30 days expire with their commits"
_ADOPTED = "`adopt` writes a gap, or an end"
_STOLEN = "a dead leader's lock is taken away"
_CHANGED = "columns of a contract, or the time from which partitions count, are others than before"
_SLOW = "a query that runs too long is stopped"

_LAKE = "raw_objects processed_objects curated_objects"
_TABLES = "processed_objects curated_objects"
_RARE = (
    ("windows operator", "dynamodb:PutItem", "log_table", _FIRST),
    ("worker operator", "s3:PutObject s3:GetObject", "raw_objects", _LANES),
    ("windows batch landing", "s3:PutObject s3:GetObject", "raw_objects", _LIST),
    ("loader", "s3:GetObject", "raw_objects", _LIST),
    ("worker", "s3:AbortMultipartUpload", _LAKE, _FENCED),
    ("windows", "s3:AbortMultipartUpload", "curated_objects", _FENCED),
    ("worker windows batch landing", "s3:DeleteObject", "raw_objects", _FENCED),
    ("worker", "dynamodb:DeleteItem", "lease_tables", _STOLEN),
    ("windows batch landing", "s3:HeadObject s3:CompleteMultipartUpload", _LAKE, _PENDING),
    ("loader", "s3:HeadObject s3:CompleteMultipartUpload", _TABLES, _PENDING),
    ("operator", "s3:HeadObject s3:ListParts s3:CompleteMultipartUpload", _LAKE, _PENDING),
    ("operator", "s3:CreateMultipartUpload s3:UploadPart s3:AbortMultipartUpload", _LAKE, _REMADE),
    ("landing", "s3:CreateMultipartUpload s3:UploadPart", "curated_objects", _WINDOWS),
    ("batch landing", "s3:AbortMultipartUpload s3:DeleteObject", _TABLES, _SETTLED),
    ("operator", "glue:UpdateTable", "glue", _CHANGED),
    ("operator", "athena:StopQueryExecution", "athena", _SLOW),
)
"""Services, calls, kinds of resources, and when."""
_RARE_ITEMS = (("batch", "Delete", _EXPIRED), ("operator", "Put", _ADOPTED), ("operator", "ConditionCheck", _ADOPTED))
"""Of transactions on the log."""
NEVER_MADE = {
    ("operator", "s3:DeleteObject"): "`adopt` appends links alone: no commit, and so no list of files that could go",
}
"""What reading the code comes to, and no run ever does: service and call to why."""


def rare_rows() -> list[Row]:
    return sorted((*_rows(), *_transactions()))


def _rows() -> Iterator[Row]:
    for services, calls, kinds, why in _RARE:
        for service in services.split():
            for call in calls.split():
                for on in kinds.split():
                    yield Row(service=service, call=call, on=on, actions=actions_of(call), source=CODE, why=why)


def _transactions() -> Iterator[Row]:
    call = "dynamodb:TransactWriteItems"
    for service, item, why in _RARE_ITEMS:
        yield Row(service=service, call=call, on="log_table", actions=actions_of(call, item), source=CODE, why=why)
