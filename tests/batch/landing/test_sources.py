"""Declarations, and the sources of the flights: their real files land whole."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from typing import Any

import pytest

from headrace_batch.landing.arriving import LocalFile
from headrace_batch.landing.landing import land
from headrace_batch.landing.verdicts import Outcome
from headrace_consumers.landing import FileForm, FileFormat, LandingSource
from headrace_consumers.pipeline import Grain, LakeTable, Pipeline
from headrace_local.flights.data import lists_csv, weather_csv
from headrace_local.pipelines import flights
from headrace_producers.errors import SettingsError
from tests.batch.landing.harbour import CRATES, CrateWeighed, DepotListed, Harbour, source

NUMBERS = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib")
NOW = datetime(2024, 1, 1, tzinfo=UTC)


def landed(harbour: Harbour, name: str, path: Any) -> list[dict[str, Any]]:
    declared = flights.landing(name)
    assert declared is not None
    verdict = land(harbour.place(), declared, LocalFile(path, path.stat().st_size, NOW))
    assert (verdict.outcome, verdict.letters) == (Outcome.LANDED, 0)
    return harbour.rows(declared.table.name)


def test_a_weather_file_fills_the_streams_own_table() -> None:
    """Value by value, its date put together of three columns."""
    rows = landed(Harbour(flights), "weather", weather_csv())
    with weather_csv().open() as file:
        wanted = [
            {
                "observed_at": datetime.fromisoformat(row["time_hour"]),
                "local_date": date(int(row["year"]), int(row["month"]), int(row["day"])),
                "origin": row["origin"],
                **{name: None if row[name] == "NA" else float(row[name]) for name in NUMBERS},
            }
            for row in csv.DictReader(file)
        ]
    found = [{name: row[name] for name in wanted[0]} for row in sorted(rows, key=lambda row: row["record_index"])]
    assert found == wanted


@pytest.mark.parametrize(("name", "rows"), [("airlines", 16), ("airports", 1458), ("planes", 3322)])
def test_lists_land_whole(name: str, rows: int) -> None:
    assert len(landed(Harbour(flights), name, lists_csv()[name])) == rows


def test_a_landed_table_is_a_table_of_the_lake_and_none_of_the_stream() -> None:
    """Events are routed by the stream's tables alone."""
    assert [table.name for table in flights.lake_tables][3:] == ["airlines", "airports", "planes"]
    assert "airline.listed.v1" not in flights.tables_by_type


WRONG_SOURCES: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown column": ({"columns": {"Gewicht": "weight"}}, "has no weight"),
    "two names for one": ({"columns": {"depot": "kind"}}, "depot would fill two columns"),
    "as of what is no time": ({"as_of": "grams"}, "as_of must be a timestamp"),
    "pieces in JSON": (
        {"joined": {"due": ("y", "m", "d")}, "form": FileForm(format=FileFormat.JSON)}, "only CSV has columns in",
    ),
    "a header that lacks a name": ({"form": FileForm(header=("depot",))}, "the form's header lacks due, fee"),
    "an encoding that nobody knows": ({"form": FileForm(encoding="utf-9")}, "knows no encoding 'utf-9'"),
    "a time zone that nobody knows": ({"form": FileForm(time_zone="Berlin")}, "'Berlin' is no time zone"),
    "a long delimiter": ({"form": FileForm(delimiter="||")}, "one ASCII character each"),
    "a quote that delimits": ({"form": FileForm(delimiter='"')}, "cannot be the same"),
    "marks that are the same": ({"form": FileForm(thousands_mark=".")}, "another one or none"),
    "a directive that is none": ({"form": FileForm(date_form="%d.%m.%y")}, "has %y, which is none of"),
    "a date without a year": ({"form": FileForm(date_form="%d.%m.")}, "needs year, month and day"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG_SOURCES)
def test_a_wrong_declaration_is_told_at_once(name: str) -> None:
    declared, says = WRONG_SOURCES[name]
    with pytest.raises(SettingsError, match=says):
        source(**declared)


def test_a_pipeline_names_each_source_and_table_once() -> None:
    """A table that stream and file share is the same for both."""
    same, other = source(), LandingSource(name="scales", table=LakeTable("depots", DepotListed, Grain.MONTH))
    with pytest.raises(SettingsError, match="two landing sources share a name"):
        Pipeline(name="crates", stream="s", tables=(CRATES,), landings=(same, other))
    unlike = LandingSource(name="scales", table=LakeTable("crates", CrateWeighed, Grain.MONTH))
    with pytest.raises(SettingsError, match="table crates is declared twice"):
        Pipeline(name="crates_pipeline", stream="s", tables=(CRATES,), landings=(unlike,))
    with pytest.raises(SettingsError, match="lower-case letters"):
        LandingSource(name="Scales", table=CRATES)
