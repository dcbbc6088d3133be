"""What a file's own footer tells before anything is copied."""

from __future__ import annotations

import io
import re
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace_consumers.lake.s3 import S3Store
from headrace_consumers.load.preflight import Fit, Footer, Misfit, Unreadable, fit, read_footer
from headrace_consumers.load.waiting import LakeFile
from headrace_consumers.stages.schemas import MAX_BYTES_KEY
from headrace_consumers.warehouse.tables import TableColumn
from headrace_consumers.warehouse.types import RedshiftType, varchar
from tests.fakes.s3 import MemoryS3
from tests.fakes.steps import Steps

ROWS = pa.table({"station": ["Dover", "Hull"], "level_mm": pa.array([1, 2], pa.int64())})
TABLE = {
    "station": TableColumn("station", varchar(64), nullable=False),
    "level_mm": TableColumn("level_mm", RedshiftType("BIGINT")),
}


def parquet(rows: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(rows, sink)
    return sink.getvalue()


def stored(body: bytes | None, rows: int = 2) -> tuple[S3Store, LakeFile]:
    s3 = MemoryS3()
    client: Any = s3.as_seen_by(Steps())
    if body is not None:
        client.put_object(Bucket="processed", Key="tides/one.parquet", Body=body, Metadata={"attempt-id": "commit"})
    file = LakeFile("commit", "tides", "processed", "tides/one.parquet", rows, len(body or b""))
    return S3Store(client, {}), file


def footer_of(rows: pa.Table) -> Footer:
    found = read_footer(*stored(parquet(rows), len(rows)))
    assert isinstance(found, Footer)
    return found


def judged(rows: pa.Table, table: dict[str, TableColumn] | None = None) -> Fit | Misfit:
    return fit(footer_of(rows), stored(None)[1], TABLE if table is None else table)


def test_a_footer_says_columns_and_rows() -> None:
    """Also one that is longer than the first look."""
    assert footer_of(ROWS).columns == ("station", "level_mm")
    wide = pa.table({f"column_{number}": pa.array([1], pa.int64()) for number in range(2_000)})
    assert len(parquet(wide)) > 2 * 64 * 1024
    assert len(footer_of(wide).fields) == 2_000


@pytest.mark.parametrize("body", [b"PAR1", b"no Parquet at all", parquet(ROWS)[:-40], parquet(ROWS)[:-1] + b"x"])
def test_what_is_no_parquet_is_told(body: bytes) -> None:
    """With the file's name; nothing is raised."""
    found = read_footer(*stored(body))
    assert isinstance(found, Unreadable)
    assert not found.lost
    assert "s3://processed/tides/one.parquet" in found.reason


@given(places=st.lists(st.tuples(st.integers(1, 600), st.integers(0, 255)), min_size=1, max_size=8))
def test_a_footer_of_any_bytes_is_judged(places: list[tuple[int, int]]) -> None:
    """It is told, or it fits, or not; nothing is raised, and no column gets a name that contracts cannot give."""
    body = bytearray(parquet(ROWS))
    for from_end, byte in places:
        body[-from_end] = byte
    store, file = stored(bytes(body))
    found = read_footer(store, file)
    if isinstance(found, Footer) and isinstance(judgement := fit(found, file, TABLE), Fit):
        assert all(re.fullmatch("[a-z][a-z0-9_]*", field.name) for field in judgement.missing)


@pytest.mark.parametrize("body", [None, b""])
def test_a_file_that_is_gone_may_come_back(body: bytes | None) -> None:
    """Nor does any commit write an empty one. It is held, and the sentence says what makes it again."""
    found = read_footer(*stored(body))
    assert isinstance(found, Unreadable)
    assert found.lost
    assert "repair" in found.reason


def test_another_number_of_rows_is_another_file() -> None:
    """What the commit says must be what the footer says."""
    found = read_footer(*stored(parquet(ROWS), rows=3))
    assert isinstance(found, Unreadable)
    assert "2 rows, its commit says 3" in found.reason


def test_a_file_as_the_table_fits() -> None:
    """In whatever order the table has its columns, and with nullable ones that the file lacks."""
    assert judged(ROWS) == Fit()
    assert judged(ROWS.select(["station"])) == Fit()
    assert judged(ROWS.select(["level_mm", "station"])) == Fit()


def test_a_new_column_is_added_and_a_wider_text_widened() -> None:
    """As the file states them; a text that states no limit may fit."""
    grown = ROWS.append_column("depth", pa.array([1.0, 2.0]))
    assert judged(grown) == Fit(missing=(pa.field("depth", pa.float64()),))
    wide = pa.field("station", pa.string(), metadata={MAX_BYTES_KEY: "256"})
    assert judged(ROWS.set_column(0, wide, ROWS["station"])) == Fit(wider=(wide,))


def test_a_column_of_another_type_is_named_with_both() -> None:
    """Table, column, the warehouse's type, the file's type and the file."""
    retyped = ROWS.set_column(1, "level_mm", pa.array(["1", "2"]))
    found = judged(retyped)
    assert isinstance(found, Misfit)
    for part in ("tides.level_mm", "BIGINT", "VARCHAR", "s3://processed/tides/one.parquet", "schema plan"):
        assert part in found.reason


def test_a_column_of_a_type_that_the_warehouse_has_not() -> None:
    """New or known, it holds the file with a sentence."""
    for name in ("level_mm", "depths"):
        nested = ROWS.select(["station"]).append_column(name, pa.array([[1], [2]]))
        found = judged(nested)
        assert isinstance(found, Misfit)
        assert f"tides.{name}" in found.reason
        assert "list<" in found.reason


def test_a_column_that_takes_no_null_must_be_in_the_file() -> None:
    """Else COPY would fail without naming it."""
    found = judged(ROWS.select(["level_mm"]))
    assert isinstance(found, Misfit)
    assert "tides.station takes no null" in found.reason
