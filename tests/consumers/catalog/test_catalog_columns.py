"""Columns of the catalog: types, words and marks."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace_consumers.catalog.describe import MAX_COMMENT_BYTES, described
from headrace_consumers.catalog.lake import wanted_of
from headrace_consumers.catalog.tables import PERSONAL, CatalogColumn, TableName
from headrace_consumers.catalog.types import catalog_type
from headrace_consumers.pipeline import Pipeline
from headrace_consumers.settings import CatalogSettings, LakeSettings
from headrace_consumers.stages.schemas import table_schema
from headrace_consumers.windows_service.emitting import curated_schema
from headrace_local.pipelines import flights
from headrace_producers.contracts import ColumnType
from headrace_producers.errors import TerminalError
from tests.consumers.catalog.visits import visits

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def columns(pipeline: Pipeline, zone: str, name: str) -> dict[str, CatalogColumn]:
    wanted = wanted_of(pipeline, LakeSettings(), CatalogSettings(), NOW)
    table = wanted.tables[TableName(f"headrace_{zone}", name)].table
    return {column.name: column for column in table.columns}


def test_every_type_of_a_contract_has_one() -> None:
    """The clinic's visit has one of each."""
    assert {column.type for column in visits.tables[0].contract.columns} == set(ColumnType)
    found = columns(visits, "processed", "visits")
    assert {name: found[name].type for name in ("at", "patient", "weight", "fee", "share", "urgent", "due")} == {
        "at": "timestamp",
        "patient": "string",
        "weight": "bigint",
        "fee": "decimal(7,2)",
        "share": "double",
        "urgent": "boolean",
        "due": "date",
    }
    assert found["record_index"].type == "int"
    assert columns(visits, "raw", "clinic")["data"].type == "binary"


def test_a_type_that_has_none_is_told() -> None:
    """With the column's name."""
    with pytest.raises(TerminalError, match=r"column hist: map<int32, int64> has no type in the catalog"):
        catalog_type(pa.field("hist", pa.map_(pa.int32(), pa.int64())))


def test_columns_are_those_of_the_files() -> None:
    """In their order, as the schemas that write the files have them."""
    for table in flights.tables:
        assert list(columns(flights, "processed", table.name)) == table_schema(table).names
    for window in flights.windows:
        schema = curated_schema(window, flights.table(window.table).contract)
        assert list(columns(flights, "curated", window.name)) == schema.names


@pytest.mark.parametrize("pipeline", [flights], ids=["flights"])
def test_every_column_is_described(pipeline: Pipeline) -> None:
    """Those that Headrace adds too, and those of letters, raw records and windows."""
    wanted = wanted_of(pipeline, LakeSettings(), CatalogSettings(), NOW)
    assert all(table.table.description for table in wanted.tables.values())
    assert [
        f"{place}.{column}"
        for place, table in wanted.tables.items()
        for column in (*table.table.columns, *table.table.partition_keys)
        if not column.comment
    ] == []


def test_personal_data_is_marked_wherever_it_goes() -> None:
    """In its table, as a window's key, in aggregates that show values; in raw records and dead letters."""
    wanted = wanted_of(visits, LakeSettings(), CatalogSettings(), NOW)
    assert {place.name: table.table.parameters.get("headrace.personal_columns") for place, table in
            wanted.tables.items()} == {
        "clinic": "data,partition_key",
        "visits": "patient,weight",
        "clinic_dead_letters": "payload",
        "clinic_late": None,
        "weights": "patient,weight_max,weight_mean,weight_p9",
        "rush": None,
        "stays": "patient",
    }  # fmt: skip
    weight = columns(visits, "processed", "visits")["weight"]
    assert weight == CatalogColumn(
        "weight", "bigint", "Weight (unit: g; personal data)", {"unit": "g", PERSONAL: "true"}
    )
    assert columns(visits, "curated", "weights")["weight_var"].parameters == {}
    everything = wanted_of(flights, LakeSettings(), CatalogSettings(), NOW).tables.values()
    assert not any("headrace.personal_columns" in table.table.parameters for table in everything)


@given(st.text(max_size=400), st.sampled_from([None, "km", "µm"]), st.booleans())
def test_a_comment_is_one_that_glue_takes(text: str, unit: str | None, personal: bool) -> None:  # noqa: FBT001
    """One line of at most 255 bytes; what is cut is the text, never the marks."""
    comment = described("c", "string", text, unit=unit, personal=personal).comment
    assert len(comment.encode()) <= MAX_COMMENT_BYTES
    assert comment == "" or comment.isprintable()
    assert not unit or f"unit: {unit}" in comment
    assert comment.endswith("personal data)") or not personal
