"""Which letters are meant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from cyclopts import Parameter

from headrace_batch.times import instant
from headrace_consumers.lake.objects import PendingFile
from headrace_producers.errors import SettingsError

Mask = npt.NDArray[np.bool_]
ARRIVAL = "arrival_date="
STAGES = ("unpack", "decode", "validate")


@dataclass(frozen=True, kw_only=True)
class LetterFilter:
    """Every condition that is given must hold. Late events have neither stage, reason nor field."""

    id: Annotated[tuple[str, ...], Parameter(negative="")] = ()
    """Only these letters: SHARD/SEQUENCE/INDEX, as `show` prints them."""
    stage: str = ""
    """Only letters of this stage: unpack, decode or validate."""
    reason: str = ""
    """Only letters of this reason, such as not_allowed."""
    field: str = ""
    """Only letters for the sake of this field."""
    type: str = ""
    """Only events of this type, such as flight.departed.v1."""
    from_: Annotated[str, Parameter(name="--from")] = ""
    """Only what arrived then or later: ISO 8601, with an offset."""
    to: str = ""
    """Only what arrived before."""
    commit: str = ""
    """Only letters that came with this commit."""

    def __post_init__(self) -> None:
        _ = self.first_us, self.end_us
        if self.stage and self.stage not in STAGES:
            raise SettingsError(f"--stage {self.stage!r} is none of {', '.join(STAGES)}")
        for one in self.id:
            _check_id(one)

    @property
    def first_us(self) -> int | None:
        return _microseconds("--from", self.from_)

    @property
    def end_us(self) -> int | None:
        return _microseconds("--to", self.to)

    @property
    def of_letters_alone(self) -> bool:
        """Whether it asks for what late events have not."""
        return bool(self.stage or self.reason or self.field)

    def may_be_in(self, file: PendingFile) -> bool:
        """False where the file's folder says that all of it arrived too early: it names the day of the latest."""
        if self.first_us is None or not file.partition.startswith(ARRIVAL):
            return True
        day = datetime.fromtimestamp(self.first_us / 1_000_000, UTC).date().isoformat()
        return file.partition.removeprefix(ARRIVAL) >= day

    def mask(self, letters: pa.Table) -> Mask:
        """Which rows are meant."""
        whole = np.ones(len(letters), np.bool_)
        for found in (*self._texts(letters), *self._arrived(letters), *self._named(letters)):
            whole &= pc.fill_null(found, False).to_numpy()  # noqa: FBT003 - pyarrow's own signature
        return whole

    def _texts(self, letters: pa.Table) -> list[pa.ChunkedArray]:
        wanted = {
            "stage": self.stage,
            "reason": self.reason,
            "field": self.field,
            "event_type": self.type,
            "commit_id": self.commit,
        }
        return [pc.equal(letters[name], text) for name, text in wanted.items() if text]

    def _arrived(self, letters: pa.Table) -> Iterator[pa.ChunkedArray]:
        arrivals = letters["arrival_time"].cast(pa.int64())
        if self.first_us is not None:
            yield pc.greater_equal(arrivals, self.first_us)
        if self.end_us is not None:
            yield pc.less(arrivals, self.end_us)

    def _named(self, letters: pa.Table) -> list[pa.ChunkedArray]:
        return [pc.is_in(ids_of(letters), pa.array(self.id, pa.string()))] if self.id else []


def ids_of(letters: pa.Table) -> pa.ChunkedArray:
    """SHARD/SEQUENCE/INDEX: where the event stood in the stream."""
    index = letters["record_index"].cast(pa.string())
    return pc.binary_join_element_wise(letters["shard_id"], letters["sequence_number"], index, "/")


def _check_id(text: str) -> None:
    match text.rsplit("/", 2):
        case [shard_id, sequence_number, index] if shard_id and sequence_number and index.isdecimal():
            return
    raise SettingsError(f"{text!r} names no letter: SHARD/SEQUENCE/INDEX please, as `dead-letters show` prints it")


def _microseconds(option: str, text: str) -> int | None:
    if not text:
        return None
    at = instant(option, text)
    return int(at.timestamp()) * 1_000_000 + at.microsecond
