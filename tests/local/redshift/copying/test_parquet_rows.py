"""What goes in by COPY's CSV is what the Parquet file has, for every type: PostgreSQL itself says so."""

from __future__ import annotations

import io
import json
import math
import struct
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from headrace_local.redshift.copying.columns import TableColumn
from headrace_local.redshift.copying.options import ParquetFormat
from headrace_local.redshift.copying.parquet import CHUNK_BYTES, ParquetSource
from headrace_local.redshift.copying.values import CSV_OPTIONS
from tests.local.redshift.flights_table import columns_of, flights, parquet
from tests.local.redshift.postgres_table import Database, column, database, fields

ONE_TYPE = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
AWKWARD = ["", None, '"', '""', ",", "\n", "\r\n", "\\", "\\N", "\\.", "null", " ", "é🛫"]
EPOCH, FIRST = datetime(1970, 1, 1), datetime(1, 1, 1)  # noqa: DTZ001 - as TIMESTAMP
LAST = datetime(9999, 12, 31, 23, 59, 59, 999_999)  # noqa: DTZ001 - as TIMESTAMP


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with database(tmp_path_factory.mktemp("postgres")) as found:
        yield found


def lines_of(
    values: Sequence[Any], arrow_type: pa.DataType, type_name: str, parquet_format: ParquetFormat | None = None
) -> bytes:
    file = parquet(pa.table({"v": pa.array(values, arrow_type)}), row_group_size=3)
    columns = [TableColumn("v", type_name)]
    source = ParquetSource("s3://b/k", io.BytesIO(file), columns, parquet_format or ParquetFormat())
    return b"".join(source.chunks())


def stored(postgres: Database, type_name: str, lines: bytes, select: str) -> list[str]:
    return postgres.loaded(f"v {type_name}", CSV_OPTIONS, lines, select)


@ONE_TYPE
@given(values=st.lists(st.none() | TEXTS, min_size=1, max_size=8))
@example(values=AWKWARD)
def test_texts(postgres: Database, values: list[str | None]) -> None:
    """Quotes, line breaks, backslashes; the empty text is not null, nor is a text that looks like it."""
    lines = lines_of(values, pa.string(), "character varying(64)")
    found = stored(postgres, "varchar(64)", lines, "coalesce(encode(convert_to(v, 'UTF8'), 'hex'), 'null')")
    assert found == ["null" if value is None else value.encode().hex() for value in values]
    assert column(fields(lines)) == values


@ONE_TYPE
@given(values=st.lists(st.none() | st.binary(max_size=12), min_size=1, max_size=8))
def test_bytes(postgres: Database, values: list[bytes | None]) -> None:
    """VARBYTE takes any byte, NUL too."""
    lines = lines_of(values, pa.binary(), "varbyte(64)")
    found = stored(postgres, "bytea", lines, "coalesce(encode(v, 'hex'), 'null')")
    assert found == ["null" if value is None else value.hex() for value in values]


@ONE_TYPE
@given(values=st.lists(st.none() | st.floats(), min_size=1, max_size=8))
@example(values=[math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7976931348623157e308, 0.1 + 0.2])
def test_doubles(postgres: Database, values: list[float | None]) -> None:
    """To the last bit, and without end."""
    lines = lines_of(values, pa.float64(), "double precision")
    found = stored(postgres, "double precision", lines, "coalesce(encode(float8send(v), 'hex'), 'null')")
    assert found == ["null" if value is None else _bits(value) for value in values]


def _bits(value: float) -> str:
    return "7ff8000000000000" if math.isnan(value) else struct.pack(">d", value).hex()


@pytest.mark.parametrize(
    ("arrow_type", "type_name", "low", "high"),
    [
        (pa.int16(), "smallint", -(2**15), 2**15 - 1),
        (pa.int32(), "integer", -(2**31), 2**31 - 1),
        (pa.int64(), "bigint", -(2**63), 2**63 - 1),
    ],
)
def test_integers(postgres: Database, arrow_type: pa.DataType, type_name: str, low: int, high: int) -> None:
    """From the least to the greatest."""
    lines = lines_of([low, None, 0, high], arrow_type, type_name)
    assert stored(postgres, type_name, lines, "v") == [str(low), "", "0", str(high)]


@ONE_TYPE
@given(values=st.lists(st.none() | st.decimals(-(10**28), 10**28, places=10), min_size=1, max_size=8))
@example(values=[Decimal(10**28 - 1) + Decimal("0.9999999999"), Decimal("-1E-10"), Decimal("0E-10")])
def test_decimals(postgres: Database, values: list[Decimal | None]) -> None:
    """All 38 digits, also where Arrow writes exponents."""
    values = [None if value is None or abs(value) >= 10**28 else value for value in values]
    lines = lines_of(values, pa.decimal128(38, 10), "numeric(38,10)")
    found = stored(postgres, "numeric(38,10)", lines, "v")
    assert [Decimal(text) if text else None for text in found] == values


