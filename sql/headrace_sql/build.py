"""One build: the lock, the load up to which all models read, dbt, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from headrace_consumers.commitlog.following import Lineage
from headrace_consumers.load.ledger import Ledger
from headrace_consumers.warehouse.redshift import Redshift
from headrace_producers.errors import SettingsError
from headrace_sql.dbt import Dbt
from headrace_sql.lock import build_lock

LOCK_SCHEMA = "core"


class BuildReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `headrace-sql build --json` prints. Keys are only ever added."""

    ok: bool
    load_seq: int
    """All models have the loads up to this one, and none of a later one."""
    made: int
    """Models and snapshots."""
    tests: int
    failed: tuple[str, ...]
    """Names of tests that failed and of models that could not be made."""
    warned: tuple[str, ...]
    skipped: tuple[str, ...]
    """Models and snapshots that stand as the build before left them, because something that they read failed."""
    seconds: float

    def sentence(self) -> str:
        said = (
            f"load {self.load_seq}: {self.made} models and snapshots made, {self.tests} tests, "
            f"{len(self.failed)} failed, {len(self.warned)} warnings, {self.seconds:.1f} s"
        )
        if self.failed:
            said += f"; failed: {', '.join(self.failed)}"
        if self.skipped:
            said += f"; left as the build before made them: {', '.join(self.skipped)}"
        return said


@dataclass(frozen=True, slots=True)
class Build:
    """Blocks until dbt has ended. Raises BuildRunsError, LockLostError, ProjectError and the warehouse's errors."""

    dbt: Dbt

    def run(self, arguments: Sequence[str] = (), *, to_stderr: bool = False) -> BuildReport:
        began_s = time.monotonic()
        target = self.dbt.warehouse
        with build_lock(Redshift(target), LOCK_SCHEMA, on_loss=self.dbt.stop) as lock:
            load_seq = self._newest_load()
            lock.require_held()
            code = self.dbt.run(["build", *arguments], {"load_seq": load_seq}, to_stderr=to_stderr)
        results = self.dbt.results()
        if not results.results:
            raise SettingsError("dbt found nothing to build: what stands after -- selects no node of the project")
        return BuildReport(
            ok=code == 0,
            load_seq=load_seq,
            made=results.made,
            tests=results.tests,
            failed=results.failed,
            warned=results.warned,
            skipped=results.skipped,
            seconds=round(time.monotonic() - began_s, 1),
        )

    def _newest_load(self) -> int:
        session = Redshift(self.dbt.warehouse).connect()
        try:
            lineage = Lineage(self.dbt.project.pipeline, generation=0, stream_created_ms=0)  # the head is of all
            return Ledger(self.dbt.warehouse.warehouse_schema, lineage).head(session)
        finally:
            session.close()
