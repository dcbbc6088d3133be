"""Batch commits in the warehouse: what they retire is out, what they bring is in, once, whoever comes first."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pytest

from headrace_consumers.commit.attempts import new_attempt_id
from headrace_consumers.commitlog.batch import batch_chain
from headrace_consumers.commitlog.model import Chain, CommitKind, Link, LinkKind
from headrace_consumers.errors import FencedError, WarehouseBusyError
from headrace_consumers.load.ledger import FileState
from headrace_consumers.load.passed import PASSED, Passed, decode
from tests.consumers.load.batches import Batch, erasure, raise_generation
from tests.consumers.load.harbour import now_ms, settle
from tests.consumers.load.quay import ROWS, SHARD, Quay, commit_of
from tests.consumers.load.stepped import Stepped
from tests.consumers.load.test_bad_files import others_of_its_length
from tests.consumers.load.test_window_rows import Paused
from tests.fakes.steps import Crash

BACKFILL, COMPACTION, REWIND = CommitKind.BACKFILL, CommitKind.COMPACTION, CommitKind.REWIND


@pytest.fixture
def batch(quay: Quay) -> Batch:
    return Batch(quay)


def ids_of(*tables: pa.Table) -> Counter[str]:
    return Counter(event_id for table in tables for event_id in table.column("event_id").to_pylist())


def brought(commit_id: str, rows: pa.Table) -> pa.Table:
    """As the commit's file has them."""
    index = rows.schema.get_field_index("commit_id")
    return rows.set_column(index, rows.schema.field("commit_id"), pa.array([commit_id] * rows.num_rows, pa.string()))


def stream(quay: Quay, rows: pa.Table | None = None, table: str = "gauges") -> tuple[str, str]:
    """One commit of the stream: its id and the URL of its file."""
    [url] = quay.commit((table, quay.rows(table) if rows is None else rows))
    return commit_of(url), url


@pytest.mark.parametrize("met", ["before", "after"])
def test_superseded_load(quay: Quay, batch: Batch, met: str) -> None:
    """A backfill swaps what the loader has loaded, or was too far behind to have met: the new rows alone are there."""
    kept, old, new = quay.rows(), quay.rows(), quay.rows()
    stream(quay, kept)
    commit_id, _ = stream(quay, old)
    if met == "before":
        quay.load()
        assert quay.ids() == ids_of(kept, old)
    batch.commit(BACKFILL, ("gauges", new), retires=[commit_id])
    quay.load()
    assert quay.ids() == ids_of(kept, new)
    assert quay.findings() == ()
    quay.load()
    assert quay.ids() == ids_of(kept, new)


def test_a_retired_commit_that_a_later_loader_meets(quay: Quay, batch: Batch) -> None:
    """The one that took it out has never seen it, and the books remember. Its file is still there."""
    new, (commit_id, _) = quay.rows(), stream(quay)
    batch.commit(BACKFILL, ("gauges", new), retires=[commit_id], settled=False)
    report = quay.loader(max_load_files=1).step()
    assert [file.url for file in report.loaded] == batch.urls(batch.chain_ids()[0])
    quay.load()
    assert quay.ids() == ids_of(new)
    assert quay.findings() == ()


def test_swap_beside_load(quay: Quay, batch: Batch) -> None:
    """A loader has copied a file, and not committed, when another comes to take its commit out: the second does not see
    the rows yet, so it is kept from its transaction until it has read the books anew."""
    old, new = quay.rows(), quay.rows()
    commit_id, _ = stream(quay, old)
    copying = Paused(quay.harbour.session())
    copying.gate.clear()
    first = threading.Thread(target=quay.loader(copying).step)
    first.start()
    assert copying.arrived.wait(30)
    batch.commit(BACKFILL, ("gauges", new), retires=[commit_id])
    threading.Timer(0.5, copying.gate.set).start()
    with pytest.raises((FencedError, WarehouseBusyError)):
        quay.loader().step()
    first.join()
    assert quay.ids() == ids_of(old)
    quay.load()
    assert quay.ids() == ids_of(new)
    assert quay.findings() == ()


def test_a_commit_that_is_retired_while_its_load_is_prepared(quay: Quay, batch: Batch) -> None:
    """The loader has followed it when batch takes its files away: nothing of it is loaded, and nothing told as lost."""
    old, new = quay.rows(), quay.rows()
    commit_id, _ = stream(quay, old)
    quay.load()
    late, _ = stream(quay, quay.rows())
    loader = quay.loader(load_interval_s=3600.0)
    assert loader.step().waiting_files == 1
    batch.commit(BACKFILL, ("gauges", new), retires=[commit_id, late])
    report = loader.step()
    assert report.waiting_files == 1
    quay.load()
    assert quay.ids() == ids_of(new)
    assert quay.findings() == ()


