"""What a new PostgreSQL needs to look like Redshift: the user, the database, functions and system views."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path
from typing import Final

from headrace_local.redshift.admin import Admin
from headrace_local.redshift.startup import DATABASE, USER

_SCHEMA: Final = "headrace_redshift"


async def bootstrap(socket: Path | str) -> None:
    """Does nothing where this very version has been here. Raises AdminError."""
    catalog = _catalog()
    digest = hashlib.sha256(catalog.encode()).hexdigest()
    await _make_database(socket)
    admin = await Admin.open(socket, DATABASE)
    try:
        if await admin.rows(f"SELECT obj_description(to_regnamespace('{_SCHEMA}'), 'pg_namespace')") != [[digest]]:
            await admin.rows("SET allow_system_table_mods = on")
            await admin.rows("SET client_min_messages = warning")
            await admin.rows(f"{catalog};\nCOMMENT ON SCHEMA {_SCHEMA} IS '{digest}'")
    finally:
        await admin.close()


async def _make_database(socket: Path | str) -> None:
    admin = await Admin.open(socket, "postgres")
    try:
        if not await admin.rows(f"SELECT 1 FROM pg_roles WHERE rolname = '{USER}'"):  # noqa: S608 -- our own name
            await admin.rows(f"CREATE ROLE {USER} LOGIN CREATEDB CREATEROLE")
        # Whom it makes it may also act for: Redshift's admin is a superuser.
        await admin.rows(f"ALTER ROLE {USER} SET createrole_self_grant = 'set, inherit'")
        if not await admin.rows(f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"):  # noqa: S608 -- the same
            await admin.rows(f"CREATE DATABASE {DATABASE} OWNER {USER}")
    finally:
        await admin.close()


def _catalog() -> str:
    folder = files("headrace_local.redshift") / "catalog"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return "\n".join((folder / name).read_text() for name in names)
