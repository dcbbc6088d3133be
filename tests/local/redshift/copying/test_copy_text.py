"""COPY of CSV, delimited text and JSON: what is null, what is a value, and which line is wrong."""

from __future__ import annotations

import bz2
import gzip
import io

import pyarrow as pa
import pytest

from headrace_local.redshift.copying.columns import TableColumn
from headrace_local.redshift.copying.delimited import DelimitedSource
from headrace_local.redshift.copying.documents import JsonSource, require_one_super
from headrace_local.redshift.copying.failures import CopyFailure
from headrace_local.redshift.copying.loading import decompressed
from headrace_local.redshift.copying.options import DelimitedFormat, JsonFormat
from headrace_local.redshift.copying.statement import parse_copy
from headrace_local.redshift.copying.textrows import RowErrors
from headrace_local.redshift.errors import NotImitatedError, RedshiftError
from tests.local.redshift.postgres_table import column, fields

AUTO, DOTTED = "CSV TIMEFORMAT 'auto'", "CSV TIMEFORMAT 'DD.MM.YYYY HH24:MI'"
Rows = list[list[str | None]]
WORD = TableColumn("word", "character varying(4)")
NUMBER = TableColumn("number", "integer")


def read(body: bytes, options: str, *columns: TableColumn) -> tuple[Rows, RowErrors]:
    statement = parse_copy(f"COPY t FROM 's3://b/k' IAM_ROLE default {options}")
    assert statement is not None
    chosen = statement.format
    assert isinstance(chosen, DelimitedFormat | JsonFormat)
    errors = RowErrors("t", chosen.fields.max_errors)
    stream = decompressed(io.BytesIO(body), chosen.compression)
    if isinstance(chosen, JsonFormat):
        source: JsonSource | DelimitedSource = JsonSource("s3://b/k", stream, columns, chosen, errors)
    else:
        source = DelimitedSource("s3://b/k", stream, columns, chosen, errors)
    rows = fields(b"".join(source.chunks()))
    assert source.rows == len(rows)
    return rows, errors


def loaded(body: bytes, options: str, *columns: TableColumn) -> Rows:
    return read(body, options, *columns)[0]


def failure(body: bytes, options: str, *columns: TableColumn) -> CopyFailure:
    with pytest.raises(CopyFailure) as failed:
        read(body, options, *columns)
    return failed.value


def one(text: str, type_name: str, options: str = "CSV") -> str | None:
    """What a field of a CSV file becomes."""
    [[value]] = loaded(f"{text}\n".encode(), options, TableColumn("v", type_name))
    return value


def test_csv_with_quotes() -> None:
    """Delimiters, line breaks and doubled quotes inside of quotes."""
    body = b'a,1\n"a,b",2\n"a\nb",3\n"a""b",4\n'
    assert loaded(body, "CSV", WORD, NUMBER) == [["a", "1"], ["a,b", "2"], ["a\nb", "3"], ['a"b', "4"]]


def test_delimited_text_has_no_quotes() -> None:
    """They are characters; the delimiter is a bar unless told otherwise."""
    assert loaded(b'"a"|1\n', "", WORD, NUMBER) == [['"a"', "1"]]
    assert loaded(b"a\t1\n", "DELIMITER '\\t'", WORD, NUMBER) == [["a", "1"]]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("CSV", ["", "  ", None, "NULL"]),
        ("CSV EMPTYASNULL", [None, "  ", None, "NULL"]),
        ("CSV BLANKSASNULL", ["", None, None, "NULL"]),
        ("CSV NULL AS 'NULL'", ["", "  ", "\\N", None]),
    ],
)
def test_which_texts_are_null(options: str, expected: list[str | None]) -> None:
    r"""An empty text is none; \N is, unless another text stands for it."""
    body = b'"",1\n"  ",1\n\\N,1\nNULL,1\n'
    assert column(loaded(body, options, WORD, NUMBER)) == expected


def test_empty_fields_of_other_types_are_null() -> None:
    """With any option; and blanks around a number mean nothing."""
    assert column(loaded(b"a,\na,  \na, 7 \n", "CSV", WORD, NUMBER), 1) == [None, None, "7"]