class Interrupted:
    """A log beside which something happens just before the files of the first commit are looked at."""

    def __init__(self, log: Any, happens: Any) -> None:
        self._log, self._happens = log, happens

    def commit(self, *key: Any) -> Any:
        found = self._log.commit(*key)
        happens, self._happens = self._happens, None
        if happens is not None:
            happens()
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


def test_a_file_that_is_gone_is_judged_once_batch_was_read_again(quay: Quay, batch: Batch) -> None:
    """The batch chain was read before the commit was met, and the backfill came in between: both in one load."""
    new, (commit_id, url) = quay.rows(), stream(quay)

    def swap() -> None:
        batch.commit(BACKFILL, ("gauges", new), retires=[commit_id])

    loader = quay.loader(log=Interrupted(quay.harbour.stack.log, swap))
    first, *later = settle(loader)
    assert [file.url for file in first.loaded] == batch.urls(batch.chain_ids()[0])
    assert url not in {file.url for file in first.loaded}
    assert [(report.set_aside, report.held) for report in (first, *later)] == [((), 0)] * (1 + len(later))
    assert quay.ids() == ids_of(new)
    assert quay.findings() == ()


def test_rows_that_land_load_like_the_streams(quay: Quay, batch: Batch) -> None:
    """Pending files are made visible; a batch commit that a later one retires goes as any other."""
    planes, later, corrected = quay.rows("lamps"), quay.rows("lamps"), quay.rows("lamps")
    batch.commit(CommitKind.LANDING, ("lamps", planes), complete=False)
    landed = batch.commit(CommitKind.LANDING, ("lamps", later))
    quay.load()
    assert quay.ids("lamps") == ids_of(planes, later)
    batch.commit(CommitKind.LANDING, ("lamps", corrected), retires=[landed])
    quay.load()
    assert quay.ids("lamps") == ids_of(planes, corrected)
    assert quay.findings() == ()


def test_a_rewind_takes_out_what_came_after_its_point(quay: Quay, batch: Batch) -> None:
    """The loader follows both generations: the old one to its end, whose retired commits it passes; forks move it."""
    kept, gone, never_met, replayed = (quay.rows() for _ in range(4))
    stream(quay, kept)
    cut = quay.position
    commit_id, _ = stream(quay, gone)
    loader = quay.loader()
    settle(loader)
    unmet, _ = stream(quay, never_met)
    fork(quay, cut)
    batch.commit(REWIND, retires=[commit_id, unmet])
    stream(quay, replayed)
    settle(loader)
    assert quay.ids() == ids_of(kept, replayed)
    assert quay.findings() == ()
    settle(quay.loader())
    assert quay.ids() == ids_of(kept, replayed)


def fork(quay: Quay, cut: int) -> None:
    """The next generation, which keeps the shard up to the cut; one of which nothing is kept has no fork."""
    raise_generation(quay, quay.lineage.generation + 1)
    quay.begin_generation()
    chain = quay.lineage.chain(SHARD)
    link = Link(
        chain=chain, start=0, end=cut, end_sequence_number=str(cut), attempt_id=new_attempt_id(now_ms()),
        kind=LinkKind.FORK,
    )  # fmt: skip
    if cut > 0:
        quay.harbour.stack.log.append(None, [link], "batch")
    quay.position = cut


def test_positions_of_all_chains_are_kept_apart(quay: Quay, batch: Batch) -> None:
    """A loader that starts anew goes on where each chain was; the log is told how far that is."""
    stream(quay)
    before = quay.lineage
    fork(quay, quay.position)
    stream(quay)
    batch.commit(CommitKind.LANDING, ("lamps", quay.rows("lamps")))
    settle(quay.loader())
    passed = decode(quay.harbour.stack.log.marks(quay.pipeline.name)[PASSED])
    for chain, end in (
        (before.chain(SHARD), 1), (quay.lineage.chain(SHARD), 2), (batch_chain(quay.pipeline.name), 1),
    ):  # fmt: skip
        assert passed.reaches(chain, end)
        assert not passed.reaches(chain, end + 1)
    assert not passed.reaches(Chain(quay.pipeline.name, 3, 1, SHARD), 0)
    assert quay.loader().step().followed == 0


