"""What changes by itself, and what is refused: planned without a catalog."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace_consumers.catalog.changes import CreateTable
from headrace_consumers.catalog.lake import wanted_of
from headrace_consumers.catalog.plan import Existing, plan
from headrace_consumers.catalog.projection import Projection, Span
from headrace_consumers.catalog.tables import (
    FIRST_COLUMNS,
    PERSONAL,
    PIPELINE,
    CatalogColumn,
    CatalogTable,
    Formats,
    TableName,
    Wanted,
    WantedTable,
)
from headrace_consumers.grain import Grain
from headrace_consumers.pipeline import Pipeline
from headrace_consumers.settings import CatalogSettings, LakeSettings
from headrace_producers.errors import SettingsError
from tests.consumers.catalog.shelf import after
from tests.consumers.catalog.visits import dated, later, others, otherwise, visits

NOW = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
WEIGHTS_MARKED = "patient,weight_max,weight_mean,weight_p9"
VISITS = TableName("headrace_processed", "visits")
MONTHS = Projection("event_month", Grain.MONTH, "s3://b/x/", Span("2000-01", 1))


def wanted(pipeline: Pipeline, **lake: str) -> Wanted:
    return wanted_of(pipeline, LakeSettings(**lake), CatalogSettings(), NOW)


def made(pipeline: Pipeline = visits) -> Existing:
    return after(Existing(), plan(wanted(pipeline), Existing(), NOW))


TYPES = st.sampled_from(["string", "bigint", "decimal(7,2)"])
COLUMNS = st.lists(
    st.builds(
        CatalogColumn,
        st.sampled_from("abcd"),
        TYPES,
        st.sampled_from(["", "words"]),
        st.sampled_from([{}, {PERSONAL: "true"}, {"unit": "mi"}]),
    ),
    min_size=1,
    unique_by=lambda column: column.name,
).map(tuple)
PLACES = st.sampled_from([TableName("raw", "x"), TableName("curated", "y")])
TABLES = st.builds(
    CatalogTable,
    st.sampled_from(["s3://b/x/", "s3://b/y/"]),
    COLUMNS,
    st.sampled_from([(), (CatalogColumn("event_month", "string"),)]),
    st.sampled_from(["", "words"]),
    st.sampled_from([{PIPELINE: "p"}, {PIPELINE: "p", "headrace.contract": "c.v1"}]),
)
WANTED = st.builds(
    Wanted,
    st.just("p"),
    st.just({"raw": "", "curated": ""}),
    st.dictionaries(PLACES, st.builds(WantedTable, TABLES, st.sampled_from([None, MONTHS])), min_size=1),
)
FOREIGN = st.builds(
    CatalogTable, st.just("s3://b/x/"), COLUMNS, st.just(()), st.just("words"),
    st.sampled_from([{}, {PIPELINE: "q"}, {PIPELINE: "p", "tag": "t", MONTHS.range_key: "1999-05,NOW"}]),
    st.sampled_from([Formats("", "", "")]),
)  # fmt: skip
FOLDERS = st.dictionaries(PLACES, st.lists(st.sampled_from(["1998-07", "2026-01", "2026-05", "no date"])))
EXISTING = st.builds(Existing, st.sampled_from([frozenset(), {"raw"}]), st.dictionaries(PLACES, FOREIGN), FOLDERS)


@given(WANTED, WANTED, FOLDERS)
def test_a_plan_is_done_once_it_is_made(old: Wanted, new: Wanted, folders: dict[TableName, list[str]]) -> None:
    """From any contract to any other: the next plan changes nothing, and refuses the same; refused tables stay."""
    before = replace(after(Existing(), plan(old, Existing(), NOW)), folders=folders)
    first = plan(new, before, NOW)
    existing = after(before, first)
    second = plan(new, existing, NOW)
    assert second.changes == ()
    assert second.refusals == first.refusals
    for refusal in first.refusals:
        assert existing.tables[refusal.place] == before.tables[refusal.place]


@given(WANTED, EXISTING)
def test_so_it_is_whatever_is_there(wanted: Wanted, before: Existing) -> None:
    """Tables of nobody, of others, with parameters and formats of their own."""
    first = plan(wanted, before, NOW)
    existing = after(before, first)
    assert plan(wanted, existing, NOW).changes == ()
    for place, table in before.tables.items():
        kept = existing.tables[place]
        assert list(map(str, kept.columns[: len(table.columns)])) == list(map(str, table.columns))
        assert table.parameters.get("tag") == kept.parameters.get("tag")
        owned = table.parameters.get(PIPELINE) == "p"
        assert owned or kept == table


@given(WANTED, EXISTING)
def test_what_is_not_refused_is_there_afterwards(wanted: Wanted, before: Existing) -> None:
    """Every wanted column with its type, words and marks; every folder in the range."""
    found = plan(wanted, before, NOW)
    existing = after(before, found)
    refused = {refusal.place for refusal in found.refusals}
    for place, table in wanted.tables.items():
        if place in refused:
            continue
        here = existing.tables[place]
        assert set(map(repr, here.columns)) == set(map(repr, table.table.columns))
        if table.projection:
            stated = here.parameters[table.projection.range_key]
            assert table.projection.outside(stated, before.folders.get(place, ()), NOW) == []


def test_a_pipeline_has_its_tables_in_all_zones() -> None:
    """Raw records, events, letters and windows; nothing of partials and state."""
    assert list(map(str, made().tables)) == [
        "headrace_raw.clinic",
        "headrace_processed.visits",
        "headrace_processed.clinic_dead_letters",
        "headrace_processed.clinic_late",
        "headrace_curated.weights",
        "headrace_curated.rush",
        "headrace_curated.stays",
    ]
    assert plan(wanted(visits), made(), NOW).lines() == ()


def test_a_grown_contract_grows_its_tables() -> None:
    """A column comes last; other words and marks follow, in windows too; the version is told."""
    existing = made()
    found = plan(wanted(later), existing, NOW)
    assert found.refusals == ()
    assert found.lines() == (
        "describe column headrace_processed.visits.patient: Who was there (personal data)",
        "describe column headrace_processed.visits.weight: Weight (unit: g)",
        "mark column headrace_processed.visits.weight: unit g; was: personal true, unit g",
        "add column headrace_processed.visits.doctor string",
        "describe table headrace_processed.visits: The same with a column more, in the middle, and other words.",
        "set headrace.contract of headrace_processed.visits: visit.ended_later.v1; was: visit.ended.v1",
        "set headrace.personal_columns of headrace_processed.visits: patient; was: patient,weight",
        "describe column headrace_curated.weights.patient: Who was there (personal data)",
        "describe column headrace_curated.weights.weight_max: Greatest value of weight: Weight (unit: g)",
        "mark column headrace_curated.weights.weight_max: unit g; was: personal true, unit g",
        "describe column headrace_curated.weights.weight_mean: Mean of weight: Weight (unit: g)",
        "mark column headrace_curated.weights.weight_mean: unit g; was: personal true, unit g",
        "describe column headrace_curated.weights.weight_p9: Quantile 0.9 of weight: Weight (unit: g)",
        "mark column headrace_curated.weights.weight_p9: unit g; was: personal true, unit g",
        "describe column headrace_curated.weights.patients: About how many different values of patient: Who was there",
        "set headrace.contract of headrace_curated.weights: visit.ended_later.v1; was: visit.ended.v1",
        f"set headrace.personal_columns of headrace_curated.weights: patient; was: {WEIGHTS_MARKED}",
        "set headrace.contract of headrace_curated.rush: visit.ended_later.v1; was: visit.ended.v1",
        "describe column headrace_curated.stays.patient: Who was there (personal data)",
        "set headrace.contract of headrace_curated.stays: visit.ended_later.v1; was: visit.ended.v1",
    )
    grown = after(existing, found)
    assert [column.name for column in grown.tables[VISITS].columns][-2:] == ["commit_id", "doctor"]
    assert plan(wanted(later), grown, NOW).lines() == ()


def _visits(**values: object) -> Callable[[Existing], Existing]:
    def spoil(existing: Existing) -> Existing:
        table = replace(existing.tables[VISITS], **values)  # type: ignore[arg-type]
        return replace(existing, tables={**existing.tables, VISITS: table})

    return spoil


def _with_parameter(name: str, value: str | None) -> Callable[[Existing], Existing]:
    def spoil(existing: Existing) -> Existing:
        kept = {key: text for key, text in existing.tables[VISITS].parameters.items() if key != name}
        return _visits(parameters=kept if value is None else {**kept, name: value})(existing)

    return spoil


COLUMNS_MADE = made().tables[VISITS].columns


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (
            _visits(columns=tuple(replace(one, type="string") if one.name == "fee" else one for one in COLUMNS_MADE)),
            "column 'fee' is string in the catalog and decimal(7,2) in the contract",
        ),
        (
            _visits(columns=(*COLUMNS_MADE, CatalogColumn("mine", "bigint"))),
            "column 'mine' is in the catalog and not in the contract",
        ),
        (
            _visits(columns=(COLUMNS_MADE[1], COLUMNS_MADE[0], *COLUMNS_MADE[2:])),
            "columns event_time, event_id stand in another order than in the contract",
        ),
        (
            _visits(location="s3://elsewhere/visits/"),
            "it lies at s3://elsewhere/visits/, and files are written to s3://headrace-processed/visits/",
        ),
        (
            _visits(partition_keys=(CatalogColumn("event_date", "string"),)),
            "it is partitioned by event_date string, and files by event_month string",
        ),
        (_with_parameter(PIPELINE, None), "Headrace did not make it"),
        (_with_parameter(PIPELINE, "surgery"), "it is of the pipeline 'surgery'"),
    ],
    ids=["retyped", "removed", "reordered", "moved", "regrained", "foreign", "of_another"],
)
def test_what_people_must_decide_is_refused(spoil: Callable[[Existing], Existing], reason: str) -> None:
    """Each with its reason, and with no change at all."""
    assert plan(wanted(visits), spoil(made()), NOW).lines() == (f"refused headrace_processed.visits: {reason}",)


def test_a_retyped_field_is_refused_and_the_others_go_on() -> None:
    """The table as it stood keeps its readers; missing tables are made all the same."""
    existing = made(replace(visits, windows=()))
    wider = replace(otherwise, windows=visits.windows[1:])
    found = plan(wanted(wider), existing, NOW)
    assert [one.line() for one in found.refusals] == [
        "refused headrace_processed.visits: column 'weight' is bigint in the catalog and string in the contract"
    ]
    assert [one.place.name for one in found.changes if isinstance(one, CreateTable)] == ["rush", "stays"]


def test_two_pipelines_share_databases() -> None:
    """Each has its tables; one that both want is the first one's."""
    found = plan(wanted(others), made(), NOW)
    assert [one.line() for one in found.refusals] == [
        "refused headrace_processed.visits: it is of the pipeline 'clinic'"
    ]
    assert [one.place.name for one in found.changes if isinstance(one, CreateTable)] == [
        "surgery", "surgery_dead_letters", "surgery_late",
    ]  # fmt: skip


