"""The SQL that Terraform runs in the warehouse, run on the local one: the loader and dbt work as the users that it
makes, and nobody may do more."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace_consumers.errors import WarehouseStatementError
from headrace_consumers.settings import WarehouseSettings
from headrace_consumers.warehouse.redshift import Redshift
from tests.deploy.conftest import Planned
from tests.sql.lake import Lake
from tests.sql.world import NO_TESTS, PROJECT, World, flights_world

LOADER, DBT, ANALYST = "headrace_loader", "headrace_dbt", "an_analyst"
_FORBIDDEN = "42501"


@pytest.fixture(scope="module")
def statements(plan: Planned) -> tuple[str, ...]:
    """In the order in which Terraform runs them."""
    planned = {
        one.name.rpartition(".")[2]: one.values["sql"] for one in plan("dev/warehouse").of("aws_redshiftdata_statement")
    }
    assert planned.keys() == {"access", "apply_access"}
    return planned["access"], planned["apply_access"]


def run(target: WarehouseSettings, user: str, *sql: str) -> list[tuple[Any, ...]]:
    """The rows of the last one."""
    with closing(Redshift(replace(target, warehouse_user=user)).connect()) as session:
        for statement in sql[:-1]:
            session.run(statement)
        last = sql[-1]
        return session.query(last) if last.upper().startswith("SELECT") else [(session.run(last),)]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a task may not write to: the dbt project, and a home."""
    root = tmp_path_factory.mktemp("image")
    shutil.copytree(PROJECT, root / "sql", ignore=shutil.ignore_patterns("target", "logs", ".user.yml", "__pycache__"))
    (root / "home").mkdir()
    return root


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, statements: tuple[str, ...], image: Path) -> Iterator[World]:
    """Loaded by the loader's user, and then built by dbt's."""

    def loader(admin: WarehouseSettings) -> WarehouseSettings:
        run(admin, admin.warehouse_user, *statements)
        run(admin, admin.warehouse_user, *statements)
        return replace(admin, warehouse_user=LOADER)

    with flights_world(tmp_path_factory.mktemp("access"), loader) as made:
        made.builder = DBT
        listed = _listed(image)
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("HOME", str(image / "home"))
            ran = made.command("build", "--json", "--project-dir", str(image / "sql"), "--", *NO_TESTS)
        assert ran.code == 0, ran.out + ran.err
        assert _listed(image) == listed, "dbt writes where a task may not"
        yield made


def _listed(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def refused(world: World, user: str, sql: str) -> None:
    with pytest.raises(WarehouseStatementError) as failed:
        run(world.target, user, sql)
    assert failed.value.sqlstate == _FORBIDDEN, str(failed.value)


def test_the_loader_loads_and_dbt_builds_and_unloads(world: World) -> None:
    """By what their users may do, and no more than that."""
    assert run(world.target, DBT, "SELECT count(*) FROM mart.on_time_performance")[0][0] > 0
    assert Lake(world).unload() == 0


def test_again_changes_nothing(world: World, statements: tuple[str, ...]) -> None:
    """Terraform runs them again whenever their text has changed; users, owners and grants stay."""
    asked = """SELECT namespace_name, relation_name, privilege_type, identity_name FROM svv_relation_privileges
        ORDER BY 1, 2, 3, 4"""
    owners = "SELECT nspname, nspowner, nspacl::varchar FROM pg_namespace ORDER BY 1"
    run(world.target, "headrace", *statements)  # beside tables and views that were not there before
    before = [run(world.target, "headrace", sql) for sql in (asked, owners)]
    run(world.target, "headrace", *statements)
    assert [run(world.target, "headrace", sql) for sql in (asked, owners)] == before


def test_a_department_reads_core_and_its_own_marts(world: World) -> None:
    """By its role alone; which that is says dbt_project.yml."""
    run(
        world.target,
        "headrace",
        f"CREATE USER {ANALYST} PASSWORD DISABLE",
        f"GRANT ROLE headrace_operations TO {ANALYST}",
    )
    for table in ("core.fct_flights", "mart.on_time_performance"):
        assert run(world.target, ANALYST, f"SELECT count(*) FROM {table}")[0][0] > 0  # noqa: S608 -- our own names
    refused(world, ANALYST, "SELECT count(*) FROM mart.aircraft_use")
    refused(world, ANALYST, "SELECT count(*) FROM staging.flights_departed")
    refused(world, ANALYST, "DELETE FROM mart.on_time_performance")


@pytest.mark.parametrize(
    ("user", "sql"),
    [
        (LOADER, "SELECT count(*) FROM core.fct_flights"),
        (LOADER, "SELECT count(*) FROM mart.on_time_performance"),
        (LOADER, "CREATE TABLE core.mine (a INT)"),
        (LOADER, "CREATE USER another PASSWORD DISABLE"),
        (LOADER, "CREATE SCHEMA another"),
        (DBT, "DELETE FROM staging.flights_departed"),
        (DBT, "DELETE FROM staging.loader_ledger"),
        (DBT, "DROP TABLE staging.flights_departed"),
        (DBT, "CREATE ROLE another"),
        (DBT, "CREATE SCHEMA another"),
        (LOADER, "CREATE TABLE public.mine (a INT)"),
        (DBT, "CREATE TABLE public.mine (a INT)"),
    ],
)
def test_no_user_does_what_is_not_his(world: World, user: str, sql: str) -> None:
    refused(world, user, sql)


def test_tables_that_come_later_are_read_by_dbt_too(world: World) -> None:
    """A contract that is new tomorrow needs no apply."""
    run(world.target, LOADER, "CREATE TABLE staging.came_later (a INT)")
    assert run(world.target, DBT, "SELECT count(*) FROM staging.came_later") == [(0,)]


def test_departments_are_those_that_dbt_grants_to(statements: tuple[str, ...]) -> None:
    """In dbt_project.yml, in the macros and in Terraform."""
    models = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["models"]["headrace"]
    granted = {role.removeprefix("role:") for role in models["core"]["+grants"]["select"]}
    macro = (PROJECT / "macros" / "roles.sql").read_text()
    assert all(f'"{role}"' in macro and f"CREATE ROLE {role}'" in statements[0] for role in granted)
    assert statements[0].count("CREATE ROLE headrace_") == len(granted)