@ONE_TYPE
@given(values=st.lists(st.none() | st.datetimes(), min_size=1, max_size=8), zone=st.sampled_from([None, "UTC"]))
@example(values=[FIRST, LAST, EPOCH - timedelta(microseconds=1)], zone="UTC")
def test_instants(postgres: Database, values: list[datetime | None], zone: str | None) -> None:
    """The years 1 to 9999, to the microsecond; adjusted to UTC or not, TIMESTAMP holds the same."""
    lines = lines_of(values, pa.timestamp("us", zone), "timestamp without time zone")
    found = stored(postgres, "timestamp", lines, "v")
    assert [datetime.fromisoformat(text) if text else None for text in found] == values


@pytest.mark.parametrize(
    ("unit", "number", "expected"),
    [
        ("s", 1, "1970-01-01 00:00:01"),
        ("ms", -1, "1969-12-31 23:59:59.999"),
        ("ns", 1999, "1970-01-01 00:00:00.000001"),
    ],
)
def test_units_of_instants(postgres: Database, unit: str, number: int, expected: str) -> None:
    """Any unit is taken; what is finer than microseconds is cut."""
    lines = lines_of([number], pa.timestamp(unit, "UTC"), "timestamp without time zone")
    assert stored(postgres, "timestamp", lines, "v") == [expected]


@ONE_TYPE
@given(values=st.lists(st.none() | st.dates(), min_size=1, max_size=8))
@example(values=[date.min, date.max])
def test_dates(postgres: Database, values: list[date | None]) -> None:
    """The years 1 to 9999."""
    found = stored(postgres, "date", lines_of(values, pa.date32(), "date"), "v")
    assert [date.fromisoformat(text) if text else None for text in found] == values


def test_booleans(postgres: Database) -> None:
    """True, false and null."""
    lines = lines_of([True, False, None], pa.bool_(), "boolean")
    assert stored(postgres, "boolean", lines, "coalesce(v::text, 'null')") == ["true", "false", "null"]


def test_nested_values_become_super(postgres: Database) -> None:
    """With SERIALIZETOJSON; a text stays a text, whatever it looks like."""
    nested = pa.struct([("a", pa.list_(pa.int64())), ("b", pa.string())])
    values: list[Any] = [{"a": [1, None], "b": 'q"\n'}, None, {"a": [], "b": None}]
    lines = lines_of(values, nested, "super", ParquetFormat(serialize_to_json=True))
    found = stored(postgres, "jsonb", lines, "coalesce(v::text, 'null')")
    assert [json.loads(text) for text in found] == values
    assert column(fields(lines_of(['{"a":1}'], pa.string(), "super", ParquetFormat(serialize_to_json=True)))) == [
        '"{\\"a\\":1}"'
    ]


def test_dictionaries_are_texts_all_the_same() -> None:
    """A file that Arrow wrote from a dictionary gives its values."""
    lines = lines_of(["a", None, "a", "b"], pa.dictionary(pa.int32(), pa.string()), "character varying(1)")
    assert column(fields(lines)) == ["a", None, "a", "b"]


def test_real_flights(postgres: Database) -> None:
    """20 columns of real departures: sums and extremes over the table are the file's."""
    table = flights(3000)
    source = ParquetSource("s3://b/k", io.BytesIO(parquet(table)), columns_of(table), ParquetFormat())
    ddl = ", ".join(f"{found.name} {found.type_name}" for found in columns_of(table))
    [found] = postgres.loaded(
        ddl,
        CSV_OPTIONS,
        b"".join(source.chunks()),
        "sum(distance) OVER (), count(dep_time) OVER (), max(event_time) OVER ()",
    )[:1]
    departed = len(table) - table["dep_time"].null_count
    latest = max(table["event_time"].to_pylist()).replace(tzinfo=None)
    assert found == f"{sum(table['distance'].to_pylist())}|{departed}|{latest}"


def test_no_chunk_grows_with_the_file() -> None:
    """A row group of long texts is cut into chunks of a few megabytes; each ends with a line."""
    table = pa.table({"v": ["x" * 60_000 + str(row) for row in range(400)]})
    source = ParquetSource(
        "s3://b/k", io.BytesIO(parquet(table)), [TableColumn("v", "varchar(65535)")], ParquetFormat()
    )
    chunks = list(source.chunks())
    assert max(map(len, chunks)) < 1.1 * CHUNK_BYTES
    assert all(chunk.endswith(b"\n") for chunk in chunks)
    assert column(fields(b"".join(chunks))) == table["v"].to_pylist()


def test_instants_of_other_writers() -> None:
    """INT96, which Spark and Redshift's own UNLOAD write, is an instant too."""
    sink = pa.BufferOutputStream()
    values = pa.array([datetime(1, 1, 1), datetime(9999, 12, 31)], pa.timestamp("us"))  # noqa: DTZ001 - as TIMESTAMP
    pq.write_table(pa.table({"v": values}), sink, use_deprecated_int96_timestamps=True)
    source = ParquetSource(
        "s3://b/k", pa.BufferReader(sink.getvalue()), [TableColumn("v", "timestamp without time zone")], ParquetFormat()
    )
    assert column(fields(b"".join(source.chunks()))) == ["0001-01-01 00:00:00.000000", "9999-12-31 00:00:00.000000"]
