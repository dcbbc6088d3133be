"""Files of the lake whose commits the log no longer has. Blocks on the network."""

from __future__ import annotations

from collections.abc import Iterator

from headrace_batch.place import Place
from headrace_batch.retention.known import Standing, read_known
from headrace_batch.retention.places import Kept, listed_objects
from headrace_batch.rewriting import StandingFile
from headrace_consumers.commitlog.batch import Gone
from headrace_consumers.commitlog.model import Commit
from headrace_consumers.lake.listing import LakeListing, Listed
from headrace_consumers.lake.objects import PendingFile


def expired_files(place: Place, buckets: Kept) -> Iterator[StandingFile]:
    """As far as their keys tell; nothing is listed where nothing has expired. Raw files are none of them."""
    known = read_known(place)
    if not int(known.expired_up_to, 16):
        return
    gone = Gone(place.chain)
    gone.catch_up()
    attempts = known.attempts
    for found in listed_objects(LakeListing(place.aws.s3), place.pipeline, buckets):
        is_out = gone.has(found.attempt_id, found.bucket, found.key)
        if found.bucket != buckets.raw and not is_out and known.of(found, attempts) is Standing.EXPIRED:
            yield _standing_file(place, found)


def _standing_file(place: Place, found: Listed) -> StandingFile:
    table, _, rest = found.key.partition("/")
    file = PendingFile(table, rest.rpartition("/")[0], found.bucket, found.key, 0, found.bytes, "", "", ())
    commit = Commit(
        attempt_id=found.attempt_id,
        pipeline=place.pipeline.name,
        generation=place.generation,
        files=(file,),
        shards=(),
        contracts=(),
        code_version="",
        written_ms=found.written_ms,
    )
    return StandingFile(commit, file)
