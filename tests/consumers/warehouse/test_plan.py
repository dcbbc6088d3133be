"""What changes by itself, and what is refused: planned without a warehouse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace_consumers.warehouse.changes import (
    AddColumn,
    Change,
    CreateSchema,
    CreateTable,
    PutHead,
    PutView,
    Refusal,
    WidenColumn,
    sha256_of,
)
from headrace_consumers.warehouse.plan import Existing, SchemaPlan, Wanted, plan, wanted_of
from headrace_consumers.warehouse.staging import staging_tables
from headrace_consumers.warehouse.tables import StagingTable, StagingView, TableColumn
from headrace_consumers.warehouse.types import RedshiftType, varchar
from tests.consumers.warehouse.parcels import later, otherwise, parcels

WEIGHED = staging_tables(parcels)[0]
BIGINT = RedshiftType("BIGINT")


def after(existing: Existing, found: SchemaPlan) -> Existing:
    """The warehouse once all changes are made."""
    for change in found.changes:
        existing = _after_one(existing, change)
    return existing


def _after_one(existing: Existing, change: Change) -> Existing:
    match change:
        case CreateSchema(name):
            return replace(existing, schemas=existing.schemas | {name})
        case CreateTable(table):
            return _with_table(existing, table.name, table.columns)
        case AddColumn(table_name, column):
            return _with_table(existing, table_name, (*existing.tables[table_name], column))
        case WidenColumn(table_name, column_name, before, now):
            columns = existing.tables[table_name]
            assert next(one.type for one in columns if one.name == column_name) == before
            widened = (replace(one, type=now) if one.name == column_name else one for one in columns)
            return _with_table(existing, table_name, tuple(widened))
        case PutHead(pipeline):
            return replace(existing, heads=existing.heads | {pipeline})
        case PutView(view):
            return replace(existing, views={**existing.views, view.name: sha256_of(view)})


def _with_table(existing: Existing, name: str, columns: tuple[TableColumn, ...]) -> Existing:
    return replace(existing, tables={**existing.tables, name: columns})


TYPES = st.one_of(
    st.sampled_from([BIGINT, RedshiftType("BOOLEAN"), RedshiftType("NUMERIC", (7, 2))]),
    st.integers(1, 4).map(varchar),
)
COLUMNS = st.lists(
    st.builds(TableColumn, st.sampled_from("abcd"), TYPES, st.booleans()),
    min_size=1,
    unique_by=lambda column: column.name,
).map(tuple)
NAMES = st.sampled_from(["x", "y", "z"])
TABLES = st.lists(st.builds(StagingTable, NAMES, COLUMNS), unique_by=lambda table: table.name).map(tuple)
VIEWS = st.lists(
    st.builds(StagingView, st.sampled_from(["x_last", "y_last"]), NAMES, st.sampled_from(["SELECT 1", "SELECT 2"])),
    unique_by=lambda view: view.name,
).map(tuple)
WANTED = st.builds(Wanted, st.just("parcels"), st.just("staging"), TABLES, VIEWS)
EXISTING = st.builds(
    Existing,
    st.frozensets(st.sampled_from(["staging", "core", "mart", "public"])),
    st.dictionaries(st.sampled_from(["x", "y", "x_last"]), COLUMNS),
    st.dictionaries(st.sampled_from(["z", "y_last"]), st.sampled_from(["", "0" * 64])),
    st.frozensets(st.sampled_from(["parcels", "letters"])),
)


@given(WANTED, EXISTING)
def test_a_plan_is_done_once_it_is_made(wanted: Wanted, existing: Existing) -> None:
    """The next one changes nothing, and refuses the same."""
    first = plan(wanted, existing)
    second = plan(wanted, after(existing, first))
    assert second.changes == ()
    assert second.refusals == first.refusals


@given(WANTED, EXISTING)
def test_what_is_not_refused_is_there_afterwards(wanted: Wanted, existing: Existing) -> None:
    """Every wanted column, wide enough, and nullable where the contract needs that."""
    found = plan(wanted, existing)
    refused = {one.name for one in found.refusals}
    made = after(existing, found)
    assert made.schemas >= {"staging", "core", "mart"}
    for table in wanted.tables:
        here = {column.name: column for column in made.tables.get(table.name, ())}
        fits = [
            column.name in here
            and here[column.name].type == column.type
            and (here[column.name].nullable or not column.nullable)
            for column in table.columns
        ]
        assert table.name in refused or (all(fits) and len(here) == len(fits))


@given(WANTED, EXISTING)
def test_nothing_that_is_there_is_lost(wanted: Wanted, existing: Existing) -> None:
    """Columns keep their places and take all that they took; a refused table stays as it is."""
    found = plan(wanted, existing)
    made = after(existing, found)
    for name, columns in existing.tables.items():
        kept = made.tables[name][: len(columns)]
        assert [one.name for one in kept] == [one.name for one in columns]
        assert all(now.type.holds(before.type) for now, before in zip(kept, columns, strict=True))
        assert all(now.nullable for now in made.tables[name][len(columns) :])
    for refused in found.refusals:
        assert made.tables.get(refused.name) == existing.tables.get(refused.name)


def existing_of(*tables: StagingTable) -> Existing:
    made = plan(Wanted("parcels", "staging", tables), Existing())
    return after(Existing(), made)


def planned(table: StagingTable) -> list[str]:
    """Against the table of the pipeline as it stands today."""
    return list(plan(Wanted("parcels", "staging", (table,)), existing_of(WEIGHED)).lines())


def with_column(name: str, /, **values: object) -> StagingTable:
    columns = (replace(one, **values) if one.name == name else one for one in WEIGHED.columns)  # type: ignore[arg-type]
    return replace(WEIGHED, columns=tuple(columns))


def test_a_grown_contract_grows_its_table() -> None:
    """A wider text and an optional column are made without anybody's decision; the new column comes last."""
    assert planned(staging_tables(later)[0]) == [
        "widen column staging.weighed.code from VARCHAR(48) to VARCHAR(80)",
        "add column staging.weighed.gate VARCHAR(16)",
    ]


