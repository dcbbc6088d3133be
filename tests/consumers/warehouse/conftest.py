"""A local Redshift for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from headrace_consumers.settings import WarehouseSettings
from headrace_consumers.warehouse.redshift import Redshift
from headrace_consumers.warehouse.session import WarehouseSession
from headrace_local.redshift.server import RedshiftServer


def settings_of(server: RedshiftServer) -> WarehouseSettings:
    return WarehouseSettings(
        warehouse_host="127.0.0.1",
        warehouse_port=server.port,
        warehouse_database="headrace",
        warehouse_user="headrace",
        warehouse_password="headrace",  # noqa: S106
        warehouse_ssl=False,
    )


@pytest.fixture(scope="session")
def local_redshift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarehouseSettings]:
    """One for all tests: each has a schema of its own."""
    with RedshiftServer(tmp_path_factory.mktemp("redshift")) as server:
        yield settings_of(server)


@pytest.fixture
def session(local_redshift: WarehouseSettings) -> Iterator[WarehouseSession]:
    opened = Redshift(local_redshift).connect()
    yield opened
    opened.close()


@pytest.fixture
def other(local_redshift: WarehouseSettings) -> Iterator[WarehouseSession]:
    """A second connection."""
    opened = Redshift(local_redshift).connect()
    yield opened
    opened.close()
