"""Following: every commit once, in an order that each chain agrees with."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from headrace_consumers.commitlog import keys
from headrace_consumers.commitlog.following import Advance, follow
from headrace_consumers.commitlog.model import LinkKind
from headrace_consumers.errors import LogError, NewerFormatError
from headrace_consumers.windows_service import manifest
from headrace_consumers.windows_service.watermarks import ShardProgress
from tests.consumers.windows_service.sea import TIDES, Sea

SHARDS = ("a", "b", "c")


def sea_of(*shard_ids: str) -> Sea:
    sea = Sea()
    for shard_id in shard_ids:
        sea.add_shard(shard_id)
    return sea


def followed(sea: Sea, progress: dict[str, ShardProgress], shard_ids: Sequence[str] = SHARDS) -> list[Advance]:
    """Everything that is ready; moves `progress` on."""
    advances = list(follow(sea.log(), TIDES, progress, shard_ids))
    for advance in advances:
        for link in advance.links:
            before = progress.get(link.chain.shard_id, ShardProgress())
            assert before.position == link.start
            progress[link.chain.shard_id] = before.after(link)
    return advances


def attempts(advances: Sequence[Advance]) -> list[str]:
    return [advance.commit.attempt_id for advance in advances if advance.commit]


def test_a_commit_of_several_shards_is_given_once() -> None:
    """It moves all of its shards together."""
    sea = sea_of("a", "b")
    commit = sea.commit({"a": 1, "b": 2})
    progress: dict[str, ShardProgress] = {}
    [advance] = followed(sea, progress)
    assert advance.commit == commit
    assert {link.chain.shard_id for link in advance.links} == {"a", "b"}
    assert {shard_id: known.position for shard_id, known in progress.items()} == {"a": 10, "b": 10}
    assert followed(sea, progress) == []


def test_a_commit_waits_until_it_is_next_in_all_of_its_chains() -> None:
    """The link of a shard is never passed before the links that stand before it, in any chain."""
    sea = sea_of("a", "b")
    first, second, third = sea.commit({"a": 1}), sea.commit({"a": 2, "b": 2}), sea.commit({"b": 3})
    assert attempts(followed(sea, {}, ["b", "a"])) == [first.attempt_id, second.attempt_id, third.attempt_id]


def test_a_shard_that_a_commit_names_is_followed_from_then_on() -> None:
    """Also where nobody has listed it: its worker registered it after the listing was read."""
    sea = sea_of("a", "b")
    earlier, both = sea.commit({"b": 1}), sea.commit({"a": 2, "b": 2})
    assert attempts(followed(sea, {}, ["a"])) == [earlier.attempt_id, both.attempt_id]


def test_gaps_and_ends_move_one_shard() -> None:
    """They belong to no commit; nothing follows an end."""
    sea = sea_of("a", "b")
    sea.commit({"a": 1, "b": 1})
    sea.gap("a")
    sea.end("a", "c")
    progress: dict[str, ShardProgress] = {}
    kinds = [advance.links[0].kind for advance in followed(sea, progress)]
    assert kinds == [LinkKind.DATA, LinkKind.GAP, LinkKind.TERMINAL]
    assert progress["a"] == ShardProgress(20, 1, ended=True, children=("c",))
    assert progress["b"].position == 10
    assert followed(sea, progress) == []


def test_a_link_whose_commit_is_missing_stops_with_a_sentence() -> None:
    """Going on would lose its events."""
    sea = sea_of("a")
    commit = sea.commit({"a": 1})
    del sea.dynamo.items[keys.commit_key("tides", 1, commit.attempt_id), "commit"]
    with pytest.raises(LogError, match=commit.attempt_id):
        followed(sea, {})


def test_a_hole_in_a_chain_stops_with_a_sentence() -> None:
    """A link that expired before it was merged would be events that no window knows."""
    sea = sea_of("a")
    sea.commit({"a": 1})
    sea.commit({"a": 2})
    del sea.dynamo.items[keys.chain_key(TIDES.chain("a")), keys.padded(0)]
    with pytest.raises(LogError, match="goes on at 10"):
        followed(sea, {})


@given(
    commits=st.lists(st.sets(st.sampled_from(SHARDS), min_size=1), max_size=8),
    cuts=st.lists(st.integers(0, 3), max_size=8),
    order=st.permutations(SHARDS),
)
def test_any_log_is_followed_to_its_end(commits: list[set[str]], cuts: list[int], order: list[str]) -> None:
    """Each commit once, each chain in its order, however the service stops and goes on, even while engines commit."""
    sea = sea_of(*SHARDS)
    progress: dict[str, ShardProgress] = {}
    seen: list[str] = []
    written = []
    for shards, cut in zip(commits, [*cuts, *[0] * len(commits)], strict=False):
        written.append(sea.commit(dict.fromkeys(sorted(shards), 1)).attempt_id)
        for advance, _ in zip(follow(sea.log(), TIDES, progress, order), range(cut), strict=False):
            seen += attempts([advance])
            progress |= {link.chain.shard_id: _moved(progress, advance, link.chain.shard_id) for link in advance.links}
    seen += attempts(followed(sea, progress, order))
    assert sorted(seen) == written
    assert {shard_id: known.position for shard_id, known in progress.items()} == {
        shard_id: sea.position(shard_id) for shard_id in sea.tips
    }


def _moved(progress: dict[str, ShardProgress], advance: Advance, shard_id: str) -> ShardProgress:
    [link] = [link for link in advance.links if link.chain.shard_id == shard_id]
    before = progress.get(shard_id, ShardProgress())
    assert before.position == link.start
    return before.after(link)


def test_a_manifest_of_a_newer_format_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the newer format is that version's default: the number stands in the document."""
    with monkeypatch.context() as newer:
        newer.setattr(manifest, "FORMAT", 3)
        body = manifest.encode_manifest(manifest.Manifest())
        assert manifest.decode_manifest(body, 1).format == 3
    with pytest.raises(NewerFormatError, match="format 3, this version reads up to 2"):
        manifest.decode_manifest(body, 1)


def test_a_manifest_without_generations_is_read_as_of_its_own() -> None:
    """It knew no batch and forgot its tombstones: what comes out again must be newer than any of them."""
    a = {"position": 10, "highest_event_time_us": 7, "watermark_us": 3, "ended": False, "children": []}
    hours = {"declared": "hours", "counts": {"emitted": 9, "revised": 3, "deleted": 2}}
    body = msgspec.json.encode({"format": 1, "progress": {"a": a}, "low_watermark_us": 3, "windows": {"hours": hours}})
    found = manifest.decode_manifest(body, 4)
    assert found.progress == {4: {"a": ShardProgress(10, 7, 3)}}
    assert (found.shards, found.low_watermark_us, found.batch_position) == ({"a": ShardProgress(10, 7, 3)}, 3, 0)
    assert found.windows["hours"].first_revision == 7
    assert manifest.decode_manifest(manifest.encode_manifest(found), 9) == replace(found, format=2)