def test_a_retyped_column_is_refused_with_both_types() -> None:
    """The line names the column, the warehouse's type and the contract's."""
    assert planned(staging_tables(otherwise)[0]) == [
        "refused staging.weighed: column 'grams' is BIGINT in the warehouse and VARCHAR(32) in the contract"
    ]


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (
            with_column("code", type=varchar(44)),
            "column 'code' is VARCHAR(48) in the warehouse and VARCHAR(44) in the contract",
        ),
        (
            with_column("fee", type=RedshiftType("NUMERIC", (9, 2))),
            "column 'fee' is NUMERIC(7, 2) in the warehouse and NUMERIC(9, 2) in the contract",
        ),
        (
            replace(WEIGHED, columns=tuple(one for one in WEIGHED.columns if one.name != "due")),
            "column 'due' is in the warehouse and not in the contract",
        ),
        (
            replace(WEIGHED, columns=(*WEIGHED.columns, TableColumn("gate", varchar(4), nullable=False))),
            "column 'gate' takes no null by the contract, and rows that are there would have none",
        ),
        (
            with_column("grams", nullable=True),
            "column 'grams' takes no null in the warehouse, and may be null by the contract",
        ),
    ],
    ids=["narrowed", "numeric", "removed", "required", "optional"],
)  # fmt: skip
def test_what_people_must_decide_is_refused(table: StagingTable, reason: str) -> None:
    """Each with its reason, and with no change of that table."""
    assert planned(table) == [f"refused staging.weighed: {reason}"]


def test_a_renamed_column_is_a_new_and_a_lost_one() -> None:
    """Nothing tells a rename from both; so nothing is added."""
    assert planned(with_column("note", name="remark")) == [
        "refused staging.weighed: column 'note' is in the warehouse and not in the contract"
    ]


def test_a_required_column_may_have_been_an_optional_one() -> None:
    """A column that takes nulls takes rows without any."""
    optional = with_column("grams", nullable=True)
    assert plan(Wanted("parcels", "staging", (WEIGHED,)), existing_of(optional)).lines() == ()


def test_a_refused_table_hinders_no_other() -> None:
    """The rest of the pipeline goes on; the view over a refused table stays as it is."""
    wanted = wanted_of(parcels, "staging")
    *_, weighed, daily = wanted.tables
    existing = existing_of(replace(daily, columns=daily.columns[1:]))
    found = plan(wanted, existing)
    assert [one.name for one in found.refusals] == [daily.name]
    assert CreateTable(weighed) in found.changes
    assert not any(isinstance(change, PutView) for change in found.changes)


@pytest.mark.parametrize(
    ("spoil", "refusal"),
    [
        (
            lambda existing: replace(existing, views={"daily_weights": ""}, tables={}),
            Refusal("daily_weights", ("a view is called so",)),
        ),
        (
            lambda existing: replace(existing, tables={**existing.tables, "daily_weights_last": ()}),
            Refusal("daily_weights_last", ("a table is called so",)),
        ),
    ],
)
def test_a_name_that_is_taken_is_told(spoil: Callable[[Existing], Existing], refusal: Refusal) -> None:
    """A view in a table's place, and a table in a view's."""
    wanted = wanted_of(parcels, "staging")
    assert plan(wanted, spoil(existing_of(*wanted.tables))).refusals == (refusal,)


def test_a_view_is_made_anew_when_its_select_changes() -> None:
    """Or when somebody else made one of its name."""
    wanted = wanted_of(parcels, "staging")
    made = after(Existing(), plan(wanted, Existing()))
    (view,) = wanted.views
    assert plan(replace(wanted, views=(replace(view, select="SELECT 1"),)), made).lines() == (
        "put view staging.daily_weights_last",
    )
    assert plan(wanted, replace(made, views={view.name: ""})).lines() == ("put view staging.daily_weights_last",)
