"""What COPY statements ask for, and which are refused."""

import pytest

from headrace_local.redshift.copying.options import DelimitedFormat, FieldRules, JsonFormat, ParquetFormat
from headrace_local.redshift.copying.statement import CopyStatement, S3Location, parse_copy
from headrace_local.redshift.errors import NotImitatedError, RedshiftError

SECRET = "wJalrXUtnFEMI"  # noqa: S105 - of nobody


def parsed(sql: str) -> CopyStatement:
    statement = parse_copy(sql)
    assert statement is not None
    return statement


def options(written: str) -> CopyStatement:
    return parsed(f"COPY t FROM 's3://b/k' IAM_ROLE default {written}")


def test_the_loaders_own_statement() -> None:
    """Target, columns, place and format are read; the role is not kept."""
    sql = """/* load 7 */ copy "Staging".Flights ("EVENT_ID", dest) -- all of them
        from 's3://lake/loads/7.manifest' iam_role 'arn:aws:iam::000000000000:role/loader'
        format as parquet manifest;"""
    expected = CopyStatement(
        schema="staging",
        table="flights",
        columns=("event_id", "dest"),
        source=S3Location("lake", "loads/7.manifest"),
        manifest=True,
        explicit_ids=False,
        format=ParquetFormat(),
    )
    assert parsed(sql) == expected


@pytest.mark.parametrize(
    "sql",
    ["SELECT 1", "COPY (SELECT 1) TO STDOUT", "COPY t FROM STDIN", "COPY t TO STDOUT", "-- COPY t FROM 's3://b/k'"],
)
def test_other_statements_are_none_of_its_business(sql: str) -> None:
    """What is not COPY from a place is left to PostgreSQL."""
    assert parse_copy(sql) is None


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("FORMAT PARQUET SERIALIZETOJSON FILLRECORD", ParquetFormat(serialize_to_json=True, fill_record=True)),
        ("PARQUET ACCEPTINVCHARS AS '^' STATUPDATE OFF COMPUPDATE PRESET", ParquetFormat(replacement="^")),
        ("", DelimitedFormat("|", None, FieldRules())),
        ("CSV QUOTE AS '%' IGNOREHEADER 1 GZIP", DelimitedFormat(",", "%", FieldRules(), 1, compression="GZIP")),
        ("DELIMITER '\\t' NULL AS '\\\\N'", DelimitedFormat("\t", None, FieldRules())),
        ("DELIMITER '\\001'", DelimitedFormat("\x01", None, FieldRules())),
        (
            "FORMAT AS CSV DELIMITER ';' BLANKSASNULL EMPTYASNULL TRUNCATECOLUMNS MAXERROR AS 5 TIMEFORMAT 'auto'",
            DelimitedFormat(
                ";",
                '"',
                FieldRules(
                    blanks_as_null=True, empty_as_null=True, truncate_columns=True, max_errors=5, time_format="auto"
                ),
            ),
        ),
        ("JSON 'auto' ZSTD", JsonFormat("auto", FieldRules(), "ZSTD")),
        ("FORMAT JSON AS 'noshred'", JsonFormat("noshred", FieldRules())),
    ],
)  # fmt: skip
def test_formats(written: str, expected: object) -> None:
    """Each option that is imitated ends in the format it belongs to."""
    assert options(written).format == expected


@pytest.mark.parametrize(
    "keyword",
    ["MAXERROR 1", "DELIMITER ','", "REGION 'x'", "TRUNCATECOLUMNS", "GZIP", "ACCEPTANYDATE", "IGNOREHEADER 1"],
)
def test_what_parquet_does_not_go_with(keyword: str) -> None:
    """Redshift refuses it by name; so does the local one."""
    name = keyword.split(maxsplit=1)[0]
    with pytest.raises(RedshiftError, match=f"^{name} argument is not supported for PARQUET based COPY$") as refused:
        options(f"{keyword} FORMAT PARQUET")
    assert refused.value.sqlstate == "0A000"


@pytest.mark.parametrize(
    "keyword", ["ORC", "FIXEDWIDTH 'a:1'", "ENCRYPTED", "LZOP", "NOLOAD", "ESCAPE", "ACCEPTANYDATE", "FILLRECORD"]
)
def test_what_only_redshift_knows_is_named(keyword: str) -> None:
    """An option that is not imitated is never passed over in silence."""
    with pytest.raises(NotImitatedError, match=f"{keyword.split(maxsplit=1)[0]}.*not imitated locally"):
        options(keyword)


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        ("COPY t FROM 's3://b/k' FORMAT PARQUET", "needs an authorization"),
        ("COPY t FROM 's3://b/k' IAM_ROLE default PARKET", 'near "PARKET"'),
        ("COPY t FROM 's3://b/k' IAM_ROLE", "end of input"),
        ("COPY t FROM 's3://b/k' IAM_ROLE default MAXERROR 1 MAXERROR 2", "redundant options: MAXERROR"),
        ("COPY t FROM '/etc/passwd' IAM_ROLE default", "s3://bucket/key"),
        ("COPY t (a b) FROM 's3://b/k' IAM_ROLE default", 'near "b"'),
    ],
)
def test_mistakes_are_syntax_errors(sql: str, sentence: str) -> None:
    """They name the place."""
    with pytest.raises(RedshiftError, match=sentence) as refused:
        parse_copy(sql)
    assert refused.value.sqlstate == "42601"


@pytest.mark.parametrize(
    "authorization",
    [
        f"CREDENTIALS 'aws_access_key_id=A;aws_secret_access_key={SECRET}' '{SECRET}'",
        f"ACCESS_KEY_ID 'A' SECRET_ACCESS_KEY '{SECRET}' SESSION_TOKEN 'T' '{SECRET}'",
    ],
)
def test_credentials_are_in_no_message(authorization: str) -> None:
    """A text at a place where none belongs is not repeated: it may be a secret."""
    with pytest.raises(RedshiftError) as refused:
        parse_copy(f"COPY t FROM 's3://b/k' {authorization}")
    assert SECRET not in str(refused.value)
