"""Durations and sizes as people write them."""

from __future__ import annotations

import re

from headrace_producers.errors import SettingsError

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_BYTES = {"": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}


def seconds(text: str) -> float:
    """Such as 90s, 15m, 24h or 30d. Raises SettingsError."""
    return _amount(text, _SECONDS, "no duration such as 15m, 24h or 30d")


def size_bytes(text: str) -> int:
    """Such as 128MiB. Raises SettingsError."""
    return int(_amount(text, _BYTES, "no size such as 64KiB or 128MiB"))


def _amount(text: str, units: dict[str, int], wrong: str) -> float:
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([A-Za-z]*)", text)
    if found is None or found[2] not in units:
        raise SettingsError(f"{text!r} is {wrong}")
    return float(found[1]) * units[found[2]]
