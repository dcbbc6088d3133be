"""COPY of many files by one manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec

from headrace_consumers.errors import WarehouseStatementError
from headrace_consumers.lake.objects import ObjectStore
from headrace_consumers.load.waiting import LakeFile
from headrace_consumers.warehouse.session import WarehouseSession
from headrace_consumers.warehouse.tables import quoted


@dataclass(frozen=True, slots=True)
class CopyGroup:
    """Files of one table and one column list: one COPY."""

    table: str
    columns: tuple[str, ...]
    files: tuple[LakeFile, ...]

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    def of(self, files: Iterable[LakeFile]) -> CopyGroup:
        return CopyGroup(self.table, self.columns, tuple(files))


class CopyFailedError(Exception):
    """A COPY of this group failed; the transaction is to be rolled back. Never leaves this package."""

    def __init__(self, group: CopyGroup, error: WarehouseStatementError) -> None:
        super().__init__(str(error))
        self.group, self.error = group, error


@dataclass(frozen=True, slots=True)
class Copier:
    """Blocks on the lake and the warehouse."""

    schema: str
    pipeline: str
    store: ObjectStore
    role: str
    new_load_id: Callable[[], str]

    def copy(self, session: WarehouseSession, groups: Iterable[CopyGroup], load_id: str) -> None:
        """In the caller's transaction. Raises CopyFailedError."""
        for number, group in enumerate(groups):
            with self._manifest(group, manifest_key(self.pipeline, load_id, number)) as url:
                self._copy(session, group, url)

    def trial(self, session: WarehouseSession, group: CopyGroup) -> WarehouseStatementError | None:
        """Copies and takes back: why that fails, or None."""
        session.begin()
        try:
            self.copy(session, [group], self.new_load_id())
        except CopyFailedError as failed:
            return failed.error
        finally:
            session.rollback()
        return None

    @contextmanager
    def _manifest(self, group: CopyGroup, key: str) -> Iterator[str]:
        """Its address while it is there."""
        bucket = self.store.put("curated", key, manifest(group.files))
        try:
            yield f"s3://{bucket}/{key}"
        finally:
            self.store.delete(bucket, key)

    def _copy(self, session: WarehouseSession, group: CopyGroup, manifest_url: str) -> None:
        try:
            session.run(copy_statement(self.schema, group.table, group.columns, manifest_url, self.role))
            [(copied,)] = session.query("SELECT pg_last_copy_count()")
        except WarehouseStatementError as error:
            raise CopyFailedError(group, error) from error
        if copied != group.rows:
            sentence = f"COPY into {group.table} brought {copied} rows, its files have {group.rows}"
            raise CopyFailedError(group, WarehouseStatementError(sentence))


def manifest(files: Iterable[LakeFile]) -> bytes:
    """All mandatory; Redshift wants the length of columnar files."""
    entries = [{"url": file.url, "mandatory": True, "meta": {"content_length": file.bytes}} for file in files]
    return msgspec.json.encode({"entries": entries})


def manifest_key(pipeline: str, load_id: str, number: int) -> str:
    return f"{pipeline}_loads/{load_id}-{number}.manifest"


def iam_role(role: str) -> str:
    """By which COPY and UNLOAD reach S3: an ARN, or `default`."""
    return "IAM_ROLE default" if role == "default" else f"IAM_ROLE '{role}'"


def copy_statement(schema: str, table: str, columns: Sequence[str], manifest_url: str, role: str) -> str:
    return (
        f"COPY {quoted(schema)}.{quoted(table)} ({', '.join(map(quoted, columns))}) FROM '{manifest_url}' "
        f"{iam_role(role)} FORMAT AS PARQUET MANIFEST"
    )
