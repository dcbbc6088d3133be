"""A commit's files in an object beside the log, where they are too many for its item.

The object is visible before the transaction, under a key of its own: of the attempt and of what is in it. So until the
transaction stands nothing names it; from then on it never changes, and a repair writes another one.
"""

from __future__ import annotations

import hashlib

import msgspec

from headrace_consumers.commitlog.model import Commit
from headrace_consumers.errors import LogError
from headrace_consumers.lake.objects import ObjectStore, PendingFile

MAX_INLINE_BYTES = 256 * 1024
"""Of a commit: DynamoDB takes 400 KB an item, and 4 MB a transaction, of which the links may take the most."""
_files_decoder = msgspec.json.Decoder(tuple[PendingFile, ...])


class FileList(msgspec.Struct, frozen=True):
    """Where the files are listed. The checksum also tells two lists of one attempt apart."""

    bucket: str
    key: str
    sha256: str


class ListedCommit(msgspec.Struct, frozen=True):
    """A commit as its item has it, and the object that lists its files."""

    commit: Commit
    """Without files."""
    file_list: FileList


def with_stored_files(commit: Commit, store: ObjectStore) -> Commit | ListedCommit:
    """The commit, its files moved to an object where they would not fit its item."""
    if len(msgspec.json.encode(commit)) <= MAX_INLINE_BYTES:
        return commit
    body = msgspec.json.encode(commit.files)
    sha256 = hashlib.sha256(body).hexdigest()
    key = f"{commit.pipeline}/commits/{commit.attempt_id}-{sha256[:16]}.json"
    return ListedCommit(msgspec.structs.replace(commit, files=()), FileList(store.put("raw", key, body), key, sha256))


def whole(stored: Commit | ListedCommit, store: ObjectStore) -> Commit:
    """The commit with all its files. Raises MissingFileError, and LogError where the list is another one."""
    if isinstance(stored, Commit):
        return stored
    listed = stored.file_list
    body = store.read(listed.bucket, listed.key)
    if hashlib.sha256(body).hexdigest() != listed.sha256:
        raise LogError(f"s3://{listed.bucket}/{listed.key} is not the list of files that its commit names")
    return msgspec.structs.replace(stored.commit, files=_files_decoder.decode(body))


def forget_files(stored: Commit | ListedCommit | None, store: ObjectStore) -> None:
    """Deletes the list of a commit that can never stand."""
    if isinstance(stored, ListedCommit):
        store.delete(stored.file_list.bucket, stored.file_list.key)
