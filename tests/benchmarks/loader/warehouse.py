"""The local Redshift that takes the loads, and the CPU of all who work on one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from headrace_consumers.settings import WarehouseSettings
from headrace_consumers.warehouse.plan import wanted_of
from headrace_consumers.warehouse.redshift import Redshift
from headrace_consumers.warehouse.schema import apply
from headrace_consumers.warehouse.session import WarehouseSession
from headrace_local.pipelines import flights
from headrace_local.redshift.server import RedshiftServer


@dataclass(frozen=True, slots=True)
class Spent:
    """By the client, which is this process, the gateway and PostgreSQL together; not by the local AWS."""

    wall_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Warehouse:
    """Every way of loading has a schema of its own in it."""

    server: RedshiftServer

    @property
    def settings(self) -> WarehouseSettings:
        return WarehouseSettings(
            warehouse_host="127.0.0.1", warehouse_port=self.server.port, warehouse_database="headrace",
            warehouse_user="headrace", warehouse_password="headrace", warehouse_ssl=False,  # noqa: S106 - it takes any
        )  # fmt: skip

    @contextmanager
    def session(self, schema: str) -> Iterator[WarehouseSession]:
        """With the pipeline's tables in that schema."""
        session = Redshift(self.settings).connect()
        try:
            apply(session, wanted_of(flights, schema))
            yield session
        finally:
            session.close()

    @contextmanager
    def measured(self) -> Iterator[list[Spent]]:
        """What was spent meanwhile: one element, at the end."""
        spent: list[Spent] = []
        began_s, before_s = time.perf_counter(), self._cpu_s()
        yield spent
        spent.append(Spent(time.perf_counter() - began_s, self._cpu_s() - before_s))

    def _cpu_s(self) -> float:
        postgres = psutil.Process(int((self.server.folder / "data" / "postmaster.pid").read_text().split()[0]))
        gateway = postgres.parent()
        if gateway is None:
            raise AssertionError("PostgreSQL without its gateway")
        members = [gateway, postgres, *postgres.children(recursive=True)]
        ended = postgres.cpu_times()
        own_s = time.process_time() + ended.children_user + ended.children_system
        return own_s + sum(times.user + times.system for times in (one.cpu_times() for one in members))