@pytest.mark.parametrize(
    ("text", "type_name", "options", "expected"),
    [
        ("+7", "bigint", "CSV", "7"),
        ("-1.5e3", "double precision", "CSV", "-1500"),
        ("1.239", "numeric(5,2)", "CSV", "1.23"),
        ("Yes", "boolean", "CSV", "true"),
        ("0", "boolean", "CSV", "false"),
        ("2013-01-31", "date", "CSV", "2013-01-31"),
        ("31.01.2013", "date", "CSV DATEFORMAT 'DD.MM.YYYY'", "2013-01-31"),
        ("2013-01-31 05:06:07.25", "timestamp without time zone", "CSV", "2013-01-31 05:06:07.250000"),
        ("2013-01-31T05:06:07Z", "timestamp without time zone", AUTO, "2013-01-31 05:06:07.000000"),
        ("2013-01-31 05:06:07+02:00", "timestamp without time zone", AUTO, "2013-01-31 03:06:07.000000"),
        ("2013-01-31 05:06:07-05", "timestamp with time zone", AUTO, "2013-01-31 10:06:07.000000+00"),
        ("1359608767", "timestamp without time zone", "CSV TIMEFORMAT 'epochsecs'", "2013-01-31 05:06:07"),
        ("1359608767250", "timestamp without time zone", "CSV TIMEFORMAT 'epochmillisecs'", "2013-01-31 05:06:07.250"),
        ("31.01.2013 5:06", "timestamp without time zone", DOTTED, "2013-01-31 05:06:00.000000"),
        ("00ff", "varbyte(2)", "CSV", "\\x00ff"),
        ('"{""a"": [1]}"', "super", "CSV", '{"a": [1]}'),
        ("ééé", "character varying(4)", "CSV TRUNCATECOLUMNS", "éé"),
        ("ab  ", "character varying(4)", "CSV TRIMBLANKS", "ab"),
    ],
)  # fmt: skip
def test_values(text: str, type_name: str, options: str, expected: str) -> None:
    """Of each type, as its option has it."""
    assert one(text, type_name, options) == expected


@pytest.mark.parametrize(
    ("text", "type_name", "code"),
    [
        ("x", "integer", 1207),
        ("2147483648", "integer", 1207),
        ("1,5", "double precision", 1202),
        ("x", "double precision", 1208),
        ("1234.5", "numeric(5,2)", 1209),
        ("maybe", "boolean", 1210),
        ("31.01.2013", "date", 1205),
        ("2013-02-30", "date", 1205),
        ("2013-01-31 25:00:00", "timestamp without time zone", 1206),
        ("0f0", "varbyte(2)", 1223),
        ("{", "super", 1224),
        ("abcde", "character varying(4)", 1204),
        ("ééé", "character(4)", 1204),
    ],
)
def test_values_that_do_not_fit(text: str, type_name: str, code: int) -> None:
    """Redshift's code, the line, the column, the value; the message itself has no value."""
    failed = failure(f"\n{text}\n".encode(), "CSV IGNOREHEADER 1", TableColumn("v", type_name))
    error = failed.load_error
    assert (error.error_code, error.line_number) == (code, 2)
    assert failed.sentence == "Load into table 't' failed.  Check 'stl_load_errors' system table for details."
    if code != 1202:
        assert (error.column, error.raw_field_value) == (TableColumn("v", type_name), text)


def test_not_null() -> None:
    """A null in a NOT NULL column is Redshift's 1213."""
    failed = failure(b"a,1\nb,\n", "CSV", WORD, TableColumn("number", "integer", not_null=True))
    assert (failed.load_error.error_code, failed.load_error.line_number, failed.load_error.raw_line) == (1213, 2, "b,")


@pytest.mark.parametrize(
    ("body", "code", "reason"), [(b"a,1\nb\n", 1203, "Delimiter not found"), (b"a,1\nb,2,3\n", 1202, "Extra column")]
)
def test_rows_of_other_lengths(body: bytes, code: int, reason: str) -> None:
    """Too few and too many fields."""
    error = failure(body, "CSV", WORD, NUMBER).load_error
    assert (error.error_code, error.line_number) == (code, 2)
    assert error.error_message.startswith(reason)


def test_maxerror_leaves_rows_out() -> None:
    """Fewer errors than it says are left out and told; as many fail the load."""
    body = b"a,1\nb,x\nc,3\nabcde,4\ne,5\nf\n"
    rows, errors = read(body, "CSV MAXERROR 4", WORD, NUMBER)
    assert rows == [["a", "1"], ["c", "3"], ["e", "5"]]
    assert sorted(error.error_code for error in errors.errors) == [1203, 1204, 1207]
    assert len(failure(body, "CSV MAXERROR 3", WORD, NUMBER).load_errors) == 3


