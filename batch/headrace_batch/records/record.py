"""One record: reviewed before it is run, and kept with what came of it."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum

import msgspec

from headrace_consumers.commitlog.model import Counts

ROLES = frozenset({
    "analyst", "architect", "developer", "engineer", "lead", "manager", "officer", "operator", "owner", "scientist",
    "steward", "team",
})  # fmt: skip
_ROLE = re.compile(r"[a-z]+(-[a-z]+)*")
NAME = re.compile(r"[a-z0-9][a-z0-9-]{2,99}")
SUFFIX = ".yaml"


class Status(StrEnum):
    PLANNED = "planned"
    """To be reviewed, or reviewed and not yet run."""
    RUNNING = "running"
    """Or ended by a kill: run it again, and it goes on."""
    DONE = "done"
    FAILED = "failed"


class Record(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True,
    rename={"start": "from", "end": "to"},
):  # fmt: skip
    """Wrong ones raise msgspec.ValidationError as they are read."""

    pipeline: str
    """MODULE:PIPELINE."""
    start: datetime
    end: datetime
    """Half open: arrival in the stream."""
    reason: str
    owner: str
    """A role, never a person."""
    created: datetime
    status: Status = Status.PLANNED
    finished: datetime | None = None
    counts: Counts | None = None
    """Of what the last run committed that ended by itself."""
    failure: str = ""

    def __post_init__(self) -> None:
        times = (self.start, self.end, self.created, *([self.finished] if self.finished else []))
        if any(time.tzinfo is None for time in times):
            raise ValueError("every time needs an offset, such as 2026-01-31T12:00:00Z")
        if self.start >= self.end:
            raise ValueError("`to` must come after `from`")
        if not self.reason.strip():
            raise ValueError("say the reason")
        require_role(self.owner)
        self._check_status()

    def _check_status(self) -> None:
        if (self.status in (Status.DONE, Status.FAILED)) != (self.finished is not None):
            raise ValueError("`finished` belongs to what is done or failed, and to nothing else")
        if self.finished is not None and self.finished < self.created:
            raise ValueError("`finished` must not come before `created`")
        if bool(self.failure) != (self.status is Status.FAILED):
            raise ValueError("`failure` belongs to what failed")


def require_role(owner: str) -> None:
    """ValueError where it is no role."""
    if not _ROLE.fullmatch(owner) or owner.rpartition("-")[2] not in ROLES:
        raise ValueError(f"owner {owner!r} is no role such as platform-engineer; known are {', '.join(sorted(ROLES))}")