def test_columns_that_came_later_may_stand_in_any_order() -> None:
    """The contract has them in its midst, the table last; only its first columns are held against the contract."""
    grown = after(made(), plan(wanted(later), made(), NOW))
    names = [column.name for column in grown.tables[VISITS].columns]
    assert grown.tables[VISITS].parameters[FIRST_COLUMNS] == str(len(names) - 1)
    assert plan(wanted(later), grown, NOW).refusals == ()


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (_with_parameter("projection.enabled", "false"), "set projection.enabled of {}: true; was: false"),
        (_with_parameter("classification", None), "set classification of {}: parquet"),
        (_visits(formats=Formats("csv", "csv", "csv")), "read {} as Parquet"),
        (_visits(description="?"), "describe table {}: One of each kind of column."),
        (_with_parameter("projection.event_month.range", "2013-01,NOW"),
         "widen projection of {} from 2013-01,NOW to 2000-01,NOW+1MONTHS"),
    ],
    ids=["projection_off", "classification", "formats", "description", "narrowed"],
)  # fmt: skip
def test_what_was_altered_by_hand_is_mended(spoil: Callable[[Existing], Existing], line: str) -> None:
    """Whatever breaks no reader."""
    existing = spoil(made())
    found = plan(wanted(visits), existing, NOW)
    assert found.lines() == (line.format(VISITS),)
    assert plan(wanted(visits), after(existing, found), NOW).lines() == ()


