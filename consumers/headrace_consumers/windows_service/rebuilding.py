"""Windows whose events were taken back are made anew, of all that was merged and stands.

Theory of operation. Partials cannot be subtracted: extremes and sketches forget. But each pane, or session, of the
state is a sum of partials that lie within it. So those that a retired commit may have had a part in are put together
once more, without it; what the batch commits bring is merged on top, and only then is compared what was with what is. A
backfill that gives the same rows thus changes nothing, whatever it retired.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from headrace_consumers.commitlog.model import Commit
from headrace_consumers.windows_service.emitting import Changes
from headrace_consumers.windows_service.folders import Stretches, stretches_of
from headrace_consumers.windows_service.ledger import Merged
from headrace_consumers.windows_service.pairs import WITHIN, Indices, equals, matches
from headrace_consumers.windows_service.partials import PartialsReader
from headrace_consumers.windows_service.sources import Sources
from headrace_consumers.windows_service.state import WindowState


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """Panes, or sessions, of one window that a retired commit may have been part of."""

    before: pa.Table
    after: pa.Table


def retired_of(sources: Sources) -> tuple[Merged, list[Commit]] | None:
    """What the fresh batch commits retire of all that was merged; None where that is nothing. Blocks on the network.
    Raises LogError."""
    if not any(commit.retires for commit in sources.fresh):
        return None
    known = Merged.read(sources)
    retired = [one for commit in sources.fresh for one in known.retired(commit)]
    return (known, retired) if retired else None


def rebuild(
    state: WindowState, retired: Sequence[Commit], known: Merged, sources: Sources, reader: PartialsReader
) -> Rebuilt:
    """Puts the touched panes together once more. Blocks on the network; raises LogError, MissingFileError."""
    touched = [stretches_of(state.window, commit) for commit in retired]
    stretches = Stretches.of(*(np.concatenate([getattr(one, end) for one in touched]) for end in ("lows", "highs")))
    state.load_between(stretches)
    before = state.panes.filter(pa.array(state.between(stretches)))
    if not len(before):
        return Rebuilt(before, before)
    after = reader.within(sources, known, before, state.window, state.contract)
    state.load_near(after)
    state.put_instead(state.between(stretches), after)
    return Rebuilt(before, after)


def differences(state: WindowState, rebuilt: Rebuilt, changed: pa.Table) -> Changes:
    """Between what was and what is. `changed` are the panes that came to be of what was merged since."""
    window, before = state.window, rebuilt.before
    merged_since = matches(rebuilt.after, changed, window.by, WITHIN)
    now = pa.concat_tables([rebuilt.after.filter(pa.array(~merged_since)), changed])
    same_now, same_before = equals(now, before, window.by)
    return Changes(_but(now, same_now), _but(before, same_before))


def _but(rows: pa.Table, places: Indices) -> pa.Table:
    stays = np.ones(len(rows), np.bool_)
    stays[places] = False
    return rows.filter(pa.array(stays))
