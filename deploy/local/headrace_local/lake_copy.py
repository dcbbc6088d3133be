"""The processed zone as any reader sees it: every object of the bucket, copied to a folder."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from headrace_local.environment import AwsClients

_THREADS = 4


@dataclass(frozen=True, slots=True)
class LakeCopy:
    """Files of each table, below `<root>/<table>/<partition>/`."""

    root: Path
    keys: frozenset[str]
    bytes: int

    def files(self, table: str) -> list[str]:
        return sorted(str(self.root / key) for key in self.keys if key.startswith(f"{table}/"))


def copy_lake(clients: AwsClients, bucket: str, root: Path) -> LakeCopy:
    """Blocks on the network. Objects that are not complete are not listed, hence not copied."""
    sizes = dict(_listed(clients, bucket))
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(lambda key: _copy(clients, bucket, key, root), sizes))
    return LakeCopy(root, frozenset(sizes), sum(sizes.values()))


def _listed(clients: AwsClients, bucket: str) -> Iterator[tuple[str, int]]:
    for page in clients.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", ()):
            yield entry["Key"], entry["Size"]


def _copy(clients: AwsClients, bucket: str, key: str, root: Path) -> None:
    path = root / key
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        clients.s3.download_fileobj(bucket, key, file)
