"""What UNLOAD statements ask for, and which are refused."""

import pytest

from headrace_local.redshift.copying.statement import S3Location
from headrace_local.redshift.errors import NotImitatedError, RedshiftError
from headrace_local.redshift.unloading.statement import (
    LARGEST_FILE_BYTES,
    Partitioning,
    TextLayout,
    UnloadStatement,
    parse_unload,
)


def options(written: str, query: str = "SELECT 1") -> UnloadStatement:
    statement = parse_unload(f"UNLOAD ('{query}') TO 's3://b/k' IAM_ROLE default {written}")
    assert statement is not None
    return statement


def test_the_query_as_the_database_gets_it() -> None:
    r"""Quotes are doubled or escaped inside of the text, backslashes doubled."""
    assert options("", r"SELECT ''a'', \'b\', ''\\d'' -- all").query == r"SELECT 'a', 'b', '\d' -- all"


def test_other_statements_are_none_of_its_business() -> None:
    """They are PostgreSQL's."""
    assert parse_unload("SELECT 'UNLOAD'") is None


def test_all_options() -> None:
    """Each is read into its place."""
    written = (
        "FORMAT AS PARQUET PARTITION BY (origin, Dest) INCLUDE MANIFEST VERBOSE PARALLEL OFF MAXFILESIZE AS 0.5 GB"
    )
    assert options(f"{written} ROWGROUPSIZE 64 MB CLEANPATH REGION 'x'") == UnloadStatement(
        query="SELECT 1",
        target=S3Location("b", "k/"),
        format="PARQUET",
        text=TextLayout(delimiter="|", csv=False, header=False, null_as="", add_quotes=False, escape=False),
        compression=None,
        partitioning=Partitioning(("origin", "dest"), include=True),
        manifest=True,
        verbose=True,
        parallel=False,
        max_file_bytes=512 * 1024**2,
        allow_overwrite=False,
        clean_path=True,
    )


def test_text_is_the_default() -> None:
    """Fields between bars, no larger than Redshift's own limit."""
    statement = options("HEADER NULL AS '-' DELIMITER '\\t' ADDQUOTES ESCAPE GZIP ALLOWOVERWRITE")
    assert (statement.format, statement.compression, statement.allow_overwrite) == ("TEXT", "GZIP", True)
    assert statement.text == TextLayout("\t", csv=False, header=True, null_as="-", add_quotes=True, escape=True)
    assert (statement.max_file_bytes, statement.parallel) == (LARGEST_FILE_BYTES, True)


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("PARQUET HEADER", "HEADER is not supported for UNLOAD to PARQUET"),
        ("PARQUET GZIP", "GZIP is not supported for UNLOAD to PARQUET"),
        ("JSON DELIMITER ','", "DELIMITER is not supported for UNLOAD to JSON"),
        ("CSV ADDQUOTES", "ADDQUOTES is not supported for UNLOAD to CSV"),
        ("ALLOWOVERWRITE CLEANPATH", "CLEANPATH"),
        ("MAXFILESIZE 1 MB", "between 5 MB and 6.2 GB"),
        ("CSV PARQUET", "PARQUET and CSV"),
        ("CSV CSV", "redundant options: CSV"),
        ("SIDEWAYS", 'near "SIDEWAYS"'),
        ("PARTITION BY ('a')", "syntax error"),
    ],
)
def test_what_does_not_go_together(written: str, sentence: str) -> None:
    """It is named."""
    with pytest.raises(RedshiftError, match=sentence):
        options(written)


def test_an_authorization_is_needed() -> None:
    """As on Redshift."""
    with pytest.raises(RedshiftError, match="needs an authorization"):
        parse_unload("UNLOAD ('SELECT 1') TO 's3://b/k' CSV")


@pytest.mark.parametrize("written", ["ENCRYPTED AUTO", "FIXEDWIDTH '1'", "EXTENSION 'csv'", "DELIMITER '||'"])
def test_what_only_redshift_knows_is_named(written: str) -> None:
    """Never passed over in silence."""
    with pytest.raises(NotImitatedError, match=written.split(maxsplit=1)[0]):
        options(written)


def test_an_outer_limit_is_refused() -> None:
    """A nested one is not."""
    with pytest.raises(RedshiftError, match="Limit clause is not supported in the outermost select"):
        options("", "SELECT * FROM t ORDER BY a LIMIT 10")
    assert options("", "SELECT * FROM (SELECT a AS \"limit\", ''limit'' FROM t LIMIT 10)").query