def test_the_note_in_the_log_names_what_is_not_loaded(quay: Quay) -> None:
    """Compaction may not take a file that is behind the loader and not in the warehouse; a loader that starts tells
    what the books say, should the note be lost."""
    files = [stream(quay)[1] for _ in range(3)]
    whole = quay.body(files[1])
    quay.put(files[1], others_of_its_length(whole))
    quay.load()
    assert passed(quay).unloaded == (files[1],)
    quay.harbour.stack.log.mark(quay.pipeline.name, PASSED, "{}")
    quay.loader()
    assert passed(quay).unloaded == (files[1],)
    quay.put(files[1], whole)
    quay.release(files[1])
    quay.load()
    assert passed(quay).unloaded == ()


def passed(quay: Quay) -> Passed:
    return decode(quay.harbour.stack.log.marks(quay.pipeline.name)[PASSED])


def test_compacted_files_are_loaded_already(quay: Quay, batch: Batch) -> None:
    """Their rows came with the files that they replace; the books still know how many each commit brought."""
    rows = [quay.rows(), quay.rows()]
    commits = [stream(quay, one) for one in rows]
    quay.load()
    merged = pa.concat_tables(brought(name, one) for (name, _), one in zip(commits, rows, strict=True))
    batch.commit(COMPACTION, replaces=[url for _, url in commits], rewritten=[("gauges", merged)])
    quay.load()
    assert quay.ids() == ids_of(*rows)
    assert quay.findings() == ()
    [state] = {state for (state,) in ask_ledger(quay, "state", f"commit_id = '{commits[0][0]}'")}
    assert state == FileState.REPLACED


def ask_ledger(quay: Quay, columns: str, where: str) -> list[tuple[Any, ...]]:
    own = f"pipeline = '{quay.pipeline.name}'"
    return quay.ask(f"SELECT {columns} FROM staging.loader_ledger WHERE {own} AND {where}")  # noqa: S608


def test_letter_and_backfill(quay: Quay, batch: Batch) -> None:
    """A mended letter stands beside the commit that it belonged to; this one is compacted, then staged once more: the
    letter's row is there once, and so is each of the others."""
    old, letter, new = quay.rows(), quay.rows(), quay.rows()
    commit_id, url = stream(quay, old)
    mended = batch.commit(CommitKind.REDRIVE, ("gauges", letter))
    quay.load()
    both = pa.concat_tables([brought(commit_id, old), brought(mended, letter)])
    compacted = batch.commit(COMPACTION, replaces=[url, *batch.urls(mended)], rewritten=[("gauges", both)])
    quay.load()
    assert quay.ids() == ids_of(old, letter)
    batch.commit(
        BACKFILL, ("gauges", new), retires=[commit_id], replaces=batch.urls(compacted),
        rewritten=[("gauges", brought(mended, letter))],
    )  # fmt: skip
    quay.load()
    assert quay.ids() == ids_of(letter, new)
    assert quay.findings() == ()


def test_a_file_that_was_replaced_before_it_was_loaded_is_told(quay: Quay, batch: Batch) -> None:
    """By a file that would bring others once more. Neither lost in silence nor doubled: the sentence says what brings
    its rows, and that does."""
    loaded, rows, new = quay.rows(), quay.rows(), quay.rows()
    first, old = stream(quay, loaded)
    quay.load()
    commit_id, url = stream(quay, rows)
    merged = pa.concat_tables([brought(first, loaded), brought(commit_id, rows)])
    batch.commit(COMPACTION, replaces=[old, url], rewritten=[("gauges", merged)])
    quay.load()
    assert quay.ids() == ids_of(loaded)
    [finding] = quay.findings()
    assert (finding.kind, finding.file) == ("quarantined", url)
    assert f"`headrace-batch backfill` of commit {commit_id}" in finding.detail
    [merged_url] = batch.urls(batch.chain_ids()[0])
    rest = {merged_url: ("gauges", brought(first, loaded))}
    batch.commit(BACKFILL, ("gauges", new), retires=[commit_id], carved=rest)
    for _ in range(2):
        quay.load()
        assert quay.ids() == ids_of(loaded, new)
        assert quay.findings() == ()
        quay.empty()


@pytest.mark.parametrize("state", [FileState.HELD, FileState.QUARANTINED])
def test_bad_files_of_a_retired_commit_are_tried_no_more(quay: Quay, batch: Batch, state: FileState) -> None:
    """A loader that goes on has forgotten them, and so have the books."""
    good, new = quay.rows(), quay.rows()
    stream(quay, good)
    commit_id, url = stream(quay)
    body = quay.body(url)
    quay.put(url, body[:-20] if state is FileState.HELD else others_of_its_length(body))
    loader = quay.loader()
    settle(loader)
    assert list(quay.reasons(state)) == [url]
    batch.commit(BACKFILL, ("gauges", new), retires=[commit_id], settled=False)
    quay.put(url, body)
    settle(loader)
    assert loader.step().held == 0
    assert quay.ids() == ids_of(good, new)
    assert quay.findings() == ()
    assert not quay.reasons(FileState.HELD)
    assert not quay.reasons(FileState.QUARANTINED)
    assert passed(quay).unloaded == ()


