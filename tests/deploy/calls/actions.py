"""Which actions of IAM a call of an API needs. Most are called the same; these are not."""

from __future__ import annotations

from collections.abc import Mapping

_OTHERS: Mapping[str, tuple[str, ...]] = {
    "s3:HeadBucket": ("s3:ListBucket",),
    "s3:ListObjectsV2": ("s3:ListBucket",),
    "s3:ListMultipartUploads": ("s3:ListBucketMultipartUploads",),
    "s3:HeadObject": ("s3:GetObject",),
    "s3:CreateMultipartUpload": ("s3:PutObject",),
    "s3:UploadPart": ("s3:PutObject",),
    "s3:CompleteMultipartUpload": ("s3:PutObject",),
    "s3:ListParts": ("s3:ListMultipartUploadParts",),
    "s3:DeleteObjects": ("s3:DeleteObject",),
}
_OF_ITEMS: Mapping[str, str] = {
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
    "Delete": "dynamodb:DeleteItem",
    "ConditionCheck": "dynamodb:ConditionCheckItem",
}
"""A transaction needs what its items do."""


def actions_of(call: str, item: str = "") -> tuple[str, ...]:
    """`item` is the kind of a transaction's item."""
    return (_OF_ITEMS[item],) if item else _OTHERS.get(call, (call,))
