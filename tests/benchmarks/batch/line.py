"""What each measurement of batch says: its lines of the table, and what of its goal is missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One measurement on one machine."""

    lines: Sequence[str]
    misses: Sequence[str] = ()
    """Of the goal; only `--check` asks for it."""
    differences: Sequence[str] = ()
    """What must never be: two ways that should have made the same did not."""
