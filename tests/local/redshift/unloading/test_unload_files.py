"""What UNLOAD writes: a real PostgreSQL's rows, into a local AWS's bucket, and back by COPY."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace_local.redshift.copying.columns import TableColumn
from headrace_local.redshift.copying.loading import open_copy
from headrace_local.redshift.copying.statement import parse_copy
from headrace_local.redshift.errors import RedshiftError
from headrace_local.redshift.unloading import formats
from headrace_local.redshift.unloading.columns import QUERY_OPTIONS
from headrace_local.redshift.unloading.statement import parse_unload
from headrace_local.redshift.unloading.writing import Unloaded, write
from tests.local.redshift.bucket import Bucket, local_bucket
from tests.local.redshift.postgres_table import Database, database

TYPES = (
    "smallint", "integer", "bigint", "real", "double precision", "numeric(38,10)", "boolean", "character varying(20)",
    "date", "timestamp without time zone",
)  # fmt: skip
ROWS = """
    (-32768, -2147483648, -9223372036854775808, 0.1, 5e-324, 1234567890123456789012345678.0123456789, true, '',
     '0001-01-01', '0001-01-01 00:00:00'),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (32767, 2147483647, 9223372036854775807, 'inf', 'nan', -0.0000000001, false, E'a"b,c|\\n\\\\é',
     '9999-12-31', '9999-12-31 23:59:59.999999')"""
NAMES = [f"c{place}" for place in range(len(TYPES))]
COLUMNS = [TableColumn(name, type_name) for name, type_name in zip(NAMES, TYPES, strict=True)]
CASTS = ", ".join(f"{name}::{type_name}" for name, type_name in zip(NAMES, TYPES, strict=True))
EVERY_TYPE = f"SELECT {CASTS} FROM (VALUES {ROWS}) AS v({', '.join(NAMES)})"  # noqa: S608 -- a test's own words
WORDS = [TableColumn("word", "character varying(9)"), TableColumn("number", "bigint")]


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with database(tmp_path_factory.mktemp("postgres")) as found:
        yield found


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    with local_bucket(Path(tmp_path_factory.mktemp("aws"))) as found:
        yield found


def unload(bucket: Bucket, target: str, options: str, lines: bytes, columns: Sequence[TableColumn] = WORDS) -> Unloaded:
    """In chunks as a socket would give them."""
    statement = parse_unload(f"UNLOAD ('SELECT') TO '{target}' IAM_ROLE default {options}")
    assert statement is not None
    return write(statement, columns, (lines[place : place + 7] for place in range(0, len(lines), 7)), bucket.s3)


def table_of(body: bytes) -> pa.Table:
    return pq.read_table(io.BytesIO(body), coerce_int96_timestamp_unit="us")


@pytest.mark.parametrize("options", ["PARQUET", "CSV"])
def test_every_type_comes_back_by_copy(postgres: Database, bucket: Bucket, options: str) -> None:
    """UNLOAD with a manifest and COPY from it: the rows are the same, to PostgreSQL itself."""
    folder = bucket.folder()
    unload(bucket, folder, f"FORMAT {options} MANIFEST", postgres.unloaded(EVERY_TYPE, QUERY_OPTIONS), COLUMNS)
    statement = parse_copy(f"COPY t FROM '{folder}manifest' IAM_ROLE default FORMAT {options} MANIFEST")
    assert statement is not None
    source = open_copy(statement, COLUMNS, bucket.s3)
    ddl = ", ".join(f"{column.name} {column.type_name}" for column in COLUMNS)
    found = postgres.loaded(ddl, source.options, b"".join(source), f"({', '.join(NAMES)})::text")
    rows = f"SELECT (v.*)::text FROM ({EVERY_TYPE}) AS v"  # noqa: S608 -- a test's own words
    expected = postgres.run(rows).splitlines()
    if options == "CSV":
        # A CSV has no nulls: those of a text come back as the empty text.
        expected = [row.replace(",,,,,,,,,", ',,,,,,,"",,') for row in expected]
    assert found == expected


def test_parquet_as_redshift_writes_it(postgres: Database, bucket: Bucket) -> None:
    """Types of the query's very widths, Snappy, instants as INT96; without ARROW's own schema."""
    folder = bucket.folder()
    done = unload(bucket, folder, "PARQUET", postgres.unloaded(EVERY_TYPE, QUERY_OPTIONS), COLUMNS)
    file = pq.ParquetFile(io.BytesIO(bucket.get(f"{folder}0000_part_00.parquet")))
    types = [str(file.schema.column(place).physical_type) for place in range(len(COLUMNS))]
    assert types[:5] == ["INT32", "INT32", "INT64", "FLOAT", "DOUBLE"]
    assert types[5:] == ["FIXED_LEN_BYTE_ARRAY", "BOOLEAN", "BYTE_ARRAY", "INT32", "INT96"]
    assert file.metadata.row_group(0).column(0).compression == "SNAPPY"
    assert (done.rows, [found.rows for found in done.files]) == (3, [3])


def test_numbers_without_a_declared_scale(bucket: Bucket) -> None:
    """As many digits behind the point as the first rows show; of other types there is the text."""
    columns = [TableColumn("total", "numeric"), TableColumn("zone", "interval")]
    folder = bucket.folder()
    unload(bucket, folder, "PARQUET", b"1.25,01:00:00\n3,\n", columns)
    table = table_of(bucket.get(f"{folder}0000_part_00.parquet"))
    assert table.schema.field("total").type == pa.decimal128(38, 2)
    assert [str(value) for value in table["total"]] == ["1.25", "3.00"]
    assert table["zone"].to_pylist() == ["01:00:00", None]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", b'a"b|1\n|2\n|\n'),
        ("CSV", b'"a""b",1\n,2\n"",\n'),
        ("CSV HEADER NULL AS 'NULL'", b'word,number\n"a""b",1\nNULL,2\n"",NULL\n'),
        ("ADDQUOTES", b'"a""b"|"1"\n|"2"\n""|\n'),
        ("DELIMITER 'b' ESCAPE", b'a"\\bb1\nb2\nb\n'),
        ("JSON", b'{"word":"a\\"b","number":1}\n{"word":null,"number":2}\n{"word":"","number":null}\n'),
    ],
)
def test_text_files(bucket: Bucket, options: str, expected: bytes) -> None:
    """Quotes only where they are needed; null is an empty field unless told otherwise."""
    folder = bucket.folder()
    unload(bucket, folder, options, b'"a""b",1\n,2\n"",\n')
    assert bucket.get(f"{folder}0000_part_00") == expected


def test_delimiters_that_numbers_have(bucket: Bucket) -> None:
    """Are quoted in numbers too; and names in a header wherever they need it."""
    folder = bucket.folder()
    columns = [TableColumn("a-b", "bigint"), TableColumn("c", "double precision")]
    unload(bucket, folder, "CSV HEADER DELIMITER '-'", b"-1,2\n3,-4e-05\n", columns)
    assert bucket.get(f"{folder}0000_part_00") == b'"a-b"-c\n"-1"-2\n3-"-4e-05"\n'


def test_compressed_text(bucket: Bucket) -> None:
    """The name tells it."""
    folder = bucket.folder()
    unload(bucket, folder, "CSV GZIP", b"a,1\n" * 5000)
    assert gzip.decompress(bucket.get(f"{folder}0000_part_00.gz")) == b"a,1\n" * 5000


def test_partitions(bucket: Bucket) -> None:
    """A folder for each value, null and awkward ones too; the column is in the folder's name only."""
    folder = bucket.folder()
    lines = b"JFK,1\n,2\na/b=c,3\nJFK,4\n"
    unload(bucket, folder.rstrip("/"), "CSV PARTITION BY (word)", lines)
    assert bucket.below(folder) == [
        "word=JFK/0000_part_00", "word=__HIVE_DEFAULT_PARTITION__/0000_part_00", "word=a%2Fb%3Dc/0000_part_00",
    ]  # fmt: skip
    assert bucket.get(f"{folder}word=JFK/0000_part_00") == b"1\n4\n"
    unload(bucket, folder, "CSV PARTITION BY (word) INCLUDE ALLOWOVERWRITE", lines)
    assert bucket.get(f"{folder}word=JFK/0000_part_00") == b"JFK,1\nJFK,4\n"