def test_thousands_are_retired_by_one_commit(quay: Quay, batch: Batch) -> None:
    """More than go into one statement."""
    old, new = quay.rows(), quay.rows()
    commit_id, _ = stream(quay, old)
    quay.load()
    unknown = [f"{number:028x}" for number in range(1_200)]
    batch.commit(BACKFILL, ("gauges", new), retires=[*unknown, commit_id])
    quay.load()
    assert quay.ids() == ids_of(new)
    [(notes,)] = ask_ledger(quay, "count(*)", "state = 'retired' AND file_key = ''")
    assert int(notes) == len(unknown) + 1


def test_a_load_is_cut_between_batch_commits_and_never_in_one(quay: Quay, batch: Batch) -> None:
    """What each retires goes with what it brings; the stream waits until all of batch is in."""
    old = [stream(quay, quay.rows()) for _ in range(3)]
    quay.load()
    stream(quay)
    for name, _ in old:
        batch.commit(BACKFILL, *quay.cargo("gauges", 2), retires=[name])
    loader = quay.loader(max_load_files=2, load_interval_s=3600.0)
    for number in range(3):
        report = loader.step()
        assert (len(report.loaded), report.withdrawn.retired, report.more) == (2, ROWS, True)
        assert quay.ids().total() == (3 - number - 1 + 2 * (number + 1)) * ROWS
    quay.load()
    assert quay.ids().total() == 7 * ROWS
    assert quay.findings() == ()


def test_rows_that_are_to_be_forgotten_go_and_stay_away(quay: Quay, batch: Batch) -> None:
    """From the table, and out of whatever loads later: a file that was held until then."""
    mixed = quay.rows(station=["Hull", "Deal", "Hull"])
    stream(quay, mixed)
    _, url = stream(quay, quay.rows(station="Deal"))
    body = quay.body(url)
    quay.put(url, others_of_its_length(body))
    stream(quay, quay.rows(note="Deal"))
    quay.load()
    batch.commit(CommitKind.FORGET, erases=[erasure(quay, "station", "Deal"), erasure(quay, "station", "Nowhere")])
    quay.load()
    assert quay.ask("SELECT station, count(*) FROM gauges GROUP BY station") == [("Hull", 5)]
    quay.put(url, body)
    quay.release(url)
    quay.load()
    stream(quay, quay.rows(station=["Deal", "Hull", "Dover"]))
    quay.load()
    assert sorted(quay.ask("SELECT station, count(*) FROM gauges GROUP BY station")) == [("Dover", 1), ("Hull", 6)]
    assert quay.findings() == ()


def test_what_the_warehouse_does_not_have_is_not_erased_from_it(quay: Quay, batch: Batch) -> None:
    """A table or a column that only the lake has stops no load; once the table has such a column, it counts."""
    elsewhere = erasure(quay, "station", "Deal")
    stream(quay)
    batch.commit(
        CommitKind.FORGET,
        erases=[type(elsewhere)("letters", "station", elsewhere.sha256), erasure(quay, "depth", "7")],
    )
    quay.load()
    assert quay.ids().total() == ROWS
    deep = quay.rows().append_column("depth", pa.array([6, 7, 8]))
    stream(quay, deep)
    quay.load()
    assert quay.ids().total() == 2 * ROWS - 1
    assert quay.findings() == ()


def test_a_death_at_every_statement_of_a_swap(quay: Quay, batch: Batch) -> None:
    """Before it reaches the warehouse, and after: the old rows are there or the new ones, never both, never none."""
    kept = quay.rows()
    stream(quay, kept)
    current, rows = stream(quay, first := quay.rows())[0], first
    settle(quay.loader())
    half_step, died = 0, True
    while died:
        fresh = quay.rows()
        new = batch.commit(BACKFILL, ("gauges", fresh), retires=[current])
        stepped = Stepped(quay.harbour.session(), at=half_step)
        with suppress(Crash):
            settle(quay.loader(stepped))
        assert quay.ids() in (ids_of(kept, rows), ids_of(kept, fresh))
        settle(quay.loader())
        assert quay.ids() == ids_of(kept, fresh)
        quay.harbour.close()
        current, rows, died, half_step = new, fresh, stepped.dead, half_step + 1
    assert half_step > 20
    assert quay.findings() == ()
    assert not quay.manifests()
