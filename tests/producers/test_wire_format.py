"""docs/wire-format.md: its examples are what the code does. HEADRACE_WRITE_EXAMPLES=1 writes them anew."""

from __future__ import annotations

import os
import re
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace_producers.encoder import EventEncoders
from headrace_producers.flights import FlightCancelled
from headrace_producers.kinesis import OpenShard
from headrace_producers.shard_map import HASH_KEYS, ShardMap, hash_key
from headrace_producers.wire.envelope import CloudEvent, join_lines
from headrace_producers.wire.lane import Lane, PackKey, pack_key, parse_pack_key

PAGE = Path(__file__).parents[2] / "docs" / "wire-format.md"
SHARDS = [
    OpenShard("shardId-000000000000", 0, HASH_KEYS // 2 - 1),
    OpenShard("shardId-000000000001", HASH_KEYS // 2, HASH_KEYS - 1),
]
LANE = Lane("0f9c2f4e8b6d4b7f9a51c0de5eed1a7e", "shardId-000000000000")


def line(event_id: str, flight: int) -> bytes:
    event = FlightCancelled(
        scheduled_at=datetime(2013, 1, 1, 21, 30, tzinfo=UTC),
        local_date=date(2013, 1, 1),
        carrier="EV",
        flight=flight,
        tailnum="N18120",
        origin="EWR",
        dest="RDU",
        distance=416,
        sched_dep_time=1630,
        sched_arr_time=1815,
    )
    return EventEncoders("departures-board", 10**6).encode(event, event_id)[1]


def examples() -> dict[str, str]:
    two = join_lines([line("e-1", 4308), line("e-2", 4309)])
    hashed = hash_key("EWR")
    return {
        "event": line("e-1", 4308).decode().rstrip("\n"),
        "pack": "\n".join(
            [
                f"PartitionKey     {pack_key(LANE, 17)}",
                f"ExplicitHashKey  {hashed}",
                *(f"Data             {part}" for part in two.decode().split("\n")[:-1]),
                f"                 ({len(two)} bytes with 2 line feeds; the last byte is 0x{two[-1]:02x})",
            ]
        ),
        "hash": "\n".join(
            [
                f'MD5 of "EWR"   {hashed:032x}',
                f"as a number    {hashed}",
                *(f"{shard.shard_id}   {shard.first_hash} to {shard.last_hash}" for shard in SHARDS),
                f"so it goes to  {ShardMap(SHARDS).place('EWR')[0]}",
            ]
        ),
        "key": "\n".join(pack_key(LANE, number) for number in (1, 2)),
    }


@pytest.mark.parametrize("name", examples())
def test_the_pages_examples_are_true(name: str) -> None:
    """Each block of the page is what the code makes."""
    pattern = rf"(<!-- example: {name} -->\n```\w*\n)(.*?)(```)"
    page = PAGE.read_text()
    if os.environ.get("HEADRACE_WRITE_EXAMPLES"):
        page = re.sub(pattern, lambda found: f"{found[1]}{examples()[name]}\n{found[3]}", page, flags=re.DOTALL)
        PAGE.write_text(page)
    found = re.search(pattern, page, flags=re.DOTALL)
    assert found is not None
    assert found[2] == examples()[name] + "\n"


def test_a_line_is_one_cloud_event() -> None:
    """Attributes in the page's order, time in UTC whatever the zone of the event, a line feed at the end only."""
    made = line("e-1", 4308)
    assert made.endswith(b"}\n")
    assert made.count(b"\n") == 1
    assert list(msgspec.json.decode(made)) == ["specversion", "id", "source", "type", "time", "data"]
    assert msgspec.json.decode(made, type=CloudEvent).time == datetime(2013, 1, 1, 21, 30, tzinfo=UTC)


@given(st.from_regex(r"[0-9a-f]{32}", fullmatch=True), st.integers(0, 10**6), st.integers(1, 2**63))
def test_pack_keys_are_read_back(producer_id: str, shard: int, number: int) -> None:
    """Within the 256 characters that Kinesis allows."""
    lane = Lane(producer_id, f"shardId-{shard:012d}")
    key = pack_key(lane, number)
    assert parse_pack_key(key) == PackKey(lane, number)
    assert len(key) <= 256


@given(st.sampled_from(["", "hr1|", "hr1|p|s|1|"]), st.text())
def test_foreign_keys_are_never_taken_for_a_lane(start: str, rest: str) -> None:
    """Whatever they look like: the checksum must fit too."""
    key = start + rest
    found = parse_pack_key(key)
    assert found is None or pack_key(found.lane, found.number) == key


@given(st.integers(0, 60), st.integers(0, 255))
def test_one_changed_character_makes_a_key_foreign(position: int, byte: int) -> None:
    """CRC-32 finds every change of one byte."""
    key = pack_key(LANE, 17)
    changed = key[:position] + chr(byte) + key[position + 1 :]
    assert changed == key or parse_pack_key(changed) is None


@given(st.lists(st.integers(1, HASH_KEYS - 1), max_size=8, unique=True), st.text())
def test_a_key_goes_to_the_shard_whose_range_holds_its_hash(cuts: list[int], key: str) -> None:
    """Whatever the ranges are, as long as they cover all hash keys."""
    edges = [0, *sorted(cuts), HASH_KEYS]
    shards = [OpenShard(f"s{n}", edges[n], edges[n + 1] - 1) for n in range(len(edges) - 1)]
    shard_id, hashed = ShardMap(shards[::-1]).place(key)
    [home] = [shard for shard in shards if shard.shard_id == shard_id]
    assert home.first_hash <= hashed <= home.last_hash
