"""Real flights as a Parquet file and the table's columns for them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from headrace_local.flights.data import weather_csv
from headrace_local.redshift.copying.columns import TableColumn

_TYPES = {
    "int64": "bigint",
    "string": "character varying(16)",
    "timestamp[us, tz=UTC]": "timestamp without time zone",
    "double": "double precision",
}


def flights(rows: int) -> pa.Table:
    """The year's first departures, 20 columns of them; `event_time` as the lake has it."""
    table = _year().slice(0, rows)
    hours = table["time_hour"].cast(pa.timestamp("us", "UTC"))
    table = table.set_column(table.column_names.index("time_hour"), "time_hour", hours)
    minutes = pc.multiply(pc.fill_null(table["dep_delay"], 0), 60_000_000).cast(pa.duration("us"))
    return table.append_column("event_time", pc.add(hours, minutes))


@cache
def _year() -> pa.Table:
    with zipfile.ZipFile(Path(weather_csv()).with_name("flights.csv.zip")) as archive:
        raw = archive.read("flights.csv")
    options = pacsv.ConvertOptions(null_values=["NA"], strings_can_be_null=True)
    return pacsv.read_csv(io.BytesIO(raw), convert_options=options)


def columns_of(table: pa.Table) -> list[TableColumn]:
    return [TableColumn(field.name, _TYPES[str(field.type)]) for field in table.schema]


def parquet(table: pa.Table, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", **options)
    return bytes(sink.getvalue().to_pybytes())


def manifest(files: Mapping[str, int], *, mandatory: bool = True) -> bytes:
    """Of urls and what the objects are said to be long."""
    entries: Sequence[dict[str, Any]] = [
        {"url": url, "mandatory": mandatory, "meta": {"content_length": length}} for url, length in files.items()
    ]
    return json.dumps({"entries": entries}).encode()
