"""A user's new password, in the warehouse and in its secret.

Theory of operation. The new password is put into Secrets Manager first, as a version that is pending; then the
warehouse is given its digest; then it is tried; and only then is the version the current one. Whatever is interrupted,
the same again ends it: it draws another password and does all of this anew. A service that starts between the second
step and the last gets the password before, is refused, and is started again by ECS.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import msgspec

from headrace_consumers.settings import WarehouseSettings
from headrace_consumers.warehouse.session import WarehouseSession
from headrace_consumers.warehouse.tables import quoted
from headrace_producers.errors import SettingsError
from headrace_sql.passwords.drawing import digest_of, draw_password
from headrace_sql.passwords.versions import SecretVersions

Connect = Callable[[WarehouseSettings], WarehouseSession]
_USER = re.compile(r"[a-z_][a-z0-9_]{0,126}")


class SecretValue(msgspec.Struct, frozen=True, kw_only=True):
    """What the secret holds: the keys that AWS's own secrets of Redshift have."""

    engine: str
    host: str
    port: int
    dbname: str
    username: str
    password: str


def require_user(user: str, admin: WarehouseSettings) -> None:
    """Raises SettingsError."""
    if not _USER.fullmatch(user):
        raise SettingsError(f"{user!r} is no user of the warehouse: say a name such as headrace_loader")
    if user == admin.warehouse_user:
        raise SettingsError(f"{user} is who signs in for this; Redshift itself rotates the admin's password")


def rotate(user: str, admin: WarehouseSettings, versions: SecretVersions, connect: Connect) -> str:
    """The id of the version that has the new password. Raises the warehouse's errors and those of Secrets Manager."""
    versions.require()
    password = draw_password()
    session = connect(admin)
    try:
        version = versions.put_pending(_value(user, password, admin))
        session.run(f"ALTER USER {quoted(user)} PASSWORD '{digest_of(password)}'")
    finally:
        session.close()
    connect(replace(admin, warehouse_user=user, warehouse_password=password)).close()
    versions.make_current(version)
    return version


def _value(user: str, password: str, admin: WarehouseSettings) -> str:
    value = SecretValue(
        engine="redshift",
        host=admin.warehouse_host,
        port=admin.warehouse_port,
        dbname=admin.warehouse_database,
        username=user,
        password=password,
    )
    return msgspec.json.encode(value).decode()
