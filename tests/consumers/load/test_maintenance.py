"""When the loader rests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace_consumers.load.maintenance import Maintenance
from headrace_producers.errors import SettingsError

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


def at(day: int, clock: str) -> int:
    hour, minute = clock.split(":")
    return int((MONDAY + timedelta(days=day, hours=int(hour), minutes=int(minute))).timestamp() * 1000)


def test_a_span_of_one_day_a_week() -> None:
    """From its first minute until before its last, on that day alone."""
    spans = Maintenance.of("Sun 03:00-04:30")
    assert spans.is_on(at(6, "03:00"))
    assert spans.is_on(at(6, "04:29"))
    assert not spans.is_on(at(6, "04:30"))
    assert not spans.is_on(at(6, "02:59"))
    assert not spans.is_on(at(5, "03:30"))


def test_over_midnight_and_over_the_weeks_end() -> None:
    """A span that ends before it begins ends the next day; Sunday's on Monday."""
    spans = Maintenance.of("23:50-00:10")
    assert all(spans.is_on(at(day, "23:55")) and spans.is_on(at(day, "00:05")) for day in range(7))
    sunday = Maintenance.of("sun 23:00-01:00")
    assert sunday.is_on(at(0, "00:30"))
    assert not sunday.is_on(at(1, "00:30"))


@given(begin=st.integers(0, 1439), end=st.integers(0, 1439), minute=st.integers(0, 7 * 1440 - 1))
def test_a_daily_span_holds_its_minutes(begin: int, end: int, minute: int) -> None:
    """Against the plain rule on the clock; an empty span holds nothing."""
    text = f"{begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}"
    clock = minute % 1440
    inside = begin <= clock < end if begin <= end else clock >= begin or clock < end
    assert Maintenance.of(text).is_on(at(0, "00:00") + minute * 60_000) == inside


@pytest.mark.parametrize("text", ["sunday 03:00-04:00", "3:00-4:00", "24:00-01:00", "03:00", "03:00-04:60"])
def test_what_is_no_span_is_refused(text: str) -> None:
    """With what to say instead."""
    with pytest.raises(SettingsError, match="in UTC"):
        Maintenance.of(text)


def test_nothing_said_is_no_span() -> None:
    """The default: loads at any time."""
    assert not Maintenance.of("").spans
