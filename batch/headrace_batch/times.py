"""Times as people write them on a command line."""

from __future__ import annotations

from datetime import datetime

from headrace_producers.errors import SettingsError


def instant(option: str, text: str, or_else: str = "") -> datetime:
    """ISO 8601 with an offset: without one it would be another time in another place. `or_else` ends the sentence
    where something else might have been meant. Raises SettingsError."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"{option} {text!r} is no ISO 8601 time such as 2013-01-31T05:00:00Z{or_else}") from None
    if at.tzinfo is None:
        raise SettingsError(f"{option} {text!r} names no offset; write it as 2013-01-31T05:00:00Z")
    return at
