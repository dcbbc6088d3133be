"""Which files a COPY reads, from a local AWS: manifests, prefixes, what is missing and what is not as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from headrace_local.redshift.copying import objects
from headrace_local.redshift.copying.columns import TableColumn
from headrace_local.redshift.copying.failures import CopyFailure
from headrace_local.redshift.copying.loading import CopySource, LoadedFile, open_copy
from headrace_local.redshift.copying.statement import parse_copy
from tests.consumers.runtime_process.aws import client, free_port
from tests.local.redshift.bucket import Bucket, local_bucket
from tests.local.redshift.flights_table import columns_of, flights, manifest, parquet
from tests.local.redshift.postgres_table import column, fields

LETTER = [TableColumn("v", "character varying(8)")]


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    with local_bucket(Path(tmp_path_factory.mktemp("aws"))) as found:
        yield found


def opened(bucket: Bucket, source: str, options: str, columns: list[TableColumn] | None = None) -> CopySource:
    statement = parse_copy(f"COPY staging.t FROM '{source}' IAM_ROLE default {options}")
    assert statement is not None
    return open_copy(statement, columns or LETTER, bucket.s3)


def letters(*values: str) -> bytes:
    return parquet(pa.table({"v": list(values)}))


def test_the_files_of_a_manifest_in_its_order(bucket: Bucket) -> None:
    """Every row of every file once; rows and files are told for the system tables."""
    table = flights(3000)
    bodies = [parquet(table.slice(begin, 1000)) for begin in (0, 1000, 2000)]
    urls = [bucket.put(body) for body in bodies]
    source = opened(
        bucket,
        bucket.put(manifest({url: len(body) for url, body in zip(urls, bodies, strict=True)})),
        "PARQUET MANIFEST",
        columns_of(table),
    )
    rows = fields(b"".join(source))
    assert column(rows, table.column_names.index("tailnum")) == table["tailnum"].to_pylist()
    assert source.files == [LoadedFile(url, len(body), 1000) for url, body in zip(urls, bodies, strict=True)]
    assert source.rows == 3000


def test_a_large_object_is_read_by_ranges(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gives the same rows."""
    monkeypatch.setattr(objects, "WHOLE_BYTES", 1000)
    table = flights(5000)
    body = parquet(table, row_group_size=2000)
    url = bucket.put(body)
    source = opened(bucket, bucket.put(manifest({url: len(body)})), "PARQUET MANIFEST", columns_of(table))
    assert column(fields(b"".join(source)), table.column_names.index("tailnum")) == table["tailnum"].to_pylist()


def test_a_mandatory_file_that_is_missing_is_named(bucket: Bucket) -> None:
    """Wherever it stands in the manifest."""
    there = bucket.put(letters("a"))
    listed = manifest({there: len(letters("a")), "s3://lake/nowhere": 10})
    with pytest.raises(CopyFailure, match="Spectrum Scan Error: File not found") as failed:
        b"".join(opened(bucket, bucket.put(listed), "PARQUET MANIFEST"))
    assert failed.value.load_error.file_name == "s3://lake/nowhere"


def test_a_file_that_is_not_mandatory_may_be_missing(bucket: Bucket) -> None:
    """Unless it was the only one."""
    there = bucket.put(letters("a"))
    listed = manifest({"s3://lake/nowhere": 10, there: len(letters("a"))}, mandatory=False)
    assert fields(b"".join(opened(bucket, bucket.put(listed), "PARQUET MANIFEST"))) == [["a"]]
    with pytest.raises(CopyFailure, match="File not found"):
        b"".join(opened(bucket, bucket.put(manifest({"s3://lake/nowhere": 1}, mandatory=False)), "PARQUET MANIFEST"))


def test_a_file_of_another_length_than_its_manifest_says_is_refused(bucket: Bucket) -> None:
    """It is not the file that the manifest means."""
    url = bucket.put(letters("a"))
    with pytest.raises(CopyFailure) as failed:
        b"".join(opened(bucket, bucket.put(manifest({url: 7})), "PARQUET MANIFEST"))
    assert f"File '{url}' has {len(letters('a'))} bytes" in failed.value.load_error.error_message


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"{", "is not valid"),
        (b'{"entries": [{"mandatory": true}]}', "is not valid"),
        (b'{"entries": [{"url": "/tmp/x", "meta": {"content_length": 1}}]}', "is not valid"),
        (b'{"entries": []}', "names no files"),
        (b'{"entries": [{"url": "s3://lake/x"}]}', "no meta.content_length for s3://lake/x"),
    ],
)
def test_a_bad_manifest_is_named(bucket: Bucket, body: bytes, sentence: str) -> None:
    """Columnar files need their lengths."""
    url = bucket.put(body)
    with pytest.raises(CopyFailure, match=sentence) as failed:
        opened(bucket, url, "PARQUET MANIFEST")
    assert failed.value.load_error.file_name == url


def test_a_missing_manifest_is_named(bucket: Bucket) -> None:
    """Also where the bucket is missing."""
    for url in ("s3://lake/no.manifest", "s3://nowhere/no.manifest"):
        with pytest.raises(CopyFailure, match=f"{url} was not found"):
            opened(bucket, url, "PARQUET MANIFEST")


def test_text_files_need_no_lengths_in_a_manifest(bucket: Bucket) -> None:
    """As on Redshift."""
    listed = json.dumps({"entries": [{"url": bucket.put(b"a\n"), "mandatory": True}]}).encode()
    assert fields(b"".join(opened(bucket, bucket.put(listed), "CSV MANIFEST"))) == [["a"]]


def test_without_manifest_all_keys_of_a_prefix_are_read(bucket: Bucket) -> None:
    """A prefix, not a folder; one without objects is an error."""
    bucket.put(letters("a"), "months/2013-01/0")
    bucket.put(letters("b"), "months/2013-02/0")
    bucket.put(letters("c"), "months/2014-01/0")
    assert fields(b"".join(opened(bucket, "s3://lake/months/2013", "PARQUET"))) == [["a"], ["b"]]
    with pytest.raises(CopyFailure, match="The specified S3 prefix 'months/2015' does not exist"):
        opened(bucket, "s3://lake/months/2015", "PARQUET")


def test_a_column_name_that_is_no_text_is_told(bucket: Bucket) -> None:
    """As any other damage of a footer: with the file's name."""
    body = parquet(pa.table({"letter": ["a"]})).replace(b"letter", b"\xff\xfetter")
    url = bucket.put(body)
    with pytest.raises(CopyFailure) as failed:
        b"".join(opened(bucket, bucket.put(manifest({url: len(body)})), "PARQUET MANIFEST"))
    assert failed.value.load_error.file_name == url


def test_one_bad_file_among_twenty_is_named(bucket: Bucket) -> None:
    """The error has its name, and no other's."""
    bodies = {bucket.put(letters(str(number))): len(letters(str(number))) for number in range(10, 30)}
    bad = list(bodies)[13]
    bucket.put(b"PAR1" + b"?" * (bodies[bad] - 4), bad.removeprefix("s3://lake/"))
    source = opened(bucket, bucket.put(manifest(bodies)), "PARQUET MANIFEST")
    with pytest.raises(CopyFailure) as failed:
        b"".join(source)
    assert failed.value.load_error.file_name == bad
    assert len(source.files) == 13


def test_an_s3_that_is_away_is_told() -> None:
    """As a failure of the load with the place's name, not as a stack of S3's client."""
    away = client("s3", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(CopyFailure, match=r"S3ServiceException:.*s3://lake/m"):
        opened(Bucket(away), "s3://lake/m", "PARQUET MANIFEST")
    away.close()
