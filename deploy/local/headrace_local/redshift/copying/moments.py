"""DATEFORMAT and TIMEFORMAT: dates and instants from texts, a column at once. Pure."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headrace_local.redshift.errors import NotImitatedError

_ISO_DATE, _ISO_INSTANT = "YYYY-MM-DD", "YYYY-MM-DD HH:MI:SS"
_EPOCHS = {"epochsecs": "s", "epochmillisecs": "ms"}
_ZONE = r"([zZ]|[+-]\d\d(:?\d\d)?)$"
_PARTS = {
    "YYYY": "%Y", "MM": "%m", "MON": "%b", "DD": "%d", "HH24": "%H", "HH12": "%I", "HH": "%H", "MI": "%M", "SS": "%S",
    "AM": "%p", "PM": "%p",
}  # fmt: skip
_PART = re.compile("|".join(sorted(_PARTS, key=len, reverse=True)) + "|[A-Z]+|%", re.IGNORECASE)


class DateReader:
    """By the pattern; `auto` takes ISO 8601 only. Raises ValueError if one of the texts does not fit."""

    def __init__(self, pattern: str) -> None:
        self._pattern = None if pattern.lower() == "auto" or pattern.upper() == _ISO_DATE else strptime_pattern(pattern)

    def __call__(self, texts: Any) -> Any:
        if self._pattern is not None:
            return pc.strptime(texts, self._pattern, "s").cast(pa.date32())
        return pc.utf8_slice_codeunits(texts, 0, 10).cast(pa.date32())


class InstantReader:
    """By the pattern, in UTC; `auto` takes ISO 8601 only. Raises ValueError if one of the texts does not fit."""

    def __init__(self, pattern: str) -> None:
        self._epoch_unit = _EPOCHS.get(pattern.lower())
        iso = self._epoch_unit is not None or pattern.lower() == "auto" or pattern.upper() == _ISO_INSTANT
        self._pattern = None if iso else strptime_pattern(pattern)

    def __call__(self, texts: Any) -> Any:
        if self._epoch_unit is not None:
            return texts.cast(pa.int64()).cast(pa.timestamp(self._epoch_unit))
        if self._pattern is not None:
            return pc.strptime(texts, self._pattern, "us")
        return _iso_instants(texts)


def strptime_pattern(pattern: str) -> str:
    """Redshift's pattern as strptime's. Raises NotImitatedError for a part that is not known here."""

    def part(found: re.Match[str]) -> str:
        known = _PARTS.get(found.group().upper())
        if known is None:
            raise NotImitatedError(f"The part {found.group()} of the format '{pattern}' is not imitated locally")
        return known

    return _PART.sub(part, pattern)


def _iso_instants(texts: Any) -> Any:
    """With a zone or without, which is then UTC."""
    zoned = pc.fill_null(pc.match_substring_regex(texts, rf":\d\d(\.\d+)?{_ZONE}"), False)  # noqa: FBT003 -- the value
    naive = pc.if_else(zoned, None, texts).cast(pa.timestamp("us"))
    if not pc.any(zoned).as_py():
        return naive
    in_utc = pc.if_else(zoned, texts, None).cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us"))
    return pc.coalesce(naive, in_utc)
