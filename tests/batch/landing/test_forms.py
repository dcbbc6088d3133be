"""Whatever form a sender states: the same rows land; and whatever is corrupt, a verdict and never an exception."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from headrace_batch.landing.csv_reading import read_csv
from headrace_batch.landing.landing import land
from headrace_batch.landing.reading import read_blocks
from headrace_batch.landing.staging import Origin, StagedFile, stage_file
from headrace_batch.landing.verdicts import Outcome
from headrace_consumers.landing import FileCompression, FileForm, FileFormat, LandingSource
from headrace_consumers.stages.schemas import arrow_type
from tests.batch.landing.harbour import CAME, CRATES, Harbour, Sent, crates, source

NAMES = [column.name for column in CRATES.contract.columns]
Row = Mapping[str, Any]


def in_utc(row: dict[str, Any]) -> Row:
    return {**row, "weighed_at": row["weighed_at"].replace(tzinfo=UTC)}


_text = st.text(st.characters(max_codepoint=0x17F, exclude_categories=("Cc", "Cs")), min_size=1, max_size=12)
rows = st.lists(
    st.fixed_dictionaries({
        "weighed_at": st.datetimes(datetime(2001, 1, 1), datetime(2024, 5, 1)),  # noqa: DTZ001 -- made UTC below
        "depot": _text | st.sampled_from(['"', "a,b", "a;b", 'say ""no""', " N ", "NA", "x\ty"[:1]]),
        "grams": st.none() | st.integers(0, 90_000),
        "volume": st.none() | st.floats(0, 1e12, allow_nan=False),
        "fee": st.none() | st.decimals(-9_999_999, 9_999_999, places=2),
        "is_fragile": st.none() | st.booleans(),
        "due": st.none() | st.dates(date(1900, 1, 1), date(2100, 1, 1)),
        "kind": st.none() | st.sampled_from(["box", "roll"]),
    }).map(in_utc),
    max_size=12,
)  # fmt: skip

PLAIN = FileForm()
FORMS = [
    PLAIN,
    FileForm(compression=FileCompression.GZIP, delimiter=";", decimal_mark=",", thousands_mark="."),
    FileForm(compression=FileCompression.ZSTD, delimiter="\t", null_texts=("NULL", "-"), date_form="%d.%m.%Y"),
    FileForm(encoding="utf-16", timestamp_form="%d/%m/%Y %H:%M:%S.%f", time_zone="Asia/Kolkata"),
    FileForm(encoding="utf-8-sig", header=tuple(reversed(NAMES)), true_texts=("ja", "J"), false_texts=("nein",)),
    FileForm(delimiter="|", quote="'", thousands_mark=" ", timestamp_form="%Y%m%dT%H%M%S.%f%z", date_form="%d-%b-%Y"),
    FileForm(encoding="iso8859-4", compression=FileCompression.ANY, quote='"', date_form="%Y%m%d"),
    FileForm(format=FileFormat.NDJSON, compression=FileCompression.GZIP),
    FileForm(format=FileFormat.NDJSON, encoding="utf-16", date_form="%d.%m.%Y"),
    FileForm(format=FileFormat.JSON, compression=FileCompression.ZSTD),
    FileForm(format=FileFormat.PARQUET),
    FileForm(format=FileFormat.PARQUET, compression=FileCompression.GZIP),
]


# --- a writer that shares nothing with the reader


def fitting(form: FileForm, found: list[Row]) -> list[Row]:
    """What the encoding has letters for."""
    if form.encoding.startswith("utf"):
        return found
    return [{**row, "depot": row["depot"].encode("ascii", "replace").decode()} for row in found]


def written(form: FileForm, found: list[Row]) -> bytes:
    if form.format is FileFormat.PARQUET:
        sink = io.BytesIO()
        schema = pa.schema([(column.name, arrow_type(column)) for column in CRATES.contract.columns])
        pq.write_table(pa.Table.from_pylist([dict(row) for row in found], schema), sink)
        body = sink.getvalue()
    elif form.format is FileFormat.CSV:
        body = csv_text(form, found).encode(form.encoding)
    else:
        objects = [json.dumps(json_values(form, row), ensure_ascii=False) for row in found]
        text = f"[\n{','.join(objects)}\n]" if form.format is FileFormat.JSON else "".join(f"{o}\n" for o in objects)
        body = text.encode(form.encoding)
    if form.compression is FileCompression.GZIP:
        return gzip.compress(body)
    return zstandard.compress(body) if form.compression is FileCompression.ZSTD else body


def csv_text(form: FileForm, found: list[Row]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=form.delimiter, quotechar=form.quote, quoting=csv.QUOTE_MINIMAL)
    names = form.header or tuple(NAMES)
    if not form.header:
        out.write(form.delimiter.join(names) + "\r\n")
    for row in found:
        fields = [csv_field(form, name, row[name]) for name in names]
        out.write(form.delimiter.join(fields) + "\n")
    del writer
    return out.getvalue()


def csv_field(form: FileForm, name: str, value: Any) -> str:
    if value is None:
        return form.null_texts[0]
    if name in ("depot", "kind"):
        doubled = str(value).replace(form.quote, form.quote * 2)
        return f"{form.quote}{doubled}{form.quote}"
    return plain_text(form, value)


def plain_text(form: FileForm, value: Any) -> str:
    if isinstance(value, bool):
        return (form.true_texts if value else form.false_texts)[-1].upper()
    if isinstance(value, datetime):
        return moment(form, value)
    if isinstance(value, date):
        return value.strftime(form.date_form).replace(f"{value.year:d}", f"{value.year:04d}")
    if isinstance(value, int | Decimal):
        text = f"{value:,}" if form.thousands_mark else str(value)
        return text.translate({ord(","): form.thousands_mark, ord("."): form.decimal_mark})
    return repr(value).replace(".", form.decimal_mark)


def moment(form: FileForm, value: datetime) -> str:
    if not form.timestamp_form:
        return value.isoformat()
    local = value.astimezone(timezone_of(form))
    return local.strftime(form.timestamp_form)


def timezone_of(form: FileForm) -> ZoneInfo:
    return ZoneInfo(form.time_zone)


def json_values(form: FileForm, row: Row) -> dict[str, Any]:
    said = {name: float(value) if name == "volume" and value is not None else value for name, value in row.items()}
    texts = {name: plain_text(form, row[name]) for name in ("weighed_at", "due") if row[name] is not None}
    return {**said, **texts, "fee": None if row["fee"] is None else float(row["fee"]), "unknown": 1}


# --- the rule


def staged_now(declared: LandingSource, body: bytes) -> StagedFile:
    arrived_us = int(CAME.timestamp() * 1_000_000)
    origin = Origin("scales", "0" * 64, arrived_us)
    return stage_file(crates(declared), declared, read_blocks(body, declared), origin, arrived_us)


@given(st.sampled_from(FORMS), rows)
@settings(max_examples=150, deadline=None)
def test_what_is_written_in_any_form_lands_as_it_was(form: FileForm, found: list[Row]) -> None:
    """Value by value, in order, and no letter."""
    found = fitting(form, found)
    assume(found or form.format is not FileFormat.NDJSON)  # without a line it has no byte: empty, and refused
    result = staged_now(source(form=form), written(form, found))
    assert result.letters.to_pylist() == []
    assert [{name: row[name] for name in NAMES} for row in result.rows.to_pylist()] == found
    assert result.rows["record_index"].to_pylist() == list(range(len(found)))


@given(st.sampled_from(FORMS), rows, st.data())
@settings(max_examples=200, deadline=None)
def test_whatever_is_corrupt_has_a_verdict(form: FileForm, found: list[Row], data: st.DataObject) -> None:
    """Bytes cut, changed, doubled or taken out anywhere: the file lands, with letters, or is refused."""
    body = bytearray(written(form, fitting(form, found)) or b"\n")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(len(body) - 1, 0)))
        match data.draw(st.integers(0, 3)):
            case 0:
                del body[at:]
            case 1:
                body[at : at + 1] = data.draw(st.binary(min_size=1, max_size=3))
            case 2:
                body[at:at] = body[at : at + 40]
            case _:
                del body[at : at + 5]
    harbour = Harbour(crates(declared := source(form=form)))
    verdict = land(harbour.place(), declared, Sent(bytes(body)))
    assert verdict.outcome in (Outcome.LANDED, Outcome.REFUSED)
    if verdict.outcome is Outcome.LANDED:
        places = [row["record_index"] for row in (*harbour.rows("crates"), *harbour.letters())]
        assert sorted(places) == list(range(verdict.rows + verdict.letters))
    else:
        assert verdict.sentence
        assert not harbour.keys("processed")


@given(rows, st.integers(20, 200))
@settings(max_examples=60, deadline=None)
def test_a_rows_fate_depends_on_no_block(found: list[Row], block_bytes: int) -> None:
    """Read in pieces of any size, the rows and letters are the same: broken rows among them."""
    text = csv_text(PLAIN, found) + 'x,y\n2024-01-01T00:00:00Z,"a"b,,,,,,\n' + csv_text(PLAIN, found).partition("\n")[2]
    declared = source()

    def read(size: int) -> list[tuple[int, bytes]]:
        blocks = list(read_csv(text.encode(), declared, size))
        kept = [(row, p) for b in blocks for row, p in zip(b.rows.tolist(), b.payloads(_all(b.rows)), strict=True)]
        return sorted([*kept, *((lost.row, lost.payload) for b in blocks for lost in b.lost)])

    assert read(block_bytes) == read(1 << 20)


def _all(places: Any) -> Any:
    import numpy as np

    return np.arange(len(places))


def test_local_times_that_a_clock_change_doubles_or_skips_are_letters() -> None:
    """Nobody can tell which they were; all others of the day are rows."""
    form = FileForm(timestamp_form="%Y-%m-%d %H:%M:%S", time_zone="Europe/Berlin")
    times = [f"2023-{rest}" for rest in (
        "03-26 01:59:59", "03-26 02:30:00", "10-29 01:59:59", "10-29 02:30:00", "02-29 10:00:00")]  # fmt: skip
    body = ",".join(NAMES) + "\n" + "".join(f"{time},N,,,,,,\n" for time in times)
    result = staged_now(source(form=form), body.encode())
    assert result.rows["weighed_at"].to_pylist() == [
        datetime(2023, 3, 26, 0, 59, 59, tzinfo=UTC), datetime(2023, 10, 28, 23, 59, 59, tzinfo=UTC),
    ]  # fmt: skip
    assert result.letters["record_index"].to_pylist() == [1, 3, 4]
    assert {*result.letters["rule"].to_pylist()} == {"timestamp: %Y-%m-%d %H:%M:%S"}


def test_numbers_are_read_as_stated_and_no_other_way() -> None:
    """A point where commas are decimal marks, hexadecimal, white space, groups of two: each is a letter."""
    form = FileForm(delimiter=";", decimal_mark=",", thousands_mark=".")
    grams = ["1.200", "1200", "12.00", "0x10", " 1", "1,5", "+5", "9.223.372.036.854.775.808"]
    fees = ["1.234,5", "1234,50", "1.5", "1,234", "1e2", "12.345.678,00", ",5"]
    head = ";".join(NAMES) + "\n"
    lines = [f"2024-01-01T00:00:00Z;N;{text};;;;;\n" for text in grams]
    lines += [f"2024-01-01T00:00:00Z;N;;;{text};;;\n" for text in fees]
    result = staged_now(source(form=form), (head + "".join(lines)).encode())
    assert [row["grams"] for row in result.rows.to_pylist() if row["grams"] is not None] == [1200, 1200]
    said = [str(row["fee"]) for row in result.rows.to_pylist() if row["fee"] is not None]
    assert said == ["1234.50", "1234.50", "0.50"]


def test_future_rows_are_letters() -> None:
    """As the stream's are: what lies further ahead of its arrival than the pipeline's skew."""
    head, ahead = ",".join(NAMES) + "\n", CAME + timedelta(seconds=301)
    result = staged_now(source(), (head + f"{ahead.isoformat()},N,,,,,,\n{CAME.isoformat()},N,,,,,,\n").encode())
    assert result.letters["reason"].to_pylist() == ["future"]
    assert result.rows.num_rows == 1
