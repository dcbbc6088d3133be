"""Compacted files that hold rows of commits which a backfill retires."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from headrace_batch.place import Place
from headrace_consumers.commitlog.model import Replaced
from headrace_consumers.commitlog.standing import Standing
from headrace_consumers.lake.objects import EncodedFile
from headrace_producers.errors import TerminalError


@dataclass(frozen=True, slots=True)
class Rewritten:
    replaces: tuple[Replaced, ...] = ()
    files: tuple[EncodedFile, ...] = ()


def without_commits(_place: Place, standing: Standing, _commit_ids: Collection[str], _attempt_id: str) -> Rewritten:
    if any(file.rewritten for commit in standing.commits.values() for file in commit.files):
        raise TerminalError("the lake has rewritten files, which this version cannot take apart")
    return Rewritten()
