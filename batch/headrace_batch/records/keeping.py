"""A record beside the run that it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from headrace_batch.records.files import read_record, record_name, write_record
from headrace_batch.records.record import Record, Status
from headrace_consumers.commitlog.model import Counts
from headrace_producers.errors import HeadraceError, SettingsError


@dataclass(slots=True)
class Kept:
    """Mutable: the record as it is now, and the file that it is written to, where there is one."""

    record: Record
    path: Path | None = None

    @property
    def name(self) -> str:
        return record_name(self.path) if self.path else ""

    def write(self, record: Record) -> None:
        self.record = record
        if self.path:
            write_record(self.path, record)

    def plan(self) -> None:
        """Leaves a record to be reviewed, unless there is one."""
        if self.path and not self.path.exists():
            self.write(self.record)

    @contextmanager
    def running(self, counts: Callable[[], Counts]) -> Iterator[None]:
        """Says running, and in the end what became of it; `counts` is asked then. A kill leaves it running."""
        self.write(replace(self.record, status=Status.RUNNING, finished=None, failure=""))
        try:
            yield
        except HeadraceError as error:
            self._finish(Status.FAILED, counts(), " ".join(str(error).split()))
            raise
        self._finish(Status.DONE, counts())

    def _finish(self, status: Status, counts: Counts, failure: str = "") -> None:
        self.write(replace(self.record, status=status, finished=_now(), counts=counts, failure=failure))


def kept_record(path: Path | None, said: Record | None, pipeline: str) -> Kept:
    """The record of the file; or, where there is no such file, what the command line said. SettingsError where the two
    contradict, or neither says anything."""
    if path is not None:
        record_name(path)
    if path is None or not path.exists():
        if said is None:
            raise SettingsError("say --from, --to and --reason, or name a --record that does")
        return Kept(said, path)
    found = read_record(path)
    if found.pipeline != pipeline:
        raise SettingsError(f"{path} is about {found.pipeline}, not about {pipeline}")
    if said is not None and (said.start, said.end, said.reason) != (found.start, found.end, found.reason):
        raise SettingsError(f"{path} says another span or reason; leave --from, --to and --reason to it")
    return Kept(found, path)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
