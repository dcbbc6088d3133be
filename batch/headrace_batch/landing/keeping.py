"""Files as they came, in the raw zone: those that landed by their content, those that were refused with the verdict.

Both stay when their commit is retired: what was sent is never lost.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime

import msgspec

from headrace_batch.landing.arriving import Arrived
from headrace_batch.landing.verdicts import Verdict
from headrace_batch.place import Place

_NO_FOLDER = re.compile(r"[^a-z0-9_-]")


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """What Spark's job is asked for: one file that is too big for one process."""

    pipeline: str
    source: str
    file: str
    bytes: int
    time: str
    as_of: str = ""
    """As it was said to `land`; and so is `instead_of`."""
    instead_of: str = ""


def keep(place: Place, source: str, sha256: str, body: bytes) -> str:
    """Safe to repeat: the same content has the same name."""
    return _put(place, f"landed/{place.pipeline.name}/{source}/{sha256}", body)


def keep_refused(place: Place, verdict: Verdict, body: bytes | None) -> Verdict:
    """The verdict, with where it and the file are kept. A file that was never read stays where it is, alone."""
    name = verdict.sha256 or hashlib.sha256(verdict.file.encode()).hexdigest()
    folder = _NO_FOLDER.sub("_", verdict.source) or "_"
    key = f"refused/{place.pipeline.name}/{folder}/{name}"
    kept = verdict.file if body is None else _put(place, key, body)
    told = msgspec.structs.replace(verdict, kept=kept)
    _put(place, f"{key}.json", msgspec.json.encode(told))
    return told


def keep_errand(
    place: Place, source: str, file: Arrived, *, as_of: datetime | None = None, instead_of: str = ""
) -> str:  # fmt: skip
    errand = Errand(
        pipeline=place.pipeline.name, source=source, file=file.name, bytes=file.size_bytes, time=file.time.isoformat(),
        as_of=as_of.isoformat() if as_of else "", instead_of=instead_of,
    )  # fmt: skip
    name = hashlib.sha256(f"{file.name} {file.size_bytes} {file.time}".encode()).hexdigest()
    return _put(place, f"{errands_folder(place)}{source}/{name}.json", msgspec.json.encode(errand))


def errands_folder(place: Place) -> str:
    """In the raw zone."""
    return f"handed/{place.pipeline.name}/"


def _put(place: Place, key: str, body: bytes) -> str:
    return f"s3://{place.store.put('raw', key, body)}/{key}"