def test_headers_and_blank_lines() -> None:
    """As many lines as IGNOREHEADER says; blank lines only where told."""
    body = b"word,number\na,1\n\nb,2\n"
    assert loaded(body, "CSV IGNOREHEADER 1 IGNOREBLANKLINES", WORD, NUMBER) == [["a", "1"], ["b", "2"]]
    error = failure(body, "CSV IGNOREHEADER 1", WORD, NUMBER).load_error
    assert (error.error_code, error.line_number) == (1211, 3)
    assert loaded(b",\n", "CSV", WORD, NUMBER) == [["", None]]


def test_an_empty_file_has_no_rows() -> None:
    """It is no error."""
    assert loaded(b"", "CSV", WORD, NUMBER) == []


def test_compressed_files() -> None:
    """By option alone; what is not so compressed cannot be read."""
    body = b"a,1\n" * 1000
    zstd = pa.compress(body, "zstd", asbytes=True)
    for option, packed in (("GZIP", gzip.compress(body)), ("BZIP2", bz2.compress(body)), ("ZSTD", zstd)):
        assert loaded(packed, f"CSV {option}", WORD, NUMBER) == [["a", "1"]] * 1000
    assert failure(body, "CSV GZIP", WORD, NUMBER).load_error.error_code == 1200


def test_bytes_that_are_no_text() -> None:
    """An error, or replaced with ACCEPTINVCHARS."""
    assert failure(b"a\xff,1\n", "CSV", WORD, NUMBER).load_error.error_code == 1220
    assert loaded(b"a\xff,1\n", "CSV ACCEPTINVCHARS AS '^'", WORD, NUMBER) == [["a^", "1"]]


def test_a_format_that_is_not_imitated_is_named() -> None:
    """Not read in another way."""
    with pytest.raises(NotImitatedError, match="DAY"):
        one("x", "date", "CSV DATEFORMAT 'DAY YYYY'")


OBJECTS = b'{"word": "a", "number": 1}\n{"number": null, "word": "\\u00e9\\"", "more": [1]}{\n "NUMBER": 3}'


def test_json_by_names() -> None:
    """Objects one after the other, over lines or not; what is missing is null, what is more is passed over."""
    assert loaded(OBJECTS, "JSON 'auto'", WORD, NUMBER) == [["a", "1"], ['é"', None], [None, None]]
    assert column(loaded(OBJECTS, "JSON 'auto ignorecase'", WORD, NUMBER), 1) == ["1", None, "3"]


def test_json_values_keep_their_digits() -> None:
    """A number is read as it is written; nested values become texts or SUPER."""
    columns = [TableColumn("d", "numeric(38,20)"), TableColumn("s", "super"), TableColumn("t", "varchar(99)")]
    body = b'{"d": 123456789012345678.12345678901234567890, "s": "x", "t": {"a": [1.10]}}'
    assert loaded(body, "JSON 'auto'", *columns) == [
        ["123456789012345678.12345678901234567890", '"x"', '{"a": [1.10]}']
    ]


def test_noshred_loads_the_object_whole() -> None:
    """Into one SUPER column only."""
    assert loaded(b'{"a": 1}\n{"b": 2}', "JSON 'noshred'", TableColumn("v", "super")) == [['{"a": 1}'], ['{"b": 2}']]
    with pytest.raises(RedshiftError, match="one SUPER column"):
        require_one_super([WORD])


@pytest.mark.parametrize(
    ("body", "code", "line"),
    [(b'{"word": "a"}\n\n{"word": }', 1200, 3), (b'{"word": "a"}\n[1]', 1216, 2), (b'{"word": "a\xff"}', 1220, 0)],
)
def test_bad_json_is_told_by_its_line(body: bytes, code: int, line: int) -> None:
    """It is no object, no JSON or no text."""
    error = failure(body, "JSON 'auto'", WORD).load_error
    assert (error.error_code, error.line_number) == (code, line)


def test_a_wrong_member_is_told_by_the_line_its_object_ends_on() -> None:
    """As Redshift counts."""
    error = failure(b'{"word": "a"}\n{\n"word":\n"abcde"}\n', "JSON 'auto'", WORD).load_error
    assert (error.error_code, error.line_number, error.column) == (1204, 4, WORD)


def test_jsonpaths_are_not_imitated() -> None:
    """The sentence says so."""
    with pytest.raises(NotImitatedError, match="jsonpaths"):
        loaded(b"{}", "JSON 's3://b/paths.json'", WORD)