@pytest.mark.parametrize("columns", ["(nowhere)", "(word, number)"])
def test_partitions_that_cannot_be(bucket: Bucket, columns: str) -> None:
    """Of a column that is not there, or that leave no column."""
    with pytest.raises(RedshiftError, match="artition"):
        unload(bucket, bucket.folder(), f"CSV PARTITION BY {columns}", b"a,1\n")


def test_files_end_at_the_size_that_is_told(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """And go on in the next part; every row once."""
    monkeypatch.setattr(formats, "_ROW_GROUP_BYTES", 1024 * 1024)
    words = [f"w{number % 9973:08},{number}" for number in range(900_000)]
    lines = "\n".join(words).encode() + b"\n"
    statement = parse_unload(
        f"UNLOAD ('SELECT') TO '{(folder := bucket.folder())}' IAM_ROLE default CSV MAXFILESIZE 5 MB"
    )
    assert statement is not None
    done = write(statement, WORDS, [lines], bucket.s3)
    assert [Path(file.location.key).name for file in done.files] == [
        f"0000_part_{n:02}" for n in range(len(done.files))
    ]
    assert len(done.files) >= 2
    assert b"".join(bucket.get(f"{folder}{name}") for name in bucket.below(folder)) == lines


def test_in_series_files_are_numbered(bucket: Bucket) -> None:
    """PARALLEL OFF: 000 and on."""
    folder = bucket.folder()
    unload(bucket, folder, "PARQUET PARALLEL OFF", b"a,1\n")
    assert bucket.below(folder) == ["000.parquet"]


def test_a_destination_that_is_not_empty_is_refused(bucket: Bucket) -> None:
    """It is a prefix; ALLOWOVERWRITE writes over, CLEANPATH removes what stood there."""
    folder = bucket.folder()
    unload(bucket, folder, "CSV", b"a,1\n")
    bucket.put(b"old", folder.removeprefix("s3://lake/") + "old")
    with pytest.raises(RedshiftError, match="Specified unload destination on S3 is not empty"):
        unload(bucket, folder, "CSV", b"b,2\n")
    unload(bucket, folder, "CSV ALLOWOVERWRITE", b"b,2\n")
    assert bucket.below(folder) == ["0000_part_00", "old"]
    unload(bucket, folder, "CSV CLEANPATH", b"c,3\n")
    assert bucket.below(folder) == ["0000_part_00"]
    assert bucket.get(f"{folder}0000_part_00") == b"c,3\n"


def test_cleanpath_leaves_partitions_that_get_nothing(bucket: Bucket) -> None:
    """Only those that are written anew are emptied."""
    folder = bucket.folder()
    unload(bucket, folder, "CSV PARTITION BY (word)", b"a,1\nb,2\n")
    unload(bucket, folder, "PARQUET PARTITION BY (word) CLEANPATH", b"a,3\n")
    assert bucket.below(folder) == ["word=a/0000_part_00.parquet", "word=b/0000_part_00"]


def test_manifest(bucket: Bucket) -> None:
    """Every file with its length; VERBOSE has rows, columns and sums too."""
    folder = bucket.folder()
    unload(bucket, folder, "CSV MANIFEST VERBOSE", b"a,1\nb,2\n")
    assert json.loads(bucket.get(f"{folder}manifest")) == {
        "entries": [{"url": f"{folder}0000_part_00", "meta": {"content_length": 8, "record_count": 2}}],
        "schema": {
            "elements": [
                {"name": "word", "type": {"base": "character varying", "max_length": 9}},
                {"name": "number", "type": {"base": "bigint"}},
            ]
        },
        "meta": {"content_length": 8, "record_count": 2},
        "author": {"name": "Amazon Redshift", "version": "1.0.0"},
    }


def test_a_query_without_rows_writes_nothing(bucket: Bucket) -> None:
    """No file and no manifest."""
    folder = bucket.folder()
    assert unload(bucket, folder, "PARQUET MANIFEST", b"") == Unloaded(0, [])
    assert bucket.below(folder) == []


def test_a_query_that_fails_leaves_nothing(bucket: Bucket) -> None:
    """Nothing is uploaded before the last row is there."""

    def failing() -> Iterator[bytes]:
        yield b"a,1\n" * 100_000
        raise ConnectionResetError

    folder = bucket.folder()
    statement = parse_unload(f"UNLOAD ('SELECT') TO '{folder}' IAM_ROLE default CSV")
    assert statement is not None
    with pytest.raises(ConnectionResetError):
        write(statement, WORDS, failing(), bucket.s3)
    assert bucket.below(folder) == []


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ([TableColumn("a", "bigint"), TableColumn("a", "bigint")], "different names"),
        ([TableColumn("a", "varbyte(9)"), TableColumn("b", "bigint")], 'VARBYTE column "a"'),
    ],
)
def test_what_parquet_cannot_hold(bucket: Bucket, columns: Sequence[TableColumn], sentence: str) -> None:
    """Named before a file is written."""
    with pytest.raises(RedshiftError, match=sentence):
        unload(bucket, bucket.folder(), "PARQUET", b"1,1\n", columns)


def test_bytes_are_hexadecimal_in_text(postgres: Database, bucket: Bucket) -> None:
    """Without PostgreSQL's prefix."""
    folder = bucket.folder()
    lines = postgres.unloaded(r"SELECT '\x00ff'::bytea", QUERY_OPTIONS)
    unload(bucket, folder, "CSV", lines, [TableColumn("v", "varbyte(9)")])
    assert bucket.get(f"{folder}0000_part_00") == b"00ff\n"
