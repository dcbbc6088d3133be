"""The spool's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace_producers.clock import Instant
from headrace_producers.packs import Body, Pack
from headrace_producers.spool import Spool
from headrace_producers.wire.lane import Lane

NOW = Instant(1_700_000_000.0, 100.0)


def pack(number: int, data: bytes = b"one\ntwo\n") -> Pack:
    return Pack(
        lane=Lane("p", "shardId-000000000000"),
        number=number,
        explicit_hash_key="17",
        ordinal=number,
        events=2,
        size_bytes=len(data),
        held_bytes=len(data),
        body=Body(data, ("e1", "e2")),
    )


def recovered(folder: Path, now: Instant = NOW) -> list[Pack]:
    spool = Spool(folder)
    packs = list(spool.recover(now))
    spool.close()
    return packs


def filled(folder: Path, packs: int = 1) -> Spool:
    spool = Spool(folder)
    for number in range(1, packs + 1):
        spool.store(pack(number))
    return spool


def test_identity_and_bytes_survive(tmp_path: Path) -> None:
    """Lane, number, hash key, ids and data come back as they were stored, in order."""
    filled(tmp_path, packs=12).close()
    spool = Spool(tmp_path)
    found = list(spool.recover(NOW))
    assert [one.number for one in found] == list(range(1, 13))
    assert (found[0].lane, found[0].explicit_hash_key, found[0].events) == (pack(1).lane, "17", 2)
    assert spool.load(found[0]) == pack(1).body
    spool.store(pack(13))
    spool.close()
    assert [one.number for one in recovered(tmp_path)] == list(range(1, 14))


def test_the_first_attempt_survives(tmp_path: Path) -> None:
    """The boot clock counts within one start of the machine, the wall clock always."""
    spool = filled(tmp_path)
    [stored] = spool.recover(NOW)
    spool.note_attempt(stored, NOW)
    spool.close()
    [found] = recovered(tmp_path, Instant(NOW.wall_s + 5, NOW.boot_s + 7))
    assert found.first_attempt == NOW
    spool = Spool(tmp_path)
    spool._boot_id = "another start of the machine"
    [found] = spool.recover(Instant(NOW.wall_s + 5, 3.0))
    spool.close()
    assert found.first_attempt is not None
    assert found.first_attempt.age_at(Instant(NOW.wall_s + 5, 3.0)) == 5


def test_a_torn_note_counts_as_an_attempt(tmp_path: Path) -> None:
    """A crash while the time was written: the pack may have been sent right after."""
    filled(tmp_path).close()
    [file] = tmp_path.glob("*.pack")
    file.with_suffix(".try").write_bytes(b'{"wall_s":')
    [found] = recovered(tmp_path)
    assert found.first_attempt is not None


def test_damaged_packs_are_put_aside(tmp_path: Path) -> None:
    """A changed byte is noticed; the others are still delivered, the file is kept for whoever wants to look."""
    filled(tmp_path, packs=2).close()
    first, _ = sorted(tmp_path.glob("*.pack"))
    first.write_bytes(first.read_bytes()[:-1] + b"!")
    assert [one.number for one in recovered(tmp_path)] == [2]
    assert len(list(tmp_path.glob("*.damaged"))) == 1


def test_unfinished_files_are_cleared(tmp_path: Path) -> None:
    """What never got its name was never promised; a time without a pack belongs to a settled one."""
    (tmp_path / "00000000000000000001.pack.tmp").write_bytes(b"half")
    (tmp_path / "00000000000000000002.try").write_bytes(b"{}")
    assert recovered(tmp_path) == []
    assert {file.name for file in tmp_path.iterdir()} == {"lock"}


def test_a_death_while_a_pack_is_forgotten_does_not_make_it_look_untried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the two files' ends the process dies: the pack is gone, or still known as tried."""
    spool = filled(tmp_path)
    [stored] = spool.recover(NOW)
    spool.note_attempt(stored, NOW)
    unlink, calls = Path.unlink, iter([True])

    def dies_at_the_second(path: Path, missing_ok: bool = False) -> None:  # noqa: FBT001, FBT002 - as pathlib has it
        if not next(calls, False):
            raise KeyboardInterrupt
        unlink(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", dies_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            spool.remove(stored)
    spool.close()
    assert all(one.first_attempt for one in recovered(tmp_path))
