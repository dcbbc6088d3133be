"""Whatever is done in whatever order, and dies wherever: the lake holds the rows that stand, each once, no others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace_batch.committing import settle
from headrace_batch.compaction.compacting import compact
from headrace_batch.compaction.planning import Rules
from headrace_batch.forget.forgetting import Forgetting
from headrace_batch.forget.forgotten import person
from headrace_batch.place import Place
from headrace_batch.retention.expiring import Ages, expire
from headrace_consumers.pipeline import Pipeline
from tests.batch.upkeep.test_compaction import LATER_MS
from tests.batch.upkeep.test_rewriting import of_table, retired
from tests.batch.upkeep.yard import (
    KEPT,
    VISITS,
    landed_visits,
    named,
    place_of,
    rows_at,
    seen_by_log,
    seen_by_paths,
    visible,
    visits,
    world_of,
)
from tests.fakes.steps import Crash, Steps
from tests.faults.simulation import World

GUESTS = ("ann", "bob", "eve")
UNWINDOWED = replace(VISITS, windows=())


@dataclass
class Model:
    """What ought to stand: guests by commit."""

    world: World
    rows: dict[str, list[str]] = field(default_factory=dict)
    has_expired: bool = False

    @property
    def guests(self) -> Counter[tuple[str, str]]:
        return Counter((commit_id, guest) for commit_id, guests in self.rows.items() for guest in guests)

    # --- what happens

    def visit(self, guests: list[str]) -> None:
        self.rows[visits(self.world, *guests)] = list(guests)

    def land(self, data: st.DataObject) -> None:
        """Rows as those of a file that stands."""
        place = place_of(self.world)
        files = of_table(place)
        if not files:
            return
        like = data.draw(st.sampled_from(files))
        guests = [str(row["guest"]) for row in rows_at(self.world, {(like.file.bucket, like.file.key)}, "visits_paid")]
        self.rows[landed_visits(place, like, f"l{len(self.rows)}").attempt_id] = guests

    def retire(self, data: st.DataObject, steps: Steps) -> None:
        standing = place_of(self.world).standing()
        known = sorted(self.rows.keys() & standing.commits.keys())
        if not known:
            return
        chosen = data.draw(st.lists(st.sampled_from(known), min_size=1, max_size=2, unique=True))
        self.dying(steps, lambda place: retired(place, *chosen))
        for commit_id in place_of(self.world).standing().retired:
            self.rows.pop(commit_id, None)

    def compact(self, target_bytes: int, steps: Steps) -> None:
        rules = Rules(target_bytes=target_bytes, older_than_s=0)
        self.dying(steps, lambda place: list(compact(place, rules, LATER_MS, no_loader=True, dry_run=False)))

    def forget(self, guest: str, steps: Steps) -> None:
        who = person(VISITS, "visits_paid", "guest", guest)

        def run(place: Place) -> None:
            Forgetting(place=place, buckets=KEPT, person=who, reason="").done(no_loader=True)

        self.dying(steps, run)
        run(place_of(self.world))
        self.rows = {commit_id: [one for one in guests if one != guest] for commit_id, guests in self.rows.items()}

    def expire(self, steps: Steps) -> None:
        ages = Ages(orphans=True)
        self.dying(steps, lambda place: list(expire(place, KEPT, ages, LATER_MS, no_loader=True, dry_run=False)))
        self.has_expired = True

    def dying(self, steps: Steps, run: Callable[[Place], object]) -> None:
        with suppress(Crash):
            run(place_of(self.world, steps))

    # --- what is seen

    def check(self) -> None:
        """A file that the log names is there, or pending, which its reader completes. Once somebody settled, paths have
        all rows; the log may lack what has expired."""
        pending = {(upload.bucket, upload.key) for upload in self.world.s3.uploads.values()}
        assert named(place_of(self.world).standing()) <= visible(self.world) | pending
        settle(place_of(self.world))
        if not self.has_expired:
            assert _guests(seen_by_log(self.world)) == self.guests
        assert _guests(seen_by_paths(self.world)) == self.guests
        assert visible(self.world) >= named(place_of(self.world).standing())
        if self.world.pipeline.windows:
            self._check_partials()

    def _check_partials(self) -> None:
        """What the windows service finds of the stream's commits: each event counts once."""
        partials = list(rows_at(self.world, visible(self.world), "visits_partials"))
        events: Counter[str] = Counter()
        for row in partials:
            events[str(row["guest"])] += row["events"]
        stream = {commit_id for commit_id in self.rows if commit_id in place_of(self.world).standing().links}
        expected = Counter(guest for commit_id in stream for guest in self.rows[commit_id])
        assert events == expected


def _guests(rows: Counter[tuple[tuple[str, str], ...]]) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for row, times in rows.items():
        values = dict(row)
        found[values["commit_id"], values["guest"]] += times
    return found


@pytest.mark.parametrize("pipeline", [VISITS, UNWINDOWED], ids=["with windows", "with expiry"])
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_the_rows_that_stand_are_in_the_lake_once(pipeline: Pipeline, data: st.DataObject) -> None:
    """For who reads the log, at any moment; for who reads paths, once the next command has settled."""
    model = Model(world_of(pipeline))
    actions = ["visit", "visit", "land", "retire", "compact", "forget"] + (["expire"] if not pipeline.windows else [])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("headrace_consumers.commit.links.FULL_LANES_EVERY", 2)
        for action in data.draw(st.lists(st.sampled_from(actions), min_size=2, max_size=9)):
            steps = Steps(crash_at=data.draw(st.none() | st.integers(0, 150)))
            match action:
                case "visit":
                    model.visit(data.draw(st.lists(st.sampled_from(GUESTS), min_size=1, max_size=4)))
                case "land":
                    model.land(data)
                case "retire":
                    model.retire(data, steps)
                case "compact":
                    model.compact(data.draw(st.sampled_from([9_000, 1 << 20])), steps)
                case "forget":
                    model.forget(data.draw(st.sampled_from(GUESTS)), steps)
                case _:
                    model.expire(steps)
            model.check()
