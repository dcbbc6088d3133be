"""Landing what an event names: looked at before a byte of it is read, for an event may say anything."""

from __future__ import annotations

import logging

from headrace_batch.landing.arriving import S3File
from headrace_batch.landing.events import ObjectCreated
from headrace_batch.landing.landing import land, refuse
from headrace_batch.landing.refusing import Reason
from headrace_batch.landing.verdicts import Outcome, Verdict
from headrace_batch.place import Place
from headrace_consumers.lake.inbox import Inbox

DEFAULT_PREFIX = "landing/"
_log = logging.getLogger(__name__)


def land_announced(place: Place, inbox: Inbox, created: ObjectCreated, prefix: str = DEFAULT_PREFIX) -> Verdict | None:
    """The verdict; None for a folder's mark, which is no file. Raises HeadraceError as `land` does."""
    if created.key.endswith("/"):
        return None
    verdict = _judged(place, inbox, created, prefix)
    level = logging.INFO if verdict.ok else logging.WARNING
    _log.log(level, "a file was judged", extra={"fields": {"outcome": verdict.outcome.value, "source": verdict.source,
             "file": verdict.file, "reason": verdict.reason, "rows": verdict.rows, "letters": verdict.letters,
             "commit_id": verdict.commit_id}})  # fmt: skip
    return verdict


def _judged(place: Place, inbox: Inbox, created: ObjectCreated, prefix: str) -> Verdict:
    name = created.key.removeprefix(prefix).partition("/")[0] if created.key.startswith(prefix) else ""
    source = place.pipeline.landing(name)
    if source is None:
        return _refused(place, created, name, Reason.UNKNOWN_SOURCE, f"no landing source is called {name!r}")
    head = inbox.head(created.bucket, created.key)
    if head is None:
        return _refused(place, created, name, Reason.MISSING, "the event names an object that is not there")
    if head.bytes != created.bytes:
        sentence = f"the event says {created.bytes} bytes, S3 says {head.bytes}: it is another object by now"
        return _refused(place, created, name, Reason.OTHER_SIZE, sentence)
    file = S3File(inbox, created.bucket, created.key, head.bytes, head.modified, head.etag)
    return land(place, source, file)


def _refused(place: Place, created: ObjectCreated, source: str, reason: Reason, sentence: str) -> Verdict:
    return refuse(
        place,
        Verdict(outcome=Outcome.REFUSED, source=source, file=created.url, bytes=created.bytes, reason=reason.value,
                sentence=sentence),
    )  # fmt: skip
