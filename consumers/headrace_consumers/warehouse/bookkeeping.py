"""The tables in which loads keep their books, beside the tables that they fill. Only the loader writes them."""

from __future__ import annotations

from headrace_consumers.warehouse.tables import StagingTable, TableColumn
from headrace_consumers.warehouse.types import RedshiftType, varchar

_BIGINT, _TIMESTAMP = RedshiftType("BIGINT"), RedshiftType("TIMESTAMP")
_PIPELINE = TableColumn("pipeline", varchar(128), nullable=False)
_GENERATION = TableColumn("generation", RedshiftType("INTEGER"), nullable=False)

HEAD = StagingTable("loader_head", (_PIPELINE, TableColumn("seq", _BIGINT, nullable=False)))
"""One row per pipeline. Whoever changes staging takes it first: `seq` of two that overlap grows once."""

POSITIONS = StagingTable(
    "loader_positions",
    (
        _PIPELINE,
        _GENERATION,
        TableColumn("stream_created_ms", _BIGINT, nullable=False),
        TableColumn("shard_id", varchar(128), nullable=False),
        TableColumn("position", varchar(64), nullable=False),
        TableColumn("ended", RedshiftType("BOOLEAN"), nullable=False),
    ),
)
"""How far each chain of the commit log is loaded."""

LEDGER = StagingTable(
    "loader_ledger",
    (
        _PIPELINE,
        _GENERATION,
        TableColumn("commit_id", varchar(64), nullable=False),
        TableColumn("table_name", varchar(128), nullable=False),
        TableColumn("file_key", varchar(1024), nullable=False),
        TableColumn("row_count", _BIGINT, nullable=False),
        TableColumn("byte_count", _BIGINT, nullable=False),
        TableColumn("state", varchar(16), nullable=False),
        TableColumn("reason", varchar(1024)),
        TableColumn("load_seq", _BIGINT, nullable=False),
        TableColumn("recorded_at", _TIMESTAMP, nullable=False),
    ),
    sort_key=("commit_id",),
)
"""What became of each file: loaded, held or quarantined; replaced by another since, or retired with its commit.
`load_seq` is the head's number after the transaction that brought it into that state, or the rows that it brought:
whoever reads staging goes on after the greatest that he has seen. `row_count` is how many rows it brought, none for a
file that was rewritten: the books have these by the files that came first. `generation` is its commit's, 0 for batch.
Rows without a file are about a commit: that it is retired, in all tables; or how many of its rows were erased from
one."""

ERASURES = StagingTable(
    "loader_erasures",
    (
        _PIPELINE,
        TableColumn("table_name", varchar(128), nullable=False),
        TableColumn("column_name", varchar(128), nullable=False),
        TableColumn("sha256", varchar(64), nullable=False),
        TableColumn("load_seq", _BIGINT, nullable=False),
    ),
)
"""Rows that were erased, by the digest of a column's value: what comes later with such a value goes, too."""

VIEWS = StagingTable(
    "schema_views",
    (
        TableColumn("view_name", varchar(128), nullable=False),
        TableColumn("select_sha256", varchar(64), nullable=False),
    ),
)
"""Of which SELECT each view was made: the warehouse tells it in words of its own."""

BOOKKEEPING = (HEAD, POSITIONS, LEDGER, ERASURES, VIEWS)
