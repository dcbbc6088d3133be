"""How links, commits and beats look as DynamoDB items: keys in the open, content as one JSON text, and its format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from headrace_consumers.commitlog import keys
from headrace_consumers.commitlog.filelists import ListedCommit
from headrace_consumers.commitlog.log import Beat
from headrace_consumers.commitlog.model import (
    BATCH_FORMAT,
    FORMAT,
    LISTED_BATCH_FORMAT,
    LISTED_FORMAT,
    Chain,
    Commit,
    CommitKind,
    Link,
    Rewind,
)
from headrace_consumers.errors import NewerFormatError

if TYPE_CHECKING:
    from collections.abc import Mapping

Item = dict[str, Any]
"""DynamoDB's typed JSON."""

_encode = msgspec.json.Encoder().encode


def link_item(link: Link) -> Item:
    return _item(keys.chain_key(link.chain), keys.padded(link.start), link)


def commit_item(stored: Commit | ListedCommit) -> Item:
    listed = isinstance(stored, ListedCommit)
    commit = stored.commit if isinstance(stored, ListedCommit) else stored
    number = LISTED_FORMAT if listed else FORMAT
    if commit.kind is not CommitKind.STREAM:
        number = LISTED_BATCH_FORMAT if listed else BATCH_FORMAT
    return _item(keys.commit_key(commit.pipeline, commit.generation, commit.attempt_id), "commit", stored, number)


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


def rewind_item(rewind: Rewind) -> Item:
    return _item(keys.rewinds_key(rewind.pipeline), keys.rewind_name(rewind.generation), rewind)


def read_rewind(item: Mapping[str, Any]) -> Rewind:
    """Raises NewerFormatError where a newer Headrace wrote it."""
    _format_of(item, FORMAT)
    return msgspec.json.decode(item["body"]["S"], type=Rewind)


def _item(pk: str, sk: str, content: Link | Commit | ListedCommit | Rewind, number: int = FORMAT) -> Item:
    body = _encode(content).decode()
    return {"pk": {"S": pk}, "sk": {"S": sk}, "format": {"N": str(number)}, "body": {"S": body}}


def read_link(item: Mapping[str, Any]) -> Link:
    """Raises NewerFormatError where a newer Headrace wrote it."""
    _format_of(item, FORMAT)
    return msgspec.json.decode(item["body"]["S"], type=Link)


def read_commit(item: Mapping[str, Any]) -> Commit | ListedCommit:
    """Raises NewerFormatError where a newer Headrace wrote it."""
    if _format_of(item, LISTED_BATCH_FORMAT) in (LISTED_FORMAT, LISTED_BATCH_FORMAT):
        return msgspec.json.decode(item["body"]["S"], type=ListedCommit)
    return msgspec.json.decode(item["body"]["S"], type=Commit)


def _format_of(item: Mapping[str, Any], newest: int) -> int:
    found = int(item["format"]["N"])
    if found > newest:
        raise NewerFormatError(
            f"the log item {item['pk']['S']} has format {found}, this version reads up to {newest}; "
            "run the version that wrote it, or a newer one"
        )
    return found
