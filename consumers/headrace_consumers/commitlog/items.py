"""How links, commits and beats look as DynamoDB items: keys in the open, content as one JSON text, and its format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from headrace_consumers.commitlog import keys
from headrace_consumers.commitlog.log import Beat
from headrace_consumers.commitlog.model import FORMAT, Chain, Commit, Link
from headrace_consumers.errors import NewerFormatError

if TYPE_CHECKING:
    from collections.abc import Mapping

Item = dict[str, Any]
"""DynamoDB's typed JSON."""
T = TypeVar("T", Link, Commit)

_encode = msgspec.json.Encoder().encode


def link_item(link: Link) -> Item:
    return _item(keys.chain_key(link.chain), keys.padded(link.start), link)


def commit_item(commit: Commit) -> Item:
    return _item(keys.commit_key(commit.pipeline, commit.generation, commit.attempt_id), "commit", commit)


def beat_item(chain: Chain, beat: Beat) -> Item:
    """The position is a text: DynamoDB's numbers end at 38 digits."""
    return {
        "pk": {"S": keys.beat_key(chain)},
        "sk": {"S": "beat"},
        "at_ms": {"N": str(beat.at_ms)},
        "position": {"S": str(beat.position)},
    }


def read_beat(item: Mapping[str, Any]) -> Beat:
    """A beat of the versions before positions names none."""
    at_ms = int(item["at_ms"]["N"])
    return Beat(at_ms, int(item["position"]["S"])) if "position" in item else Beat(at_ms)


def _item(pk: str, sk: str, content: Link | Commit) -> Item:
    body = _encode(content).decode()
    return {"pk": {"S": pk}, "sk": {"S": sk}, "format": {"N": str(FORMAT)}, "body": {"S": body}}


def read(item: Mapping[str, Any], kind: type[T]) -> T:
    """The content of an item; NewerFormatError where a newer Headrace wrote it."""
    found = int(item["format"]["N"])
    if found > FORMAT:
        raise NewerFormatError(
            f"the log item {item['pk']['S']} has format {found}, this version reads up to {FORMAT}; "
            "run the version that wrote it, or a newer one"
        )
    return msgspec.json.decode(item["body"]["S"], type=kind)
