"""What COPY refuses, and that it names file, column, row and both types."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import pyarrow as pa
import pytest

from headrace_local.redshift.copying.columns import TableColumn
from headrace_local.redshift.copying.failures import CopyFailure, LoadError, text_failure
from headrace_local.redshift.copying.fitting import require_loadable
from headrace_local.redshift.copying.options import ParquetFormat
from headrace_local.redshift.copying.parquet import ParquetSource
from headrace_local.redshift.errors import NotImitatedError, RedshiftError
from tests.local.redshift.flights_table import columns_of, flights, parquet
from tests.local.redshift.postgres_table import column, fields

URL = "s3://lake/flights/a.parquet"


def lines(body: bytes, columns: list[TableColumn], parquet_format: ParquetFormat | None = None) -> bytes:
    source = ParquetSource(URL, io.BytesIO(body), columns, parquet_format or ParquetFormat())
    return b"".join(source.chunks())


def failure(values: Any, target: TableColumn, parquet_format: ParquetFormat | None = None) -> CopyFailure:
    with pytest.raises(CopyFailure) as failed:
        lines(parquet(pa.table({target.name: values})), [target], parquet_format)
    return failed.value


@pytest.mark.parametrize(
    ("arrow_type", "type_name", "said", "found"),
    [
        (pa.int64(), "integer", "INTEGER", "optional int64"),
        (pa.int32(), "bigint", "BIGINT", "optional int32"),
        (pa.int32(), "smallint", "SMALLINT", "optional int32"),
        (pa.uint32(), "bigint", "BIGINT", "optional"),
        (pa.float64(), "real", "FLOAT", "optional double"),
        (pa.float32(), "double precision", "DOUBLE", "optional float"),
        (pa.float64(), "numeric(18,2)", r"DECIMAL\(18, 2\)", "optional double"),
        (pa.decimal128(18, 3), "numeric(18,2)", r"DECIMAL\(18, 2\)", "optional"),
        (pa.decimal128(17, 2), "numeric(18,2)", r"DECIMAL\(18, 2\)", "optional"),
        (pa.string(), "date", "DATE", "optional byte_array"),
        (pa.int64(), "timestamp without time zone", "TIMESTAMP", "optional int64"),
        (pa.timestamp("us"), "bigint", "BIGINT", "optional int64"),
        (pa.int64(), "character varying(20)", r"VARCHAR\(20\)", "optional int64"),
        (pa.bool_(), "smallint", "SMALLINT", "optional boolean"),
        (pa.list_(pa.int64()), "bigint", "BIGINT", "group"),
    ],
)
def test_types_that_do_not_fit(arrow_type: pa.DataType, type_name: str, said: str, found: str) -> None:
    """Of the very width: the message has the column and both types."""
    failed = failure(pa.array([None], arrow_type), TableColumn("delay", type_name))
    pattern = rf"incompatible Parquet schema for column '{URL}\.delay'\. Column type: {said}, Parquet schema:\n{found}"
    assert failed.sentence == "Spectrum Scan Error"
    assert failed.load_error.column == TableColumn("delay", type_name)
    with pytest.raises(RedshiftError, match=pattern):
        raise RedshiftError(failed.load_error.error_message)


def test_columns_are_taken_by_position() -> None:
    """Names mean nothing: two columns of one type that stand in another order are loaded crosswise."""
    body = parquet(pa.table({"a": ["1"], "b": ["2"]}))
    columns = [TableColumn("b", "varchar(1)"), TableColumn("a", "varchar(1)")]
    assert fields(lines(body, columns)) == [["1", "2"]]


def test_a_column_that_was_renamed_or_moved_is_named_both_ways() -> None:
    """The file's name and the table's: a moved column is seen at once."""
    body = parquet(pa.table({"dest": ["JFK"], "distance": [7]}))
    with pytest.raises(CopyFailure) as failed:
        lines(body, [TableColumn("distance", "bigint"), TableColumn("dest", "varchar(3)")])
    assert f"column '{URL}.dest'" in failed.value.load_error.error_message
    assert "the table's column at this place is distance" in failed.value.load_error.error_message


@pytest.mark.parametrize(("file_columns", "table_columns"), [(19, 20), (20, 19)])
def test_the_number_of_columns_must_match(file_columns: int, table_columns: int) -> None:
    """Neither too few nor too many."""
    table = flights(10)
    with pytest.raises(CopyFailure) as failed:
        lines(parquet(table.select(range(file_columns))), columns_of(table)[:table_columns])
    expected = f"Table columns: {table_columns}, Data columns: {file_columns}, File name: {URL}"
    assert expected in failed.value.load_error.error_message


def test_fillrecord_fills_columns_at_the_end_with_null() -> None:
    """But not one that is NOT NULL."""
    body = parquet(pa.table({"a": ["1", "2"]}))
    columns = [TableColumn("a", "varchar(1)"), TableColumn("b", "bigint")]
    assert fields(lines(body, columns, ParquetFormat(fill_record=True))) == [["1", None], ["2", None]]
    columns[1] = TableColumn("b", "bigint", not_null=True)
    with pytest.raises(CopyFailure, match="Cannot insert a NULL value into column b"):
        lines(body, columns, ParquetFormat(fill_record=True))


def test_varchar_counts_bytes() -> None:
    """Four characters may be too many for VARCHAR(4); the row is told, the value only in the system tables."""
    fits = parquet(pa.table({"dest": ["éé"]}))
    assert fields(lines(fits, [TableColumn("dest", "character varying(4)")])) == [["éé"]]
    failed = failure(["abcd", "éééé"] * 2, TableColumn("dest", "character varying(4)"))
    assert "data column dest is longer than the length defined in the table. Table: 4, Data: 8" in str(failed.detail)
    assert "éé" not in f"{failed} {failed.detail}"
    row = failed.load_error.system_row()
    assert (row["line_number"], row["colname"], row["type"], row["col_length"]) == (2, "dest", "varchar", "4")
    assert (row["raw_field_value"], row["filename"]) == ("éééé", URL)


def test_rows_are_counted_over_row_groups() -> None:
    """The row of the error is the file's, not the batch's."""
    body = parquet(pa.table({"v": ["a"] * 40_000 + [None]}), row_group_size=7_000)
    with pytest.raises(CopyFailure, match="Cannot insert a NULL value into column v") as failed:
        lines(body, [TableColumn("v", "varchar(1)", not_null=True)])
    assert failed.value.load_error.line_number == 40_001


@pytest.mark.parametrize("raw", [b"a\xff", b"a\0b"])
def test_what_is_no_text_is_refused(raw: bytes) -> None:
    """Bytes that are not UTF-8, and NUL, which no text column holds."""
    failed = failure(pa.array([b"a", raw], pa.binary()), TableColumn("v", "varchar(9)"))
    assert (failed.load_error.line_number, failed.load_error.column) == (2, TableColumn("v", "varchar(9)"))


def test_acceptinvchars_replaces_bytes() -> None:
    """One character for each byte that is not UTF-8."""
    body = parquet(pa.table({"v": pa.array([b"a\xff\xfe", None, "é".encode()], pa.binary())}))
    found = lines(body, [TableColumn("v", "varchar(9)")], ParquetFormat(replacement="?"))
    assert column(fields(found)) == ["a??", None, "é"]


@pytest.mark.parametrize("days", [2932897, -719163])
def test_years_that_are_not_imitated_are_refused(days: int) -> None:
    """The year 10000 and the year 0 are an error, not another date."""
    values = pa.array([0, days], pa.int32()).cast(pa.date32())
    assert "years 1 to 9999" in failure(values, TableColumn("day", "date")).load_error.error_message


def test_super_needs_serializetojson() -> None:
    """Redshift says so before it reads a file."""
    with pytest.raises(RedshiftError, match="SUPER column in COPY query requires SERIALIZETOJSON option"):
        require_loadable([TableColumn("v", "super")], ParquetFormat())


def test_a_long_text_does_not_go_into_super() -> None:
    """65,535 bytes are the most, as on Redshift."""
    failed = failure(["x" * 65_536], TableColumn("v", "super"), ParquetFormat(serialize_to_json=True))
    assert "String value exceeds the max size of 65535 bytes" in failed.load_error.error_message


@pytest.mark.parametrize("type_name", ["timestamp with time zone", "time without time zone", "hllsketch"])
def test_types_that_are_not_imitated_are_named(type_name: str) -> None:
    """An error before a row is read."""
    with pytest.raises(NotImitatedError, match="not imitated locally"):
        require_loadable([TableColumn("v", type_name)], ParquetFormat())


@pytest.mark.parametrize("keep", [0, 3, 100, -1, -20])
def test_a_truncated_file_is_named(keep: int) -> None:
    """Wherever it ends too soon."""
    body = parquet(flights(500))
    with pytest.raises(CopyFailure) as failed:
        lines(body[:keep], columns_of(flights(1)))
    assert f"File '{URL}' is not a valid Parquet file" in failed.value.load_error.error_message


def test_corrupt_pages_are_found() -> None:
    """Bytes in the middle that changed are an error, never other rows."""
    table = flights(2000)
    body = parquet(table, write_page_checksum=True)
    whole = lines(body, columns_of(table))
    for place in range(200, len(body) - 3000, 3001):
        broken = body[:place] + bytes([body[place] ^ 0xFF]) + body[place + 1 :]
        with contextlib.suppress(CopyFailure):
            assert lines(broken, columns_of(table)) == whole


def test_what_the_system_tables_keep_is_cut_to_their_lengths() -> None:
    """A long value, a long path and a long reason."""
    long = LoadError("s3://b/" + "k" * 999, 1204, "r" * 999, 7, TableColumn("c" * 200, "numeric(38,10)"), 0, "l" * 5000)
    row = long.system_row()
    assert {name: len(str(value)) for name, value in row.items() if isinstance(value, str)} == {
        "filename": 256, "colname": 127, "type": 7, "col_length": 6, "raw_line": 1024, "raw_field_value": 0,
        "err_reason": 512,
    }  # fmt: skip
    assert "Check 'stl_load_errors'" in str(text_failure("flights", long))
