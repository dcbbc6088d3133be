"""Batch commits over a quay, as the commands of batch would make them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from headrace_consumers.commit.attempts import new_attempt_id
from headrace_consumers.commitlog import keys
from headrace_consumers.commitlog.batch import BATCH, NO_GENERATION, BatchChain
from headrace_consumers.commitlog.model import Commit, CommitKind, Erasure, Replaced
from headrace_consumers.lake.objects import PendingFile
from headrace_consumers.lake.rewritten import mark_of
from tests.consumers.commitlog.tables import TABLE
from tests.consumers.load.harbour import now_ms
from tests.consumers.load.quay import Quay, commit_of, place, url_of

Cargo = tuple[str, pa.Table]
_NOTHING_CARVED: Mapping[str, Cargo] = {}


@dataclass
class Batch:
    """What it takes out of the lake is deleted at once, unless a test says otherwise."""

    quay: Quay
    position: int = 0
    files: dict[str, list[PendingFile]] = field(default_factory=dict)
    """Of each batch commit."""

    def commit(
        self,
        kind: CommitKind,
        *files: Cargo,
        retires: Iterable[str] = (),
        replaces: Iterable[str] = (),
        rewritten: Iterable[Cargo] = (),
        carved: Mapping[str, Cargo] = _NOTHING_CARVED,
        erases: Iterable[Erasure] = (),
        settled: bool = True,
        complete: bool = True,
    ) -> str:
        """Its id. `retires` names commits, `replaces` files by their URLs; so does `carved`, with what is left of
        each."""
        attempt_id, replaced = new_attempt_id(now_ms()), [*replaces, *carved]
        quay, store = self.quay, self.quay.harbour.stack.store
        pending = (
            *quay.upload(attempt_id, *files),
            *quay.upload(attempt_id, *rewritten, rewritten=True, key="{id}-all.parquet"),
        )
        for url, rest in carved.items():
            key = f"{{id}}-{mark_of(place(url)[1])}.parquet"
            pending += quay.upload(attempt_id, rest, rewritten=True, key=key) if rest[1].num_rows else ()
        commit = Commit(
            attempt_id=attempt_id, pipeline=quay.pipeline.name, generation=NO_GENERATION, files=pending,
            shards=(BATCH,), contracts=("gauge.read.v1",), code_version="test", written_ms=now_ms(), kind=kind,
            retires=tuple(retires), replaces=tuple(map(self._replaced, replaced)), erases=tuple(erases),
        )  # fmt: skip
        self.position = self.chain.append(commit, self.position, lambda _: False)
        self.files[attempt_id] = list(pending)
        for file in pending if complete else ():
            store.complete(file, attempt_id)
        for url in [*replaced, *(url for one in commit.retires for url in self._urls(one))] if settled else ():
            store.delete(*place(url))
        return attempt_id

    @property
    def chain(self) -> BatchChain:
        log = self.quay.harbour.stack.log
        name = self.quay.pipeline.name
        return BatchChain(log=log, pipeline=name, generation=log.generation(name), owner="batch")

    def chain_ids(self) -> list[str]:
        """Of all its commits, in their order."""
        return [commit.attempt_id for commit in self.chain.after(0)]

    def urls(self, commit_id: str) -> list[str]:
        return [url_of(file) for file in self.files[commit_id]]

    def _replaced(self, url: str) -> Replaced:
        bucket, key = place(url)
        return Replaced(commit_of(url), key.split("/", 1)[0], bucket, key)

    def _urls(self, commit_id: str) -> list[str]:
        log, name = self.quay.harbour.stack.log, self.quay.pipeline.name
        for generation in (NO_GENERATION, *range(log.generation(name), 0, -1)):
            if found := log.commit(name, generation, commit_id):
                return [url_of(file) for file in found.files]
        return []


def erasure(quay: Quay, column: str, value: str, table: str = "gauges") -> Erasure:
    return Erasure(getattr(quay, table), column, hashlib.sha256(value.encode()).hexdigest())


def raise_generation(quay: Quay, number: int) -> None:
    """As a rewind does; what is committed from here on is of that generation."""
    client: Any = quay.harbour.stack.dynamodb
    for copy in range(keys.GENERATION_COPIES):
        item = {"pk": {"S": keys.generation_key(quay.pipeline.name)}, "sk": {"S": f"{copy:02d}"}}
        client.put_item(TableName=TABLE, Item={**item, "generation": {"N": str(number)}})
