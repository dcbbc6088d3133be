"""Which Redshift type holds which column."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace_consumers.stages.schemas import table_schema
from headrace_consumers.warehouse.types import RedshiftType, parse_type, redshift_type, takes, varchar
from headrace_producers.errors import TerminalError
from tests.consumers.warehouse.parcels import parcels

CATALOGUE = {
    "VARCHAR": "character varying",
    "NUMERIC": "numeric",
    "TIMESTAMP": "timestamp without time zone",
}
"""What format_type calls a type whose DDL name is another."""
TYPES = st.one_of(
    st.sampled_from(["INTEGER", "BIGINT", "DOUBLE PRECISION", "BOOLEAN", "DATE", "TIMESTAMP"]).map(RedshiftType),
    st.integers(1, 65_535).map(varchar),
    st.tuples(st.integers(1, 38), st.integers(0, 38)).map(lambda both: RedshiftType("NUMERIC", (max(both), min(both)))),
)


def test_every_kind_of_a_contract_has_its_type() -> None:
    """Texts are as wide as their contract lets them be, in bytes; instants are UTC without saying so."""
    kinds = {field.name: str(redshift_type(field)) for field in table_schema(parcels.table("weighed"))}
    assert {name: kinds[name] for name in kinds if name not in ("shard_id", "sequence_number", "commit_id")} == {
        "event_id": "VARCHAR(65535)",
        "event_time": "TIMESTAMP",
        "at": "TIMESTAMP",
        "code": "VARCHAR(48)",
        "depot": "VARCHAR(5)",
        "grams": "BIGINT",
        "fee": "NUMERIC(7, 2)",
        "share": "DOUBLE PRECISION",
        "fragile": "BOOLEAN",
        "due": "DATE",
        "note": "VARCHAR(65535)",
        "record_index": "INTEGER",
        "arrival_time": "TIMESTAMP",
    }


def test_what_has_no_type_is_named() -> None:
    """A column that no table can hold is told by its name."""
    with pytest.raises(TerminalError, match=r"column sketch: binary has no type"):
        redshift_type(pa.field("sketch", pa.binary()))


@given(TYPES)
def test_the_catalogues_words_are_read_back(kind: RedshiftType) -> None:
    """What format_type says of a column gives the type that it was made of."""
    arguments = f"({','.join(map(str, kind.arguments))})" if kind.arguments else ""
    assert parse_type(f"{CATALOGUE.get(kind.name, kind.name.lower())}{arguments}") == kind


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("timestamp with time zone", "TIMESTAMPTZ"),
        ("timestamp(6) without time zone", "TIMESTAMP"),
        ("character(3)", "CHAR(3)"),
        ("super", "SUPER"),
        ("bigint[]", "BIGINT[]"),
    ],
)
def test_types_of_other_hands_are_named_too(said: str, kind: str) -> None:
    """A table that was altered by hand can still be told."""
    assert str(parse_type(said)) == kind


@given(TYPES, TYPES)
def test_copy_converts_nothing(column: RedshiftType, other: RedshiftType) -> None:
    """A column takes its own type, and a text the narrower ones, and nothing else."""
    both_texts = column.name == other.name == "VARCHAR"
    assert column.holds(column)
    assert column.holds(other) == (column.arguments >= other.arguments if both_texts else column == other)


def test_a_text_of_a_file_fits_by_what_its_contract_allowed() -> None:
    """A file says how wide its texts can be; where one does not, any VARCHAR may do."""
    code = table_schema(parcels.table("weighed")).field("code")
    assert takes(varchar(48), code)
    assert not takes(varchar(47), code)
    assert takes(varchar(1), pa.field("code", pa.string()))
    assert not takes(RedshiftType("BIGINT"), pa.field("code", pa.string()))
    assert not takes(RedshiftType("BIGINT"), pa.field("grams", pa.int32()))
