"""Packs on disk: they outlive the process with their lane, number and hash key, and with when they were first tried.

    <dir>/lock                  held exclusively by the one process that may read or write here
    <dir>/<n>.pack              a line of JSON (Header), then the pack's data; complete once it has this name
    <dir>/<n>.try               the first attempt's time (Attempt), on disk before that attempt is made

A settled pack's .pack goes before its .try: a crash in between must not make an attempted pack look untried.
"""

from __future__ import annotations

import fcntl
import logging
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from headrace_producers.clock import Instant
from headrace_producers.errors import SettingsError
from headrace_producers.packs import Body, Pack
from headrace_producers.wire.lane import Lane

_log = logging.getLogger(__name__)
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Header(msgspec.Struct, frozen=True):
    """What a pack file says about its data."""

    producer_id: str
    shard_id: str
    number: int
    explicit_hash_key: str
    event_ids: tuple[str, ...]
    data_bytes: int
    data_crc32: int


class Attempt(msgspec.Struct, frozen=True):
    """When a pack was first tried; boot_s counts only within the same start of the machine."""

    wall_s: float
    boot_s: float
    boot_id: str


_header = msgspec.json.Decoder(Header)
_attempt = msgspec.json.Decoder(Attempt)


class Spool:
    """One folder, one process. SettingsError when another process (or producer) holds it; OSError as the disk says."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._dir = directory
        self._lock_fd = _lock(directory / "lock")
        self._dir_fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        self._boot_id = _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else ""
        self._next = 1
        self.packs = 0
        self.bytes = 0

    def recover(self, now: Instant) -> Iterator[Pack]:
        """Packs of earlier owners, in the order in which they were cut. Unreadable files are put aside, and told."""
        for left in (
            *self._dir.glob("*.tmp"),
            *(t for t in self._dir.glob("*.try") if not t.with_suffix(".pack").exists()),
        ):
            left.unlink()
        for path in sorted(self._dir.glob("*.pack")):
            self._next = int(path.stem) + 1
            read = _read(path)
            if read is None:
                _log.error(
                    "a spooled pack is damaged and was put aside: its events are lost", extra={"file": path.name}
                )
                path.rename(path.with_suffix(".damaged"))
                continue
            yield self._recovered(path, *read, now)

    def _recovered(self, path: Path, header: Header, data: bytes, now: Instant) -> Pack:
        self.packs += 1
        self.bytes += len(data)
        return Pack(
            lane=Lane(header.producer_id, header.shard_id),
            number=header.number,
            explicit_hash_key=header.explicit_hash_key,
            ordinal=0,
            events=len(header.event_ids),
            size_bytes=len(data),
            held_bytes=0,
            body=None,
            spool_name=path.stem,
            first_attempt=self._first_attempt(path, now),
        )

    def _first_attempt(self, path: Path, now: Instant) -> Instant | None:
        tried = path.with_suffix(".try")
        if not tried.exists():
            return None
        try:
            attempt = _attempt.decode(tried.read_bytes())
        except msgspec.MsgspecError:  # a torn write: it was tried, or was about to be
            return Instant(tried.stat().st_mtime, now.boot_s)
        same_boot = attempt.boot_id == self._boot_id != ""
        return Instant(attempt.wall_s, attempt.boot_s if same_boot else now.boot_s)

    def store(self, pack: Pack) -> None:
        """Writes the pack and frees its memory; on disk when it returns."""
        body = self._body(pack)
        header = Header(
            *pack.lane, pack.number, pack.explicit_hash_key, body.event_ids, len(body.data), zlib.crc32(body.data)
        )
        name = f"{self._next:020d}"
        self._next += 1
        self._write(name, ".pack", msgspec.json.encode(header) + b"\n" + body.data)
        self.packs += 1
        self.bytes += pack.size_bytes
        pack.spool_name, pack.body = name, None

    def load(self, pack: Pack) -> Body | None:
        """The pack's bytes; None when they are damaged."""
        read = _read(self._path(pack, ".pack"))
        return Body(read[1], read[0].event_ids) if read else None

    def note_attempt(self, pack: Pack, now: Instant) -> None:
        """The first attempt's time; on disk when it returns."""
        attempt = Attempt(now.wall_s, now.boot_s, self._boot_id)
        self._write(pack.spool_name or "", ".try", msgspec.json.encode(attempt))

    def remove(self, pack: Pack) -> None:
        """Forgets a settled pack."""
        self._path(pack, ".pack").unlink(missing_ok=True)
        self._path(pack, ".try").unlink(missing_ok=True)
        self.packs -= 1
        self.bytes -= pack.size_bytes

    def close(self) -> None:
        """Frees the folder for another process. A fork's child calls it too: the lock stays with the parent."""
        os.close(self._dir_fd)
        os.close(self._lock_fd)

    def _path(self, pack: Pack, suffix: str) -> Path:
        return self._dir / f"{pack.spool_name}{suffix}"

    @staticmethod
    def _body(pack: Pack) -> Body:
        if pack.body is None:
            raise AssertionError("a pack is stored once, when it is cut")
        return pack.body

    def _write(self, name: str, suffix: str, data: bytes) -> None:
        temporary = self._dir / f"{name}{suffix}.tmp"
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(self._dir / f"{name}{suffix}")
        os.fsync(self._dir_fd)


def _lock(path: Path) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise SettingsError(
            f"spool_dir: {path.parent} is in use by another producer; give each process a folder of its own"
        ) from None
    return fd


def _read(path: Path) -> tuple[Header, bytes] | None:
    head, _, data = path.read_bytes().partition(b"\n")
    try:
        header = _header.decode(head)
    except msgspec.MsgspecError:
        return None
    if (len(data), zlib.crc32(data)) != (header.data_bytes, header.data_crc32):
        return None
    return header, data
