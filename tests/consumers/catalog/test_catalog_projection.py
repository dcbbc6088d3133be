"""What Athena makes of a table's projection, held against the folders that files are really in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace_consumers.catalog.lake import wanted_of
from headrace_consumers.catalog.plan import Existing, plan
from headrace_consumers.catalog.projection import Projection, Span, ahead_for, partition_of
from headrace_consumers.catalog.tables import CatalogColumn, CatalogTable
from headrace_consumers.grain import Grain
from headrace_consumers.settings import CatalogSettings, LakeSettings
from headrace_consumers.stages import partition_values
from headrace_producers.errors import SettingsError
from tests.consumers.catalog.shelf import projected
from tests.consumers.catalog.visits import visits

NOW = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
SETTINGS, LAKE = CatalogSettings(), LakeSettings()
GRAINS = st.sampled_from(Grain)
TIMES = st.datetimes(datetime(2025, 11, 1), datetime(2026, 3, 31), timezones=st.just(UTC))  # noqa: DTZ001


def projection(grain: Grain, start: str, ahead: int = 1) -> Projection:
    return Projection(grain.column, grain, "s3://b/x/", Span(start, ahead))


def table_of(made: Projection, span: Span) -> CatalogTable:
    return CatalogTable("s3://b/x/", (), (CatalogColumn(made.column, "string"),), "", made.parameters(span))


def folder_of(time: datetime, grain: Grain) -> str:
    """As the engine and the windows service name it."""
    (value,) = partition_values(pa.chunked_array([[time]], pa.timestamp("us", "UTC")), grain).dictionary.to_pylist()
    return str(value)


@given(GRAINS, TIMES, st.floats(0, 40 * 24 * 3600), st.floats(0, 1))
def test_whatever_the_skew_lets_in_is_seen(grain: Grain, now: datetime, skew_s: float, share: float) -> None:
    """An event that arrives now may lie ahead by the skew, over the end of a month too."""
    made = projection(grain, partition_of(now, grain), ahead_for(skew_s, grain))
    folder = folder_of(now + timedelta(seconds=skew_s * share), grain)
    assert f"s3://b/x/{grain.column}={folder}/" in set(projected(table_of(made, made.span), now))


def test_one_partition_ahead_is_always_seen() -> None:
    """Clocks differ, also where no skew is allowed; more of it, more partitions."""
    assert {ahead_for(0.0, grain) for grain in Grain} == {1}
    assert [ahead_for(5 * 3600.0, grain) for grain in Grain] == [1, 1, 5]


@given(GRAINS, TIMES, st.lists(TIMES, max_size=5), st.sampled_from(["", "NOW-3YEARS,NOW", "garbage", ",", "NOW,NOW"]))
def test_whatever_has_a_folder_is_seen(grain: Grain, now: datetime, times: list[datetime], stated: str) -> None:
    """Before the range and behind it, whatever the range was; and nothing is left outside of what it is then."""
    made = projection(grain, "2025-12-31T05"[: len(partition_of(now, grain))])
    folders = [folder_of(time, grain) for time in times]
    grown = made.grown(stated, folders, now)
    table = table_of(made, grown)
    assert {f"s3://b/x/{grain.column}={folder}/" for folder in folders} <= set(projected(table, now))
    assert made.outside(table.parameters[made.range_key], folders, now) == []


@given(GRAINS, st.lists(TIMES, max_size=3), st.lists(TIMES, max_size=3), TIMES, st.integers(0, 60))
def test_a_range_never_narrows(
    grain: Grain, first: list[datetime], then: list[datetime], now: datetime, days: int
) -> None:
    """Folders come and go, time passes: what was seen once is seen for ever."""
    made = projection(grain, partition_of(now, grain))
    before = made.grown("", [folder_of(time, grain) for time in first], now)
    later = now + timedelta(days=days)
    after = made.grown(made.parameters(before)[made.range_key], [folder_of(time, grain) for time in then], later)
    assert after.start <= before.start
    assert after.ahead >= before.ahead


@pytest.mark.parametrize(
    ("stated", "span"),
    [
        ("1999-05,NOW", Span("1999-05", 1)),
        (" 1999-05 , now + 3 months ", Span("1999-05", 3)),
        ("2013-01,NOW+2YEARS", Span("2000-01", 1)),
        ("2013-01,2026-12", Span("2000-01", 11)),
        ("2013-01,2020-12", Span("2000-01", 1)),
        ("1999-13,NOW", Span("2000-01", 1)),
        ("NOW-30YEARS,NOW", Span("2000-01", 1)),
    ],
)
def test_a_range_by_hand_is_read_as_athena_reads_it(stated: str, span: Span) -> None:
    """A date at its end will be passed one day: it becomes so many partitions from now."""
    assert projection(Grain.MONTH, "2000-01").grown(stated, (), NOW) == span


def test_each_grain_as_athena_writes_it() -> None:
    """Java's formats, the units of intervals, templates that are the keys of files."""
    said = {
        grain: list(projection(grain, "2026-01-31T05"[: len(partition_of(NOW, grain))]).parameters(
            Span("2026-01-31T05"[: len(partition_of(NOW, grain))], 1)
        ).values())
        for grain in Grain
    }  # fmt: skip
    assert said == {
        Grain.MONTH: ["true", "date", "yyyy-MM", "1", "MONTHS", "2026-01,NOW+1MONTHS",
                      "s3://b/x/event_month=${event_month}/"],
        Grain.DAY: ["true", "date", "yyyy-MM-dd", "1", "DAYS", "2026-01-31,NOW+1DAYS",
                    "s3://b/x/event_date=${event_date}/"],
        Grain.HOUR: ["true", "date", "yyyy-MM-dd'T'HH", "1", "HOURS", "2026-01-31T05,NOW+1HOURS",
                     "s3://b/x/event_hour=${event_hour}/"],
    }  # fmt: skip


def ranges(settings: CatalogSettings) -> dict[str, str]:
    made = plan(wanted_of(visits, LAKE, settings, NOW), Existing(), NOW)
    found = [one.wanted for one in made.changes if hasattr(one, "wanted")]
    return {table.location.split("/")[-2]: next(v for k, v in table.parameters.items() if "range" in k)
            for table in found}  # fmt: skip


def test_a_table_begins_where_its_grain_can_bear_it() -> None:
    """Months and days in 2000; hours a year ago, as each is a request; or where the setting says, for all."""
    said = ranges(SETTINGS)
    assert said["visits"] == "2000-01,NOW+1MONTHS"
    assert said["clinic_late"] == said["stays"] == "2000-01-01,NOW+1DAYS"
    assert said["weights"] == "2025-01-01T00,NOW+1HOURS"
    since = ranges(CatalogSettings(catalog_since="2013-06-15"))
    assert since["visits"] == "2013-06,NOW+1MONTHS"
    assert since["weights"] == "2013-06-15T00,NOW+1HOURS"


def test_wrong_settings_are_told() -> None:
    """A sentence each."""
    with pytest.raises(SettingsError, match="catalog_since 'May' is no date such as 2013-01-31"):
        CatalogSettings(catalog_since="May")
    with pytest.raises(SettingsError, match="catalog_prefix 'Head-race': lower-case letters, digits and _ please"):
        CatalogSettings(catalog_prefix="Head-race")
    with pytest.raises(SettingsError, match="catalog_since 2026-02-01 lies in the future"):
        wanted_of(visits, LAKE, CatalogSettings(catalog_since="2026-02-01"), NOW)
