"""What the windows service wrote down last, read by somebody who only looks: nothing is completed on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from headrace_consumers.aws_retry import patience
from headrace_consumers.commitlog.model import Chain, Link
from headrace_consumers.errors import MissingFileError, NewerFormatError
from headrace_consumers.operate.view import PipelineView, Place
from headrace_consumers.windows_service.manifest import Manifest, decode_manifest
from headrace_producers.errors import HeadraceError

LAKE_PATIENCE_S = 5.0
"""All else that status tells is worth more than what waits for a lake that does not answer."""
ATTEMPTS = 3
"""A manifest is deleted once the next one is visible: whoever reads just then looks again."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The newest readable manifest, and why it is not the newest commit's; empty where it is."""

    manifest: Manifest | None = None
    committed_ms: int = 0
    remark: str = ""


def read_standing(view: PipelineView, place: Place) -> Standing:
    """Blocks for a lake that is away no longer than LAKE_PATIENCE_S. Raises NewerFormatError."""
    from headrace_consumers.windows_service.chain import SHARD_ID

    generations = range(place.generation, 0, -1)
    name, created_ms = view.pipeline.name, place.identity.created_ms
    chains = [Chain(name, generation, created_ms, SHARD_ID) for generation in generations]
    try:
        with patience(LAKE_PATIENCE_S):
            return _newest_readable(view, chains)
    except NewerFormatError:
        raise
    except HeadraceError as error:
        return Standing(remark=f"What the windows service wrote down cannot be read: {error}.")


def _newest_readable(view: PipelineView, chains: Sequence[Chain]) -> Standing:
    """The commit before the newest keeps its manifest until the newest one's is visible; the one before a generation's
    first is of an older generation."""
    newest: list[Link] = []
    for _ in range(ATTEMPTS):
        newest = list(islice((link for chain in chains for link in view.log.newest_links(chain)), 2))
        for link in newest:
            manifest = _manifest(view, link)
            if manifest is not None:
                return Standing(manifest, link.written_ms, "" if link is newest[0] else _pending(newest[0]))
    if not newest:
        return Standing(remark="The windows service has not committed yet: does `headrace-consumers windows` run?")
    return Standing(remark=_pending(newest[0]))


def _manifest(view: PipelineView, link: Link) -> Manifest | None:
    """None where it is not visible, or not any more."""
    from headrace_consumers.windows_service.chain import manifest_place

    commit = view.commit_of(link)
    if commit is None:
        return None
    try:
        return decode_manifest(view.store.read(*manifest_place(commit.files)), link.chain.generation)
    except MissingFileError:
        return None


def _pending(link: Link) -> str:
    return (
        f"The windows service's newest commit, {link.attempt_id}, is not visible yet; "
        "the service completes it when it goes on, or starts."
    )
