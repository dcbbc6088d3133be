"""What became of a file that somebody sent: one of four, each with a sentence."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Outcome(StrEnum):
    LANDED = "landed"
    LANDED_BEFORE = "landed before"
    """The same content, whatever it was called then."""
    REFUSED = "refused"
    """Nothing of it is in any table; the file is kept, and the verdict beside it."""
    HANDED_ON = "handed to Spark"
    """Too big for one process: a record waits for Spark's job."""
    WOULD_LAND = "would land"
    """Of a dry run."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    outcome: Outcome
    source: str
    file: str
    """A path, or s3://…"""
    reason: str = ""
    """Of a refusal: a code that stays."""
    sentence: str = ""
    sha256: str = ""
    bytes: int = 0
    rows: int = 0
    letters: int = 0
    commit_id: str = ""
    kept: str = ""
    """Where the file is kept as it came."""

    @property
    def ok(self) -> bool:
        return self.outcome is not Outcome.REFUSED

    def __str__(self) -> str:
        match self.outcome:
            case Outcome.LANDED | Outcome.WOULD_LAND:
                said = f"{self.rows:,} rows, {self.letters:,} dead letters"
                return f"{self.file}: {self.outcome}, {said}" + (f", commit {self.commit_id}" * bool(self.commit_id))
            case Outcome.LANDED_BEFORE:
                return f"{self.file}: landed before, by commit {self.commit_id}; nothing to do"
            case Outcome.REFUSED:
                return f"{self.file}: refused ({self.reason}): {self.sentence}"
            case _:
                return f"{self.file}: {self.outcome}: {self.sentence}"
