"""Declaring contracts, and the schemas made from them."""

from __future__ import annotations

import enum
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Literal

import msgspec
import pyarrow as pa
import pytest

from headrace_producers import InvalidRecordError
from headrace_producers.contracts import (
    Column,
    ColumnType,
    Constraints,
    column,
    contract,
    contract_of,
    declared_contracts,
    json_schema,
)
from headrace_producers.contracts.arrow import arrow_schema
from headrace_producers.encoder import EventEncoder
from headrace_producers.errors import ContractError

AT = datetime(2013, 1, 1, tzinfo=UTC)


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@contract(name="test.all_kinds", version=3, partition_key="key", event_time="at")
class AllKinds(msgspec.Struct, frozen=True, kw_only=True):
    """One column
    of each kind."""

    key: Annotated[str, column("Who", personal=True, min_length=1, max_length=20, pattern="^[a-z]+$")]
    at: datetime
    day: date | None = None
    count: Annotated[int, column("How many", gt=0, lt=100)] = 1
    share: Annotated[float, column("Part", unit="%", ge=0, le=100)] | None = None
    ok: bool = True
    price: Annotated[Decimal, column("Price", unit="EUR", precision=7, scale=2)] | None = None
    size: Literal["s", "m"] = "s"
    colour: Colour = Colour.RED


def test_columns_tell_all_that_was_declared() -> None:
    """Type, need, unit, personal mark, precision and constraints are read from the annotations."""
    kinds = contract_of(AllKinds)
    assert (kinds.type, kinds.description) == ("test.all_kinds.v3", "One column of each kind.")
    by_name = {one.name: one for one in kinds.columns}
    assert by_name["key"] == Column(
        name="key",
        type=ColumnType.STRING,
        required=True,
        description="Who",
        personal=True,
        constraints=Constraints(min_length=1, max_length=20, pattern="^[a-z]+$"),
    )
    assert [str(one.type) for one in kinds.columns] == [
        "string", "timestamp", "date", "int64", "float64", "boolean", "decimal", "string", "string",
    ]  # fmt: skip
    assert [one.name for one in kinds.columns if one.required] == ["key", "at"]
    assert (by_name["price"].precision, by_name["price"].scale, by_name["price"].unit) == (7, 2, "EUR")
    assert by_name["size"].constraints.allowed == ("s", "m")
    assert by_name["colour"].constraints.allowed == ("red", "blue")
    assert kinds in declared_contracts()


def test_json_schema_says_the_same() -> None:
    """Constraints become keywords, optional columns accept null, units and personal marks are extensions."""
    schema = json_schema(contract_of(AllKinds))
    assert schema["required"] == ["key", "at"]
    said = schema["properties"]
    assert said["key"] == {
        "type": "string", "minLength": 1, "maxLength": 20, "pattern": "^[a-z]+$", "description": "Who",
        "x-personal": True,
    }  # fmt: skip
    assert said["at"] == {"type": "string", "format": "date-time"}
    assert said["count"]["anyOf"][0]["exclusiveMinimum"] == 0
    assert said["share"]["anyOf"][0]["x-unit"] == "%"
    assert said["size"]["anyOf"] == [{"type": "string", "enum": ["s", "m"]}, {"type": "null"}]
    assert json.loads(json.dumps(schema)) == schema


def test_arrow_schema_says_the_same() -> None:
    """Types as the lake has them; required columns are not nullable."""
    schema = arrow_schema(contract_of(AllKinds))
    assert schema.field("key") == pa.field("key", pa.string(), nullable=False)
    assert schema.field("at").type == pa.timestamp("us", tz="UTC")
    assert schema.field("price").type == pa.decimal128(7, 2)
    assert schema.field("price").metadata == {b"description": b"Price", b"unit": b"EUR"}
    assert schema.field("key").metadata[b"personal"] == b"true"
    assert schema.metadata == {b"headrace.contract": b"test.all_kinds.v3"}


@pytest.mark.parametrize("price", ["123456.1", "1.234", "NaN", "1E+6"])
def test_decimals_that_no_table_holds_are_refused(price: str) -> None:
    """More digits before or after the point than declared, or no number."""
    encoder = EventEncoder(contract_of(AllKinds), "test", 10**6)
    encoder.encode(AllKinds(key="a", at=AT, price=Decimal("-99999.99")), "id")
    with pytest.raises(InvalidRecordError, match="price"):
        encoder.encode(AllKinds(key="a", at=AT, price=Decimal(price)), "id")


@contract(name="test.remark", version=1, partition_key="key", event_time="at")
class Remark(msgspec.Struct, kw_only=True):
    key: Annotated[str, column("Who", max_length=20_000)]
    at: datetime
    text: str | None = None


