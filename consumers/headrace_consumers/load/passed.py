"""The loader's note in the log: how far it is, for those who may touch only what it has loaded. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from headrace_consumers.commitlog.model import Chain
from headrace_consumers.load.waiting import ChainPosition

PASSED = "passed by loader"
"""The name of the mark. A log without it has no loader."""
_MOST_UNLOADED = 1_000
"""As many addresses as DynamoDB takes in one item, with room to spare."""


class _Passage(msgspec.Struct, frozen=True, array_like=True):
    generation: int
    stream_created_ms: int
    shard_id: str
    position: str
    """A text: such numbers have more digits than other readers of JSON keep."""


class Passed(msgspec.Struct, frozen=True):
    """What is behind the loader."""

    chains: tuple[_Passage, ...] = ()
    unloaded: tuple[str, ...] = ()
    """URLs of files behind it that are held or in quarantine: their rows are not in the warehouse yet."""

    def reaches(self, chain: Chain, position: int) -> bool:
        """Whether the chain was followed up to there: a link's end, a batch commit's place."""
        key = (chain.generation, chain.stream_created_ms, chain.shard_id)
        return any(
            int(one.position) >= position
            for one in self.chains
            if (one.generation, one.stream_created_ms, one.shard_id) == key
        )


def encode(positions: Mapping[Chain, ChainPosition], unloaded: Collection[str]) -> str | None:
    """None where too much is unloaded to be told: then the note before stays, which says less."""
    if len(unloaded) > _MOST_UNLOADED:
        return None
    chains = tuple(
        _Passage(chain.generation, chain.stream_created_ms, chain.shard_id, str(where.position))
        for chain, where in sorted(positions.items(), key=lambda one: (one[0].generation, one[0].shard_id))
    )
    return msgspec.json.encode(Passed(chains, tuple(sorted(unloaded)))).decode()


def decode(text: str) -> Passed:
    return msgspec.json.decode(text, type=Passed)
