"""What one would write without Headrace: Spark's own JSON reader, SQL windows and Parquet writer on the same raw files.

It does less: no contract is checked, nothing is dropped as a repeat, no late event is told apart, nothing is sorted, no
dead letters, and nothing is exactly once. Each raw byte is parsed once; windows read the Parquet that was written.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_ENVELOPE = "id string, type string, time timestamp"
_DATA = """
departed_at timestamp, scheduled_at timestamp, local_date date, carrier string, flight bigint, tailnum string,
origin string, dest string, distance bigint, sched_dep_time bigint, dep_time bigint, dep_delay bigint,
sched_arr_time bigint, arr_time bigint, arr_delay bigint, air_time bigint
"""
TYPES = {"flights_departed": "flight.departed.v1", "flights_cancelled": "flight.cancelled.v1"}
"""Which folder of the output has which table's rows."""


def run_plain(session: SparkSession, raw: Path, output: Path) -> None:
    """Rows and windows below `output`."""
    rows = _rows(session.read.parquet(str(raw)))
    rows.write.partitionBy("type", "event_month").parquet(str(output / "rows"))
    session.read.parquet(str(output / "rows")).createOrReplaceTempView("events")
    for name, query in _WINDOWS.items():
        session.sql(query).write.parquet(str(output / name))


def _rows(raw: DataFrame) -> DataFrame:
    from pyspark.sql import functions

    lines = raw.select(
        "shard_id",
        "sequence_number",
        "arrival_time",
        functions.posexplode(functions.split(functions.decode("data", "UTF-8"), "\n")).alias("record_index", "line"),
    ).where("line != ''")
    parsed = lines.withColumn("event", functions.from_json("line", f"{_ENVELOPE}, data struct<{_struct()}>"))
    return parsed.where("event.data IS NOT NULL").selectExpr(
        "event.id AS event_id",
        "event.time AS event_time",
        "event.type AS type",
        "date_format(event.time, 'yyyy-MM') AS event_month",
        "event.data.*",
        "shard_id",
        "sequence_number",
        "record_index",
        "arrival_time",
    )


def _struct() -> str:
    """The columns as fields."""
    pairs = [column.split() for column in _DATA.replace("\n", " ").split(",")]
    return ", ".join(f"{name}: {kind}" for name, kind in pairs)


_WINDOWS = {
    "hourly_departures": """
SELECT origin, window(event_time, '1 hour') AS span, count(*) AS departures, avg(dep_delay) AS delay_mean,
  max(dep_delay) AS delay_max, percentile_approx(dep_delay, array(0.5, 0.9)) AS delay_quantiles
FROM events WHERE type = 'flight.departed.v1' GROUP BY origin, window(event_time, '1 hour')
""",
    "cancellations_3h": """
SELECT carrier, window(event_time, '3 hours', '1 hour') AS span, count(*) AS cancellations
FROM events WHERE type = 'flight.cancelled.v1' GROUP BY carrier, window(event_time, '3 hours', '1 hour')
""",
    "rotations": """
SELECT tailnum, session_window(event_time, '6 hours') AS span, count(*) AS flights, sum(distance) AS miles
FROM events WHERE type = 'flight.departed.v1' AND tailnum IS NOT NULL
GROUP BY tailnum, session_window(event_time, '6 hours')
""",
}