def test_texts_that_no_warehouse_holds_are_refused() -> None:
    """65535 bytes of UTF-8 are the most, whatever a contract says; 1024 of an event's id."""
    encoder = EventEncoder(contract_of(Remark), "test", 10**6)
    encoder.encode(Remark(key="é" * 20_000, at=AT, text="é" * 32_767 + "e"), "é" * 512)
    for name, event in {
        "text": Remark(key="a", at=AT, text="é" * 32_768),
        "key": Remark(key="𝄞" * 20_000, at=AT),
    }.items():
        with pytest.raises(InvalidRecordError, match=f"{name}: larger than 65535 bytes"):
            encoder.encode(event, "id")
    with pytest.raises(InvalidRecordError, match="id: larger than 1024 bytes"):
        encoder.encode(Remark(key="a", at=AT), "é" * 513)


@pytest.mark.parametrize(
    ("rules", "wide"),
    [
        (Constraints(), 65_535),
        (Constraints(max_length=1), 4),
        (Constraints(max_length=0), 1),
        (Constraints(max_length=16_383), 65_532),
        (Constraints(max_length=16_384), 65_535),
        (Constraints(allowed=("a", "€")), 3),
        (Constraints(allowed=("",)), 1),
        (Constraints(pattern="^[A-Z]{3}$"), 16),
        (Constraints(pattern="^[a-z_]{1,8}$"), 36),
        (Constraints(pattern="^[A-Z]{3}$", max_length=3), 12),
        (Constraints(pattern="^[A-Z]{3}"), 65_535),
        (Constraints(pattern="^[A-Z]+$"), 65_535),
        (Constraints(pattern="^[A-Z]{3}$|^x"), 65_535),
    ],
)
def test_a_text_is_as_wide_as_its_rules_let_it_be(rules: Constraints, wide: int) -> None:
    """Four bytes per character, and never more than the warehouse holds."""
    assert Column("note", ColumnType.STRING, required=True, constraints=rules).max_bytes == wide


class Base(msgspec.Struct, kw_only=True):
    key: str
    at: datetime


class Nested(Base):
    inner: Base


class Listed(Base):
    tags: list[str]


class Unioned(Base):
    either: int | str


class Imprecise(Base):
    price: Decimal


class Shouting(Base):
    Upper: int = 1


class Renamed(Base, rename="camel"):
    two_words: int = 1


class Misplaced(Base):
    count: Annotated[int | None, column("How many", ge=0)] = None


class Tagged(Base, tag=True):
    pass


class Keyless(msgspec.Struct):
    at: datetime
    key: str | None = None


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (Nested, "Nested.inner: .* is no column type"),
        (Listed, "Listed.tags: .* is no column type"),
        (Unioned, "Unioned.either: .* is no column type"),
        (Imprecise, "Imprecise.price: state a decimal's precision"),
        (Shouting, "cannot be columns"),
        (Renamed, "two_words: a renamed field"),
        (Misplaced, "constraints belong inside"),
        (Tagged, "tag"),
        (Keyless, "'key' must be a required string column"),
    ],
)
def test_wrong_declarations_say_what_is_wrong(event: type[msgspec.Struct], says: str) -> None:
    """At import, naming class and field."""
    with pytest.raises(ContractError, match=says):
        contract(name="test.wrong", version=1, partition_key="key", event_time="at")(event)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"sort_key": ("at", "gate")}, "there is no gate"),
        ({"dist_key": "gate"}, "there is no gate"),
        ({"dist_key": ""}, "there is no "),
        ({"sort_key": ("at", "at")}, "each column once"),
    ],
)
def test_keys_of_the_warehouse_name_columns(keys: dict[str, Any], says: str) -> None:
    """A sort or a distribution key that names none is found where it is declared."""
    with pytest.raises(ContractError, match=says):
        contract(name="test.keyed", version=1, partition_key="key", event_time="at", **keys)(Base)


def test_a_sort_key_has_400_columns_at_most() -> None:
    """As a compound one in Redshift."""
    wide = msgspec.defstruct("Wide", [("key", str), ("at", datetime), *((f"c{number}", int) for number in range(401))])
    names = tuple(f"c{number}" for number in range(401))
    declare = partial(contract, name="test.wide", version=1, partition_key="key", event_time="at")
    with pytest.raises(ContractError, match="at most 400"):
        declare(sort_key=names)(wide)
    assert contract_of(declare(sort_key=names[1:])(wide)).sort_key == names[1:]


@pytest.mark.parametrize(("name", "version"), [("Test", 1), ("test.", 1), ("te st", 1), ("test.ok", 0)])
def test_names_and_versions_are_checked(name: str, version: int) -> None:
    """They become CloudEvents types and table names."""
    with pytest.raises(ContractError, match="versions begin with 1"):
        contract(name=name, version=version, partition_key="key", event_time="at")(Base)


def test_a_class_without_contract_has_none() -> None:
    """And the error says how to declare one."""
    with pytest.raises(ContractError, match="decorate it"):
        contract_of(Base)
