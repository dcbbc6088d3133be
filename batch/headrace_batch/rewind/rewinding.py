"""Going back, step by step.

Theory of operation. One transaction raises the generation and writes down what for: from then on nobody commits in the
old one, so its chains stand still, and where each shard is cut can be worked out as often as it takes. All that follows
is the same whoever does it, and harmless to do twice: the new chains' first links, where to begin to read, what leaves
the lake. Workers of the new generation wait until the record says `open`, which is the last step.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from headrace_batch.committing import Draft, commit, new_attempt, settle, upload
from headrace_batch.place import Place
from headrace_batch.rewind.forks import write_forks
from headrace_batch.rewind.planning import RewindPlan, plan_rewind, require_readable
from headrace_batch.rewind.points import Point, point_of
from headrace_batch.rewind.report import RewindReport, report_of
from headrace_batch.rewriting import Rewritten, without_commits
from headrace_consumers.commit.completing import complete_standing
from headrace_consumers.commitlog.model import Commit, CommitKind, LinkKind, Rewind, RewindState
from headrace_consumers.errors import FencedError, RewindUnfinishedError
from headrace_consumers.records import ROOT
from headrace_producers.errors import SettingsError

MAX_RETIRED = 2_000
"""By one commit: its item has to fit."""
Tell = Callable[[str], None]


def go_back(place: Place, point: Point, reason: str, *, dry_run: bool, tell: Tell) -> RewindReport:
    """First ends what another rewind left half-way. Raises LogError, FencedError, and TerminalError where the stream
    has forgotten what would have to come again."""
    place = _after_the_one_before(place, dry_run=dry_run, tell=tell)
    _require_known(place, point)
    plan, generation = _planned(place, point), place.generation
    if plan.superseded.retires:
        generation += 1
        if not dry_run:
            sealed = seal(place, point, reason)
            tell(f"generation {sealed.previous} is sealed")
            plan = finish(place, sealed, tell)
    return report_of(place.pipeline.name, point, generation, plan, dry_run=dry_run)


def _after_the_one_before(place: Place, *, dry_run: bool, tell: Tell) -> Place:
    begun = unfinished(place)
    if begun is None:
        return place
    if dry_run:
        raise RewindUnfinishedError(
            f"{begun.owner} began a rewind of {begun.pipeline} and did not end it; without --dry-run it is ended first"
        )
    tell(f"first, the rewind that {begun.owner} began is ended (its reason: {begun.reason})")
    finish(place, begun, tell)
    return dataclasses.replace(place, generation=begun.generation)


def _require_known(place: Place, point: Point) -> None:
    name, shard_id = place.pipeline.name, point.shard_id
    chains = place.log.chains(name, place.generation, place.stream_created_ms)
    if shard_id and shard_id not in {chain.shard_id for chain in chains}:
        raise SettingsError(f"pipeline {name} has read nothing of a shard {shard_id!r}; `status` lists its shards")


def unfinished(place: Place) -> Rewind | None:
    """The rewind that began the newest generation, where it died before its end."""
    rewind = place.log.rewind(place.pipeline.name, place.log.generation(place.pipeline.name))
    return rewind if rewind is not None and rewind.state is not RewindState.OPEN else None


def _planned(place: Place, point: Point) -> RewindPlan:
    """As things are now."""
    plan = plan_rewind(place, point, list(place.chain.after(ROOT)))
    require_readable(place, plan)
    return plan


def seal(place: Place, point: Point, reason: str) -> Rewind:
    """Ends the place's generation. Raises FencedError where another rewind did."""
    wanted = Rewind(
        pipeline=place.pipeline.name,
        generation=place.generation + 1,
        previous=place.generation,
        attempt_id=new_attempt(place),
        to_ms=point.to_ms,
        shard_id=point.shard_id,
        sequence_number=point.sequence_number,
        reason=reason,
        owner=place.owner,
        sealed_ms=place.now_ms(),
    )
    standing = place.log.raise_generation(wanted)
    if standing.attempt_id != wanted.attempt_id:
        raise FencedError(f"{standing.owner} began another rewind of {wanted.pipeline} first; run the command again")
    return standing


def finish(place: Place, rewind: Rewind, tell: Tell) -> RewindPlan:
    """All that comes after the seal; safe to repeat, from wherever it ended."""
    before = dataclasses.replace(place, generation=rewind.previous, now_ms=lambda: rewind.sealed_ms)
    place = dataclasses.replace(place, generation=rewind.generation)
    settle(place)
    plan = plan_rewind(before, point_of(rewind), list(_without_own(place, rewind)))
    tell(f"{len(plan.commits)} commits of {len(plan.cuts)} shards are superseded")
    write_forks(place, rewind, plan.cuts)
    place.log.start_position(rewind.pipeline, plan.start, rewind.generation)
    _retire(place, rewind, plan.superseded.retires, tell)
    _complete_kept(place, plan)
    place.log.open_generation(rewind)
    tell(f"generation {rewind.generation} is open, and reads from {plan.start}")
    return plan


def _retire(place: Place, rewind: Rewind, retires: tuple[str, ...], tell: Tell) -> None:
    for part, begin in enumerate(range(0, len(retires), MAX_RETIRED)):
        end = min(begin + MAX_RETIRED, len(retires))
        if place.chain.fence(_fence(rewind, part)) is None:
            attempt_id = new_attempt(place)
            others = _rewritten(place, retires, attempt_id) if not part else Rewritten()
            draft = Draft(
                attempt_id=attempt_id,
                kind=CommitKind.REWIND,
                files=upload(place, others.files, attempt_id),
                retires=retires[begin:end],
                replaces=others.replaces,
                record=rewind.reason,
            )
            commit(place, draft, place.chain.position(), _is_of_a_rewind, [_fence(rewind, part)])
        tell(f"{end} of {len(retires)} commits are out of the lake")
    settle(place)


def _rewritten(place: Place, retires: tuple[str, ...], attempt_id: str) -> Rewritten:
    """Files in which rows of these commits stand among others'. Sums the log up only where there are any."""
    if not any(file.rewritten for one in place.chain.after(ROOT) for file in one.files):
        return Rewritten()
    return without_commits(place, place.standing(), retires, attempt_id)


def _is_of_a_rewind(other: Commit) -> bool:
    """Somebody else ends the same one: the fence says who did which part."""
    return other.kind is CommitKind.REWIND


def _fence(rewind: Rewind, part: int) -> str:
    return f"rewind to generation {rewind.generation}, part {part}"


def _without_own(place: Place, rewind: Rewind) -> Iterator[Commit]:
    """The batch chain as it was at the seal: since then nobody but this rewind commits to it."""
    own: set[str] = set()
    part = 0
    while (link := place.chain.fence(_fence(rewind, part))) is not None:
        own.add(link.attempt_id)
        part += 1
    return (one for one in place.chain.after(ROOT) if one.attempt_id not in own)


def _complete_kept(place: Place, plan: RewindPlan) -> None:
    """Files of the newest commits that stay: their workers may have died before they came to it."""
    for shard in plan.superseded.shards.values():
        link = next((one for one in shard.kept() if one.kind is LinkKind.DATA), None)
        if link is not None:
            found = place.log.commit(link.chain.pipeline, link.chain.generation, link.attempt_id)
            if found is not None:
                complete_standing(place.log, place.store, found)