def test_what_operators_add_stays() -> None:
    """Parameters of the table and of its columns that Headrace does not know."""
    columns = tuple(replace(one, parameters={**one.parameters, "tag": "pii"}) for one in COLUMNS_MADE)
    existing = _with_parameter("lakeformation.tag", "red")(_visits(columns=columns)(made()))
    assert plan(wanted(visits), existing, NOW).lines() == ()
    grown = after(existing, plan(wanted(later), existing, NOW)).tables[VISITS]
    assert grown.parameters["lakeformation.tag"] == "red"
    weight = next(one for one in grown.columns if one.name == "weight")
    assert weight.parameters == {"unit": "g", "tag": "pii"}


def test_a_mark_that_no_column_has_any_more_is_taken_off() -> None:
    """The list of personal columns goes with the last of them."""
    unmarked = tuple(CatalogColumn(one.name, one.type, one.comment) for one in COLUMNS_MADE)
    table = wanted(visits).tables[VISITS]
    parameters = {name: value for name, value in table.table.parameters.items() if "personal" not in name}
    bare = replace(table, table=replace(table.table, columns=unmarked, parameters=parameters))
    found = plan(Wanted("clinic", {}, {VISITS: bare}), made(), NOW)
    assert "take headrace.personal_columns off headrace_processed.visits; was: patient,weight" in found.lines()
    assert "mark column headrace_processed.visits.patient: (nothing); was: personal true" in found.lines()


def test_folders_outside_of_the_range_are_told() -> None:
    """Athena did not see them; the line names the first of them."""
    months = ["1987-03", "1999-12", "2013-01", "2026-01", "2026-02", "2026-09", "2026-10", "__HIVE_DEFAULT_PARTITION__"]
    existing = replace(made(), folders={VISITS: months})
    found = plan(wanted(visits), existing, NOW)
    (line,) = found.lines()
    assert line == (
        "widen projection of headrace_processed.visits from 2000-01,NOW+1MONTHS to 1987-03,NOW+9MONTHS; "
        "unseen until now: 1987-03, 1999-12, 2026-09 and 1 more"
    )
    assert plan(wanted(visits), after(existing, found), NOW).lines() == ()


def test_a_grain_that_names_its_folders_as_a_column_is_told() -> None:
    """Athena could not read both."""
    with pytest.raises(SettingsError, match="its column 'event_date' is called as its partitions are"):
        wanted(dated)
