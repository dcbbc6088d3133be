"""Adopting: what is lost stands in the log with its reason, and workers go on."""

from __future__ import annotations

import pytest

from headrace_consumers.commitlog.model import LinkKind
from headrace_consumers.errors import CheckpointAheadError, FencedError, ParentOpenError
from headrace_consumers.operate import adopt
from headrace_producers.errors import SettingsError
from tests.consumers.operate.operators import operator
from tests.faults.simulation import Worker, World


def lease(world: World, shard: str) -> Worker:
    worker = world.start_worker()
    worker.lease(shard)
    worker.work()
    return worker


def checkpoint_ahead() -> tuple[World, str]:
    """KCL's checkpoint lies beyond the log: no worker may open the shard."""
    world = World()
    shard = world.add_shard()
    world.put_pack(shard)
    world.drain()
    world.leases[shard].checkpoint = world.put_pack(shard).sequence_number
    world.expected.discard("event-1")
    assert isinstance(lease(world, shard).failure, CheckpointAheadError)
    return world, shard


def test_a_gap_lets_the_worker_open() -> None:
    """Up to KCL's checkpoint where nothing else is said; what comes after is read, once."""
    world, shard = checkpoint_ahead()
    view = operator(world)
    plan = adopt.plan_gap(view, shard, "", "restored from nowhere", world.now_ms)
    assert isinstance(lease(world, shard).failure, CheckpointAheadError), "a plan writes nothing"
    adopt.apply(view, plan)
    link = view.newest(world.chain(shard))
    assert link is not None
    assert (link.kind, link.reason, link.owner) == (LinkKind.GAP, "restored from nowhere", "operator")
    world.put_pack(shard)
    world.drain()
    world.check_complete()


def test_a_gap_needs_an_end_beyond_the_chain() -> None:
    """Neither words, nor a place that the chain has passed, nor a lease without a number."""
    world, shard = checkpoint_ahead()
    view = operator(world)
    with pytest.raises(SettingsError, match="no gap before 3"):
        adopt.plan_gap(view, shard, "3", "why", 1)
    with pytest.raises(SettingsError, match="no sequence number"):
        adopt.plan_gap(view, shard, "the end", "why", 1)
    world.leases[shard].checkpoint = "TRIM_HORIZON"
    with pytest.raises(SettingsError, match="TRIM_HORIZON"):
        adopt.plan_gap(view, shard, "", "why", 1)
    del world.leases[shard]
    with pytest.raises(SettingsError, match="no lease"):
        adopt.plan_gap(view, shard, "", "why", 1)
    with pytest.raises(SettingsError, match="no shard"):
        adopt.plan_gap(view, "shardId-9", "5", "why", 1)


def test_a_plan_that_a_worker_overtook_writes_nothing() -> None:
    """The gap is conditional on the chain's end that the operator saw."""
    world, shard = checkpoint_ahead()
    view = operator(world)
    plan = adopt.plan_gap(view, shard, "", "late", world.now_ms)
    world.leases[shard].checkpoint = "TRIM_HORIZON"
    world.drain()
    with pytest.raises(FencedError):
        adopt.apply(view, plan)
    assert LinkKind.GAP not in {link.kind for link in view.log.newest_links(world.chain(shard))}


def unread_parent() -> tuple[World, str, str]:
    """The parent was opened and never read to its end, yet its child is started."""
    world = World()
    parent = world.add_shard()
    world.put_pack(parent)
    world.drain()
    child, _ = world.split(parent)
    assert isinstance(lease(world, child).failure, ParentOpenError)
    return world, parent, child


def test_an_end_lets_the_children_open() -> None:
    """A terminal link with the children, and the lanes that they start from."""
    world, parent, child = unread_parent()
    view = operator(world)
    adopt.apply(view, adopt.plan_end(view, parent, "its lease was edited", world.now_ms))
    link = view.newest(world.chain(parent))
    assert link is not None
    assert (link.kind, link.reason) == (LinkKind.TERMINAL, "its lease was edited")
    assert child in link.children
    assert lease(world, child).failure is None
    with pytest.raises(SettingsError, match="ended already"):
        adopt.plan_end(view, parent, "twice", world.now_ms)
    with pytest.raises(SettingsError, match="ended already"):
        adopt.plan_gap(view, parent, "99", "late", world.now_ms)


def test_an_open_shard_is_not_ended() -> None:
    """Its records still come, and nobody would read them."""
    world = World()
    shard = world.add_shard()
    with pytest.raises(SettingsError, match="is open"):
        adopt.plan_end(operator(world), shard, "why", 1)


def test_a_gap_at_a_childs_root_keeps_its_inheritance() -> None:
    """A pack that its parent had is a repeat, also after a gap is the child's first link."""
    world = World()
    parent = world.add_shard()
    pack = world.put_pack(parent)
    world.drain()
    child, other = world.split(parent)
    for shard in (child, other):
        world.leases[shard].owner = 0
    world.drain()
    world.leases[child].owner = None
    lost = world.put_record(child, b"lost\n", "other")
    view = operator(world)
    adopt.apply(view, adopt.plan_gap(view, child, lost.sequence_number, "poison", world.now_ms))
    world.put_record(child, pack.data, pack.partition_key)
    world.drain()
    world.check_complete()
    assert world.chain(child) in view.chains(view.place())
    newest = view.newest(world.chain(child))
    assert newest is not None
    assert newest.counts.repeats == 1
