"""Planning and applying the schema against the local Redshift."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pytest

from headrace_consumers.cli import execute
from headrace_consumers.errors import WarehouseAwayError
from headrace_consumers.pipeline import Pipeline
from headrace_consumers.settings import WarehouseSettings
from headrace_consumers.warehouse.plan import wanted_of
from headrace_consumers.warehouse.redshift import Redshift
from headrace_consumers.warehouse.schema import apply, read_columns, read_plan
from headrace_consumers.warehouse.session import WarehouseSession
from headrace_consumers.warehouse.staging import staging_tables
from tests.consumers.warehouse.parcels import later, otherwise, parcels

MODULE = "tests.consumers.warehouse.parcels"


def applied(session: WarehouseSession, pipeline: Pipeline, schema: str) -> tuple[str, ...]:
    return apply(session, wanted_of(pipeline, schema)).lines()


def left(session: WarehouseSession, pipeline: Pipeline, schema: str) -> tuple[str, ...]:
    return read_plan(session, wanted_of(pipeline, schema)).lines()


def head(session: WarehouseSession, schema: str) -> list[tuple[Any, ...]]:
    return session.query(f"SELECT pipeline, seq FROM {schema}.loader_head")  # noqa: S608


def test_the_tables_are_as_wanted(session: WarehouseSession) -> None:
    """The catalogue reads back every column as it was declared; nothing is left to do."""
    applied(session, parcels, "s_made")
    for table in staging_tables(parcels):
        assert read_columns(session, "s_made", table.name) == table.columns
    assert left(session, parcels, "s_made") == ()
    assert read_columns(session, "s_made", "nowhere") == ()


def test_again_is_nothing(session: WarehouseSession) -> None:
    """And fences no loader: its head stays as it is."""
    applied(session, parcels, "s_again")
    before = head(session, "s_again")
    assert applied(session, parcels, "s_again") == ()
    assert head(session, "s_again") == before == [("parcels", 1)]


def test_a_table_grows_with_its_rows(session: WarehouseSession) -> None:
    """Added and widened columns; what was there has no value in the new one."""
    applied(session, parcels, "s_grown")
    session.run(
        "INSERT INTO s_grown.weighed (event_id, event_time, at, code, depot, grams, fragile, shard_id, sequence_number,"
        " record_index, arrival_time, commit_id) VALUES"
        " ('e', GETDATE(), GETDATE(), 'p', 'north', 1, false, 's', '1', 0, GETDATE(), 'c')"
    )
    grown = replace(parcels, tables=later.tables, windows=())
    assert len(applied(session, grown, "s_grown")) == 2
    assert left(session, grown, "s_grown") == ()
    session.run("UPDATE s_grown.weighed SET gate = 'A1', code = %s WHERE gate IS NULL", "p" * 80)
    assert session.query("SELECT gate, len(code) FROM s_grown.weighed") == [("A1", 80)]
    names = [column.name for column in read_columns(session, "s_grown", "weighed")]
    assert names[-2:] == ["commit_id", "gate"]


def test_a_key_under_a_view_is_widened(session: WarehouseSession) -> None:
    """The view of last rows is bound to no table, and reads on."""
    applied(session, parcels, "s_viewed")
    wider = replace(parcels, tables=later.tables)
    lines = applied(session, wider, "s_viewed")
    assert "widen column s_viewed.daily_weights.code from VARCHAR(48) to VARCHAR(80)" in lines
    assert left(session, wider, "s_viewed") == ()
    assert session.query("SELECT * FROM s_viewed.daily_weights_last") == []


def test_a_refused_table_stays_and_the_others_go_on(session: WarehouseSession) -> None:
    """The refusal is told again until people decide."""
    applied(session, parcels, "s_refused")
    session.run("DROP TABLE s_refused.loader_ledger")
    retyped = replace(otherwise, name="parcels")
    refusal = "refused s_refused.weighed: column 'grams' is BIGINT in the warehouse and VARCHAR(32) in the contract"
    lines = applied(session, retyped, "s_refused")
    assert lines[0].startswith("create table s_refused.loader_ledger (")
    assert lines[1:] == (refusal,)
    assert left(session, retyped, "s_refused") == (refusal,)


def test_a_table_altered_by_hand_is_told(session: WarehouseSession) -> None:
    """By column, with both types."""
    applied(session, parcels, "s_hand")
    session.run("ALTER TABLE s_hand.weighed DROP COLUMN share")
    session.run("ALTER TABLE s_hand.weighed ADD COLUMN share BIGINT")
    session.run("ALTER TABLE s_hand.weighed ADD COLUMN mine VARCHAR(8)")
    (line,) = left(session, parcels, "s_hand")
    assert line == (
        "refused s_hand.weighed: column 'share' is BIGINT in the warehouse and DOUBLE PRECISION in the contract; "
        "column 'mine' is in the warehouse and not in the contract"
    )


def test_tables_change_behind_the_loaders_head(session: WarehouseSession, other: WarehouseSession) -> None:
    """A load that is under way ends first, and one that has begun to look is overtaken."""
    applied(session, parcels, "s_head")
    grown = replace(parcels, tables=later.tables, windows=())
    other.begin()
    assert other.run("UPDATE s_head.loader_head SET seq = seq + 1 WHERE pipeline = 'parcels' AND seq = 1") == 1
    with ThreadPoolExecutor() as pool:
        changing = pool.submit(applied, session, grown, "s_head")
        with pytest.raises(TimeoutError):
            changing.result(timeout=1.0)
        other.commit()
        assert len(changing.result(timeout=30.0)) == 2
    assert other.run("UPDATE s_head.loader_head SET seq = seq + 1 WHERE pipeline = 'parcels' AND seq = 2") == 0
    assert head(session, "s_head") == [("parcels", 3)]


def test_two_at_once_make_it_once(local_redshift: WarehouseSettings, session: WarehouseSession) -> None:
    """From nothing, at the same moment: both end well, and there is one head."""
    sessions = [Redshift(local_redshift).connect() for _ in range(2)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda one: applied(one, parcels, "s_twice"), sessions))
    for one in sessions:
        one.close()
    assert left(session, parcels, "s_twice") == ()
    assert [pipeline for pipeline, _ in head(session, "s_twice")] == ["parcels"]


@dataclass(slots=True)
class Faltering:
    """A session whose connection is lost before one of its statements."""

    session: WarehouseSession
    statements: int

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        self._count()
        return self.session.query(sql, *parameters)

    def run(self, sql: str, *parameters: object) -> int:
        self._count()
        return self.session.run(sql, *parameters)

    def begin(self) -> None:
        self._count()
        self.session.begin()

    def commit(self) -> None:
        self._count()
        self.session.commit()

    def rollback(self) -> None:
        self.session.rollback()

    def close(self) -> None:
        self.session.close()

    def _count(self) -> None:
        self.statements -= 1
        if self.statements < 0:
            raise WarehouseAwayError("lost")


def test_wherever_it_is_interrupted_it_goes_on(session: WarehouseSession) -> None:
    """From each single statement: the next call makes what is left, and nothing twice."""
    lost = 0
    while True:
        schema = f"s_lost_{lost}"
        try:
            applied(Faltering(session, lost), parcels, schema)
        except WarehouseAwayError:
            applied(session, parcels, schema)
            assert left(session, parcels, schema) == ()
            assert [pipeline for pipeline, _ in head(session, schema)] == ["parcels"]
            lost += 1
        else:
            break
    assert lost > 20


@pytest.fixture
def environ(local_redshift: WarehouseSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("host", "port", "database", "user", "password", "ssl"):
        monkeypatch.setenv(f"HEADRACE_WAREHOUSE_{name.upper()}", str(getattr(local_redshift, f"warehouse_{name}")))


@pytest.mark.usefixtures("environ")
def test_the_command_prints_then_changes(capsys: pytest.CaptureFixture[str]) -> None:
    """`plan` changes nothing and shows SQL when asked; `apply` says the same and does it; then nothing is left."""
    options = ["--warehouse-schema", "s_said"]
    assert execute(["schema", "plan", f"{MODULE}:parcels", *options]) == 0
    planned = capsys.readouterr().out
    assert planned.startswith("create schema s_said\n")
    assert "\ncreate table s_said.weighed (event_id VARCHAR(1024) NOT NULL, event_time TIMESTAMP NOT NULL, " in planned
    assert planned.endswith("\nput view s_said.daily_weights_last\n")
    assert execute(["schema", "plan", f"{MODULE}:parcels", "--sql", *options]) == 0
    assert 'CREATE TABLE "s_said"."weighed" (\n    "event_id" VARCHAR(1024) NOT NULL,\n' in capsys.readouterr().out
    assert execute(["schema", "apply", f"{MODULE}:parcels", *options]) == 0
    assert capsys.readouterr().out == planned
    assert execute(["schema", "plan", f"{MODULE}:parcels", *options]) == 0
    assert capsys.readouterr().out == "s_said is as the contracts say\n"


@pytest.mark.usefixtures("environ")
def test_the_command_says_that_a_table_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With exit code 1, of both verbs."""
    execute(["schema", "apply", f"{MODULE}:parcels", "--warehouse-schema", "s_exit"])
    for verb in ("plan", "apply"):
        capsys.readouterr()
        assert execute(["schema", verb, f"{MODULE}:otherwise", "--warehouse-schema", "s_exit"]) == 1
        assert capsys.readouterr().out.startswith("refused s_exit.weighed: column 'grams' is BIGINT")


@pytest.mark.usefixtures("environ")
def test_the_password_is_no_option(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes from the environment alone, and is missed by name."""
    assert execute(["schema", "plan", f"{MODULE}:parcels", "--warehouse-password", "secretvalue"]) == 2
    monkeypatch.delenv("HEADRACE_WAREHOUSE_PASSWORD")
    assert execute(["schema", "plan", f"{MODULE}:parcels"]) == 2
    said = capsys.readouterr().err
    assert "HEADRACE_WAREHOUSE_PASSWORD is not set" in said
