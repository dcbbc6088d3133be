"""The tables and views that a pipeline wants."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headrace_consumers.pipeline import LakeTable, Pipeline
from headrace_consumers.stages.schemas import table_schema
from headrace_consumers.warehouse.staging import staging_tables, staging_views
from headrace_consumers.warehouse.tables import create_table_statement, create_view_statement
from headrace_consumers.windows_service.emitting import curated_schema
from headrace_producers.errors import SettingsError
from tests.consumers.warehouse.parcels import DAILY, Weighed, WeighedLater, parcels


def test_columns_stand_in_the_order_of_the_files() -> None:
    """COPY goes by places: a table that is made anew takes its files without a column list."""
    weighed, daily = staging_tables(parcels)
    assert [column.name for column in weighed.columns] == table_schema(parcels.table("weighed")).names
    contract = parcels.table("weighed").contract
    assert [column.name for column in daily.columns] == curated_schema(DAILY, contract).names


def test_a_contracts_keys_are_its_tables_keys() -> None:
    """Stated ones stand in the DDL; without any, rows are sorted by event time and Redshift distributes."""
    stated, unstated = (
        staging_tables(Pipeline("p", "p", (LakeTable("weighed", event),)))[0] for event in (Weighed, WeighedLater)
    )
    assert create_table_statement("staging", stated).endswith(
        ')\nDISTSTYLE KEY DISTKEY ("code")\nSORTKEY ("depot", "at")'
    )
    assert create_table_statement("staging", unstated).endswith(')\nDISTSTYLE AUTO\nSORTKEY ("at")')


def test_a_windows_table_is_written_out() -> None:
    """Keys are as wide as in the contract; what every window has is never null."""
    _, daily = staging_tables(parcels)
    assert (
        create_table_statement("staging", daily)
        == """\
CREATE TABLE "staging"."daily_weights" (
    "code" VARCHAR(48) NOT NULL,
    "window_start" TIMESTAMP NOT NULL,
    "window_end" TIMESTAMP NOT NULL,
    "events" BIGINT NOT NULL,
    "parcels" BIGINT,
    "grams_total" BIGINT,
    "revision" INTEGER NOT NULL,
    "early" BOOLEAN NOT NULL,
    "deleted" BOOLEAN NOT NULL,
    "commit_id" VARCHAR(64) NOT NULL
)
DISTSTYLE AUTO
SORTKEY ("window_start")"""
    )


def test_a_windows_view_is_bound_to_nothing() -> None:
    """A column of the table below can then be widened."""
    (view,) = staging_views(parcels, "staging")
    statement = create_view_statement("staging", view)
    assert statement.startswith('CREATE OR REPLACE VIEW "staging"."daily_weights_last" AS\nSELECT "code"')
    assert 'FROM "staging"."daily_weights"\n' in statement
    assert statement.endswith("\nWITH NO SCHEMA BINDING")


@pytest.mark.parametrize("name", ["loader_ledger", "daily_weights_last"])
def test_names_that_collide_are_refused(name: str) -> None:
    """A table called as a book, or as a window's view, would be two things."""
    tables = (*parcels.tables, LakeTable(name, WeighedLater))
    with pytest.raises(SettingsError, match=f"{name} would be two things in the warehouse"):
        staging_tables(replace(parcels, tables=tables))
