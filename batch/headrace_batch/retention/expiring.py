"""What nobody needs any more, and why; and taking it out.

Theory of operation. Buckets are listed first and the log is read then: what was committed in between is known. An
object is an orphan only where the log would still have its commit. Old links go oldest first, the last one that names
a commit together with it; files of commits that expired stay in the lake, but no batch command knows them any more,
other than forget: so partitions are best compacted before. The batch chain never expires.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from headrace_batch.committing import settle
from headrace_batch.known_transforms import known_transforms
from headrace_batch.place import Place
from headrace_batch.retention.known import Known, Standing, is_data, read_known
from headrace_batch.retention.links import OldLink, old_links
from headrace_batch.retention.passing import Followers, followers_of
from headrace_batch.retention.places import Kept, listed_objects, listed_uploads
from headrace_consumers.commitlog.batch import RAW_KEPT_FROM
from headrace_consumers.commitlog.model import Link
from headrace_consumers.lake.listing import LakeListing, Listed
from headrace_consumers.windows_service.chain import SHARD_ID

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """After how many days what goes; 0 never."""

    uploads_days: float = 14
    links_days: float = 30
    raw_days: float = 0
    orphans: bool = False
    """Delete orphaned objects too, and not only tell them."""


class Expired(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that goes, or in a dry run would."""

    kind: str
    """upload, orphan, raw, link or commit."""
    what: str
    why: str
    bytes: int = 0
    goes: bool = True
    """An orphan is only told, unless it was asked for."""


def expire(
    place: Place, buckets: Kept, ages: Ages, now_ms: int, *, no_loader: bool, dry_run: bool
) -> Iterator[Expired]:
    """Raises SettingsError. Whatever was told is done once the next is asked for."""
    if not dry_run:
        settle(place)
    work = _Expiring.read(place, buckets, ages, now_ms, no_loader=no_loader)
    yield from work.uploads(dry_run=dry_run)
    yield from work.orphans(dry_run=dry_run)
    yield from work.raw(dry_run=dry_run)
    yield from work.links(dry_run=dry_run)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Expiring:
    place: Place
    listing: LakeListing
    pending: list[Listed]
    objects: list[Listed]
    known: Known
    followers: Followers
    buckets: Kept
    ages: Ages
    now_ms: int

    @classmethod
    def read(cls, place: Place, buckets: Kept, ages: Ages, now_ms: int, *, no_loader: bool) -> _Expiring:
        listing = LakeListing(place.aws.s3)
        transforms = known_transforms(place)
        pending = list(listed_uploads(listing, place.pipeline, buckets, transforms))
        objects = list(listed_objects(listing, place.pipeline, buckets, transforms))
        known = read_known(place)
        return cls(
            place=place, listing=listing, pending=pending, objects=objects, known=known,
            followers=followers_of(place, known, no_loader=no_loader), buckets=buckets, ages=ages, now_ms=now_ms,
        )  # fmt: skip

    def uploads(self, *, dry_run: bool) -> Iterator[Expired]:
        """Of attempts that are no commits. One that the log no longer has was completed before its links went."""
        attempts = self.known.attempts
        for upload in self.pending:
            is_ours = self.known.of(upload, attempts) in (Standing.ORPHANED, Standing.EXPIRED)
            if not is_ours or not self._older(upload.written_ms, self.ages.uploads_days):
                continue
            yield Expired(kind="upload", what=_url(upload), why=f"never committed, begun {_day(upload.written_ms)}")
            if not dry_run:
                self.listing.abort(upload)

    def orphans(self, *, dry_run: bool) -> Iterator[Expired]:
        """Objects that were visible before their commit, which then never was, or whose abort was too late."""
        attempts = self.known.attempts
        for found in self.objects:
            is_orphan = self.known.of(found, attempts) is Standing.ORPHANED
            if is_orphan and self._older(found.written_ms, self.ages.uploads_days or self.ages.links_days):
                yield Expired(
                    kind="orphan", what=_url(found), bytes=found.bytes, goes=self.ages.orphans,
                    why=f"no commit names it, written {_day(found.written_ms)}",
                )  # fmt: skip
                if self.ages.orphans and not dry_run:
                    self.place.store.delete(found.bucket, found.key)

    def raw(self, *, dry_run: bool) -> Iterator[Expired]:
        """Records as they were received, once all have what came of them. A chain's last commit keeps its file:
        whoever opens the shard proves it. From when on they are there is noted before the first one goes."""
        if not self.ages.raw_days:
            return
        needed = self._needed()
        folder = f"{self.place.pipeline.name}/arrival_date="
        old = [one for one in self.objects if one.bucket == self.buckets.raw and one.key.startswith(folder)]
        old = [one for one in old if one.attempt_id and self._older(one.written_ms, self.ages.raw_days)]
        if old and not dry_run:
            kept_from_ms = self.now_ms - int(self.ages.raw_days * DAY_MS)
            self.place.log.mark(self.place.pipeline.name, RAW_KEPT_FROM, str(kept_from_ms))
        for found in (one for one in old if one.attempt_id not in needed):
            yield Expired(
                kind="raw", what=_url(found), bytes=found.bytes,
                why=f"received {_day(found.written_ms)}, kept for {self.ages.raw_days:g} days",
            )  # fmt: skip
            if not dry_run:
                self.place.store.delete(found.bucket, found.key)

    def links(self, *, dry_run: bool) -> Iterator[Expired]:
        """The log's; with a commit's last link goes the commit."""
        if not self.ages.links_days:
            return
        before_ms = self.now_ms - int(self.ages.links_days * DAY_MS)
        pending = frozenset(upload.attempt_id for upload in self.pending)
        for old in old_links(self.known, self.followers, pending, before_ms):
            yield from _told(old)
            if not dry_run:
                self._drop(old)

    def _drop(self, old: OldLink) -> None:
        """Its lanes first: from the first full table that stays, nobody reads them any more."""
        if old.link.lanes_key:
            self.place.store.delete(self.buckets.raw, old.link.lanes_key)
        self.place.log.expire(old.link, with_commit=old.with_commit)

    def _needed(self) -> frozenset[str]:
        """Attempts whose raw file somebody may still ask for."""
        data = {chain: [link for link in links if is_data(link)] for chain, links in self.known.chains.items()}
        newest = {links[-1].attempt_id for links in data.values() if links}
        unread = {link.attempt_id for links in data.values() for link in links if not self.followers.have_passed(link)}
        return frozenset(newest | unread)

    def _older(self, at_ms: int, days: float) -> bool:
        return bool(days) and at_ms < self.now_ms - int(days * DAY_MS)


def _told(old: OldLink) -> Iterator[Expired]:
    link = old.link
    where = "windows" if link.chain.shard_id == SHARD_ID else f"shard {link.chain.shard_id}"
    what = f"{where}, generation {link.chain.generation}, up to {link.end_sequence_number or link.end}"
    yield Expired(kind="link", what=what, why=_why(link))
    if old.with_commit:
        yield Expired(kind="commit", what=link.attempt_id, why="no link names it any more; its files stay")


def _why(link: Link) -> str:
    return f"written {_day(link.written_ms)}, passed by all, and a later link has all lanes"


def _url(found: Listed) -> str:
    return f"s3://{found.bucket}/{found.key}"


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat()
