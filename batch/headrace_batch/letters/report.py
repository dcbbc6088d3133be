"""What a redrive did, so far and in the end."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pyarrow as pa
from msgspec.structs import replace

from headrace_batch.letters.filters import ids_of
from headrace_batch.letters.restaging import SENTENCES, Restaged
from headrace_consumers.commitlog.model import Commit

EXAMPLES = 10


class StayedGroup(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Letters that stay, by what is wrong with them now."""

    stage: str
    reason: str
    letters: int
    ids: tuple[str, ...]
    """The first of them."""
    field: str | None = None
    rule: str | None = None
    event_type: str | None = None


class RedriveReport(msgspec.Struct, frozen=True, kw_only=True):
    """`redriven` letters are rows now, or would be where nothing is written."""

    dry_run: bool
    redriven: int = 0
    forgotten: int = 0
    """Letters of people who were forgotten: they left, and became no rows."""
    stayed: int = 0
    rows: dict[str, int] = {}
    """By table."""
    commits: tuple[str, ...] = ()
    why: tuple[StayedGroup, ...] = ()

    def planned_anew(self) -> RedriveReport:
        """What was redriven is committed; of the rest all is looked at once more."""
        return replace(self, stayed=0, why=())

    def after(self, letters: pa.Table, restaged: Restaged, written: Commit | None) -> RedriveReport:
        """With these letters too."""
        rows = dict(self.rows)
        for table, found in restaged.rows.tables.items():
            rows[table] = rows.get(table, 0) + len(found)
        return replace(
            self,
            redriven=self.redriven + len(restaged.redriven),
            forgotten=self.forgotten + len(restaged.forgotten),
            stayed=self.stayed + len(restaged.stayed),
            rows=rows,
            commits=self.commits + ((written.attempt_id,) if written else ()),
            why=_joined(self.why, letters, restaged),
        )

    def sentences(self) -> Iterator[str]:
        """For a person."""
        verb = "would be redriven" if self.dry_run else "redriven"
        into = ", ".join(f"{count:,} into {table}" for table, count in sorted(self.rows.items()))
        yield f"{self.redriven:,} letters {verb}{f': {into}' if into else ''}; {self.stayed:,} stay"
        if self.forgotten:
            yield f"  {self.forgotten:,} of people who were forgotten: they leave, and become no rows"
        for group in self.why:
            yield f"  {_said(group)}, such as {group.ids[0]}"


def _joined(known: tuple[StayedGroup, ...], letters: pa.Table, restaged: Restaged) -> tuple[StayedGroup, ...]:
    places = [place for place, _ in restaged.stayed]
    ids = ids_of(letters.take(pa.array(places, pa.int64()))).to_pylist()
    groups = {_fault(group): group for group in known}
    for letter_id, (_, found) in zip(ids, restaged.stayed, strict=True):
        fault = (found.stage, found.reason, found.field, found.rule, found.event_type)
        held = groups.get(fault)
        if held is None:
            held = StayedGroup(
                stage=found.stage, reason=found.reason, field=found.field, rule=found.rule,
                event_type=found.event_type, letters=0, ids=(),
            )  # fmt: skip
        groups[fault] = replace(held, letters=held.letters + 1, ids=(*held.ids, letter_id)[:EXAMPLES])
    return tuple(sorted(groups.values(), key=lambda group: (-group.letters, group.ids)))


def _fault(group: StayedGroup) -> tuple[str | None, ...]:
    return group.stage, group.reason, group.field, group.rule, group.event_type


def _said(group: StayedGroup) -> str:
    what = SENTENCES.get(group.reason) or " ".join(
        text for text in (group.stage, group.reason, group.field, f"({group.rule})" if group.rule else "") if text
    )
    return f"{group.letters:,}: {what}{f', {group.event_type}' if group.event_type else ''}"
