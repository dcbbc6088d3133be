"""Lists that land in a stack's lake, by the code that lands any file."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

from headrace_batch.committing import find_commit
from headrace_batch.landing.arriving import LocalFile
from headrace_batch.landing.landing import land
from headrace_batch.landing.verdicts import Outcome
from headrace_batch.place import opened
from headrace_consumers.commitlog.model import Commit
from headrace_consumers.load.waiting import LakeFile
from headrace_local.environment import aws_variables
from headrace_local.pipelines import flights
from headrace_local.stack import OwnedStack
from headrace_local.workers import PIPELINE


def landed(stack: OwnedStack, source: str, path: Path) -> list[LakeFile]:
    """What a loader has to load of it."""
    found = flights.landing(source)
    assert found is not None, source
    stat = path.stat()
    file = LocalFile(path, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))
    resources = stack.resources
    with (
        patch.dict(os.environ, aws_variables(stack.endpoint)),
        opened(PIPELINE, resources.stream, resources.lake_settings, resources.log_settings, "test") as place,
    ):
        verdict = land(place, found, file)
        commit = find_commit(place, verdict.commit_id)
    assert verdict.outcome is Outcome.LANDED, verdict
    assert verdict.letters == 0
    assert commit is not None
    return files_in(commit)


def files_in(commit: Commit) -> list[LakeFile]:
    return [LakeFile(commit.attempt_id, one.table, one.bucket, one.key, one.rows, one.bytes) for one in commit.files]
