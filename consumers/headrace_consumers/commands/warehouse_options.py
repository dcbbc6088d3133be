"""How commands take the warehouse's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cyclopts import Parameter

from headrace_consumers.settings import WarehouseSettings
from headrace_producers.errors import SettingsError

PASSWORD_VARIABLE = "HEADRACE_WAREHOUSE_PASSWORD"  # noqa: S105 - where it is, not what
FLAT_WAREHOUSE = Parameter(name="*", parse="^(?!.*password)")
"""As other groups of settings, but for the password, which is no option."""


def completed(settings: WarehouseSettings, environ: Mapping[str, str]) -> WarehouseSettings:
    """With the password. SettingsError names what is missing."""
    complete = replace(settings, warehouse_password=environ.get(PASSWORD_VARIABLE, ""))
    for name in ("warehouse_host", "warehouse_database", "warehouse_user", "warehouse_password"):
        if not getattr(complete, name):
            raise SettingsError(f"say where the warehouse is: HEADRACE_{name.upper()} is not set")
    return complete
