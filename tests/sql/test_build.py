"""`headrace-sql build` over real flights: what it makes, who may read it, and what a broken row holds back."""

from __future__ import annotations

from tests.sql.conftest import Built
from tests.sql.world import World

READERS = {
    "headrace_operations": {"on_time_performance", "departures_by_hour"},
    "headrace_network_planning": {"route_demand"},
    "headrace_maintenance": {"aircraft_rotations", "aircraft_use"},
}
HELD_BACK = {"stg_flights_departed", "fct_flights", "on_time_performance", "route_demand", "aircraft_use"}
DOUBLED = "source_unique_flights_flights_departed_event_id"


def test_a_build_passes_on_real_flights_and_another_one_changes_nothing(built: Built) -> None:
    """All tests hold; without a new load every table of the models stays as it is, value by value."""
    assert built.first.ok
    assert (built.first.failed, built.first.warned, built.first.skipped) == ((), (), ())
    assert built.first.tests > 100
    assert (built.first.made, built.first.load_seq) == (built.second.made, built.second.load_seq)
    assert sum(built.after_first["core.fct_flights"].values()) > 2_000
    assert all(built.after_first.values()), "a table is empty"
    assert built.after_first == built.after_second


def test_models_and_snapshots_are_what_a_build_has_made(built: Built, world: World) -> None:
    """The report counts what stands in the warehouse, and nothing else that dbt ran."""
    [(views,)] = world.rows(
        "SELECT count(*) FROM pg_catalog.pg_views WHERE viewname LIKE 'stg_%'"
        " AND viewname NOT LIKE '%dbt_tmp' AND viewname NOT LIKE '%dbt_backup'"  # of a build that was killed
    )
    assert built.first.made == len(built.after_first) + views


def test_departments_read_their_own_marts_and_the_core(built: Built, world: World) -> None:
    """A role has its department's marts and all of core; no other's marts, nothing of staging, and writes nothing."""
    core = {table.removeprefix("core.") for table in built.after_first if table.startswith("core.")}
    snapshot = {"planes_snapshot"}
    for role, marts in READERS.items():
        readable = world.rows(_privileges(role, "SELECT"))
        assert set(readable) == {("core", table) for table in core - snapshot} | {("mart", mart) for mart in marts}
        assert world.rows(_privileges(role, "INSERT")) == []
        assert world.rows(_schemas(role)) == [("core",), ("mart",)]


def _privileges(role: str, what: str) -> str:
    return f"""
        SELECT schemaname, tablename FROM (
            SELECT schemaname, tablename FROM pg_catalog.pg_tables
            UNION ALL SELECT schemaname, viewname FROM pg_catalog.pg_views
        ) AS relations
        WHERE schemaname IN ('staging', 'core', 'mart')
            AND has_table_privilege('{role}', '"' || schemaname || '"."' || tablename || '"', '{what}')"""  # noqa: S608


def _schemas(role: str) -> str:
    return f"""
        SELECT nspname FROM pg_catalog.pg_namespace
        WHERE nspname IN ('staging', 'core', 'mart') AND has_schema_privilege('{role}', nspname, 'USAGE') ORDER BY 1"""  # noqa: S608


def test_a_doubled_row_of_staging_leaves_the_marts_as_they_were(built: Built, world: World) -> None:
    """Its source's test fails, and by it the build, with a sentence that names it; new loads wait until it is gone."""
    assert built.first.ok
    world.load(world.next_commit(50))
    doubled = "event_id = (SELECT max(event_id) FROM staging.flights_departed)"
    before = world.contents("mart")
    world.run(
        "CREATE TABLE public.once AS SELECT * FROM staging.flights_departed WHERE " + doubled,  # noqa: S608
        "INSERT INTO staging.flights_departed SELECT * FROM public.once",
    )
    try:
        selected = ("source:flights.flights_departed+1", "fct_flights+")
        ran = world.command("build", "--", "--select", *selected, "--exclude-resource-type", "unit_test")
    finally:
        world.run(
            "DELETE FROM staging.flights_departed WHERE " + doubled,  # noqa: S608
            "INSERT INTO staging.flights_departed SELECT * FROM public.once",
            "DROP TABLE public.once",
        )
    sentence = ran.out.splitlines()[-1]
    assert ran.code == 1, ran.out
    assert "1 failed, 0 warnings" in sentence
    failed, left = sentence.split("; ")[1:]
    assert failed == f"failed: {DOUBLED}"
    assert left.startswith("left as the build before made them: ")
    assert set(left.split(": ")[1].split(", ")) == HELD_BACK
    assert world.contents("mart") == before


def test_a_part_of_the_models_is_a_copy_of_its_own(built: Built, world: World) -> None:
    """In schemas that nobody has made: without marts' schema no role is let into it, and tests that ask what was not
    selected are not run."""
    assert built.first.ok
    selected = ("+fct_weather_hourly", "--exclude-resource-type", "unit_test")
    try:
        ran = world.command("build", "--json", "--schema-prefix", "part_", "--", "--select", *selected)
        schemas = world.rows("SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname LIKE 'part_%' ORDER BY 1")
    finally:
        world.run(*(f"DROP SCHEMA IF EXISTS part_{name} CASCADE" for name in ("staging", "core", "mart")))
    assert ran.code == 0, ran.out + ran.err
    assert (ran.report.made, ran.report.failed) == (4, ())
    assert schemas == [("part_core",), ("part_staging",)]
