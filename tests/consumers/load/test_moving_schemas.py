"""Contracts change while the loader runs on with the old ones: what only grows flows on, all else stops its table."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pyarrow as pa
import pytest

from headrace_consumers.cli import execute
from headrace_consumers.pipeline import Grain, LakeTable, Pipeline
from headrace_consumers.stages.schemas import table_schema
from headrace_consumers.warehouse.plan import wanted_of
from headrace_consumers.warehouse.schema import read_plan
from headrace_producers.contracts import contract
from tests.consumers.load.harbour import SCHEMA, Harbour, commit, settle
from tests.consumers.load.processes import command_environment, is_loaded, loading
from tests.consumers.load.quay import ROWS, Quay
from tests.consumers.load.test_bad_files import check
from tests.consumers.windows_service.stack import PIPELINE, eventually


@contract(name="gauge.read", version=2, partition_key="station", event_time="read_at")
class GrownGauge(msgspec.Struct, frozen=True, kw_only=True):
    """As a newer worker has it: one field more, and one that is wider."""

    station: Annotated[str, msgspec.Meta(max_length=4)]
    read_at: datetime
    level_mm: int
    note: Annotated[str, msgspec.Meta(max_length=80)] | None = None
    keeper: Annotated[str, msgspec.Meta(max_length=10)] | None = None


def grown(quay: Quay) -> pa.Table:
    """What the newer worker writes."""
    schema = table_schema(LakeTable(quay.gauges, GrownGauge, Grain.DAY))
    old = quay.rows()
    said: dict[str, Any] = {"note": ["x" * 60] * ROWS, "keeper": ["Ann"] * ROWS}
    return pa.table({name: said.get(name) or old[name] for name in schema.names}, schema=schema)


def test_a_new_optional_field_flows_on(quay: Quay) -> None:
    """Files of before and after load together, by a loader that knows only the old contract; then the table is as the
    new one wants it, and files of an old worker that comes late still load."""
    loader = quay.loader()
    first = quay.commit_rows()
    settle(loader)
    files = [first, quay.commit_rows(), *quay.commit(("gauges", grown(quay))), quay.commit_rows()]
    settle(loader)
    files.append(quay.commit_rows())
    settle(loader)
    check(quay, *files)
    kept = quay.ask("SELECT keeper, length(note), count(*) FROM gauges GROUP BY 1, 2 ORDER BY 3")
    assert [tuple(row) for row in kept] == [("Ann", 60, ROWS), (None, 4, 4 * ROWS)]
    newer = Pipeline(
        name=quay.pipeline.name, stream="tides", tables=(LakeTable(quay.gauges, GrownGauge, Grain.DAY),)
    )  # fmt: skip
    session = quay.harbour.session()
    wanted = wanted_of(newer, SCHEMA)
    assert not read_plan(session, wanted).lines()


def test_two_loaders_meet_a_new_field(quay: Quay) -> None:
    """One adds the column while the other is about to: that is no error of the table's."""
    url = quay.commit(("gauges", grown(quay)))[0]
    rival = quay.harbour.session()

    class Overtaken:
        """A session before whose ALTER another adds the column."""

        def __init__(self) -> None:
            self.session: Any = quay.harbour.session()
            self.altered = 0

        def run(self, sql: str, *parameters: object) -> int:
            if "ADD COLUMN" in sql:
                self.altered += 1
                rival.run(sql)
            return int(self.session.run(sql, *parameters))

        def __getattr__(self, name: str) -> Any:
            return getattr(self.session, name)

    session: Any = Overtaken()
    settle(quay.loader(session))
    assert session.altered == 1
    quay.load()
    check(quay, url)


def test_a_removed_field_stops_its_table_alone(quay: Quay) -> None:
    """The table takes no null there; other tables go on; once it does, or has no such column, the files load."""
    kept = quay.commit_rows()
    bad, lamps = quay.commit(("gauges", quay.rows().drop_columns("level_mm")), ("lamps", quay.rows("lamps")))
    loader = quay.loader()
    settle(loader)
    check(quay, kept, bad, but=(bad,))
    check(quay, lamps, table="lamps")
    [finding] = quay.findings()
    assert finding.kind == "held"
    assert finding.detail == (
        f"{quay.gauges}.level_mm takes no null in the warehouse (BIGINT NOT NULL), and {bad} has no such column: drop "
        "that column, or make it anew without NOT NULL"
    )
    quay.sql("ALTER TABLE gauges DROP COLUMN level_mm")
    settle(loader)
    check(quay, kept, bad)


def test_a_removed_optional_field_is_null(quay: Quay) -> None:
    """As in files that are older than the field."""
    files = [quay.commit_rows(), *quay.commit(("gauges", quay.rows().drop_columns("note")))]
    quay.load()
    check(quay, *files)
    assert [tuple(row) for row in quay.ask("SELECT count(*) FROM gauges WHERE note IS NULL")] == [(ROWS,)]


def test_what_stops_a_table_is_told(
    quays: Harbour, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the loader's log once, by a metric, and by `reconcile`; it loads by itself when the table is as before."""
    for name, value in command_environment(quays).items():
        monkeypatch.setenv(name, value)
    session = quays.session()
    session.run('ALTER TABLE "staging".tides DROP COLUMN level_mm')
    session.run('ALTER TABLE "staging".tides ADD COLUMN level_mm VARCHAR(8)')
    commit(quays)
    with loading(quays, tmp_path / "load.log", "--held-retry-s", "0.2") as loader:
        eventually(lambda: loader.metric("headrace_held_files") == 1, "the held file")
        assert is_loaded(quays)
        assert execute(["reconcile", PIPELINE]) == 1
        told = capsys.readouterr().out
        assert told.startswith("held: tides, s3://headrace-processed/tides/")
        assert "tides.level_mm is VARCHAR(8) in the warehouse, and BIGINT in s3://headrace-processed/tides/" in told
        session = quays.session()
        session.run('ALTER TABLE "staging".tides DROP COLUMN level_mm')
        session.run('ALTER TABLE "staging".tides ADD COLUMN level_mm BIGINT')
        eventually(lambda: loader.metric("headrace_held_files") == 0, "the load")
        assert sum("a file is not loaded" in str(line) for line in loader.lines()) == 1
    assert execute(["reconcile", PIPELINE]) == 0
    capsys.readouterr()
    assert execute(["release", PIPELINE]) != 0
    assert "--all" in capsys.readouterr().err
    assert execute(["release", PIPELINE, "--all"]) == 0
    assert capsys.readouterr().out == "nothing is in quarantine\n"
    assert execute(["release", PIPELINE, "s3://nowhere/at-all"]) != 0
    assert "not in quarantine: s3://nowhere/at-all" in capsys.readouterr().err
