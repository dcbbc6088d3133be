"""What a file is called that has rows of another one, or of many: by its name alone it can be told of which."""

from __future__ import annotations

import hashlib

from headrace_consumers.lake.objects import PendingFile


def rewritten_key(model: PendingFile, attempt_id: str) -> str:
    """Beside the file that it is modelled on, and as none of another's."""
    return f"{model.table}/{model.partition}/{attempt_id}-{mark_of(model.key)}.parquet"


def mark_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def mark_in(key: str) -> str:
    """Of the file that this one is modelled on; what nobody rewrote may have any."""
    return key.rpartition("-")[2].removesuffix(".parquet")


def folder_of(key: str) -> str:
    """Table and partition."""
    return key.rpartition("/")[0]
