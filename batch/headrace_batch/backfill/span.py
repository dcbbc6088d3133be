"""A span of arrival times, and which commits have records in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from headrace_batch.backfill.raw_files import first_arrival_ms
from headrace_batch.place import Place
from headrace_consumers.commitlog.model import Chain, Link
from headrace_consumers.commitlog.standing import Standing
from headrace_consumers.errors import LogError
from headrace_consumers.records import ROOT
from headrace_producers.errors import SettingsError

_CLOCKS_MS = 3_600_000
"""Arrival times of one shard may go back by less."""


@dataclass(frozen=True, slots=True)
class Span:
    """Arrival in the stream, in milliseconds since the epoch; `end_ms` itself is left out."""

    start_ms: int
    end_ms: int

    @classmethod
    def of(cls, start: datetime, end: datetime) -> Span:
        """SettingsError where the times have no offset, or the wrong order."""
        if start.tzinfo is None or end.tzinfo is None:
            raise SettingsError("say the times with an offset, such as 2026-01-31T12:00:00Z")
        if start >= end:
            raise SettingsError(f"the span ends ({end.isoformat()}) before it begins ({start.isoformat()})")
        return cls(round(start.timestamp() * 1000), round(end.timestamp() * 1000))

    def __str__(self) -> str:
        return f"{said(self.start_ms)} to {said(self.end_ms)}"


def said(time_ms: int) -> str:
    at = datetime.fromtimestamp(time_ms / 1000, UTC)
    return at.isoformat(timespec="milliseconds" if time_ms % 1000 else "seconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Spans:
    """Judges commits of the stream by the time between their first record's arrival and their last one's."""

    place: Place
    standing: Standing

    def meets(self, source: str, span: Span) -> bool:
        """The links know when the last record arrived; the first is read from the raw file, for those few commits of
        which it matters. Blocks on the network then."""
        latest_ms = max(link.arrival_ms for link in self.standing.links[source])
        if latest_ms < span.end_ms:
            return latest_ms >= span.start_ms
        if self._least_ms(source) >= span.end_ms or source not in self.standing.raw:
            return False
        return first_arrival_ms(self.place.store, source, self.standing.raw[source]) < span.end_ms

    def _least_ms(self, source: str) -> int:
        """No record of the commit arrived earlier, by the links that its own follow."""
        before = [self._ends.get((link.chain, link.start), 0) for link in self.standing.links[source]]
        return min(before) - _CLOCKS_MS

    @cached_property
    def _ends(self) -> dict[tuple[Chain, int], int]:
        links = (link for found in self.standing.links.values() for link in found)
        return {(link.chain, link.end): link.arrival_ms for link in links}

    def require_links(self, span: Span) -> None:
        """The log still has its links from the span's start on; else commits would be left out in silence."""
        for link in self._oldest():
            if link.start != ROOT and link.arrival_ms >= span.start_ms:
                raise LogError(
                    f"the log of pipeline {self.place.pipeline.name} begins on shard {link.chain.shard_id} with "
                    f"records of {said(link.arrival_ms)}; what arrived before has expired: begin the span after that"
                )

    def _oldest(self) -> list[Link]:
        """The first link of each chain."""
        log, name, generations = self.place.log, self.place.pipeline.name, range(1, self.place.generation + 1)
        chains = [
            chain
            for generation in generations
            for chain in log.chains(name, generation, self.place.stream_created_ms)
        ]  # fmt: skip
        found = [next(log.links_after(chain, ROOT), None) for chain in chains]
        return [link for link in found if link is not None]
