"""Files that cannot load, and tables that were altered by hand: the reason names what is wrong, the rest loads once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace_consumers.errors import FencedError, WarehouseAwayError, WarehouseBusyError, WarehouseStatementError
from headrace_consumers.load.ledger import FileState
from headrace_consumers.load.service import Loader, LoadReport
from headrace_producers.errors import HeadraceError, SettingsError
from tests.consumers.load.harbour import settle
from tests.consumers.load.quay import ROWS, Quay, parquet, place, renamed, retyped
from tests.consumers.load.stepped import Stepped

TWENTY = 20


def footer_bytes(body: bytes) -> int:
    return int.from_bytes(body[-8:-4], "little") + 8


def with_damaged_page(body: bytes) -> bytes:
    """The footer is as it was."""
    first = pq.read_metadata(pa.BufferReader(body)).row_group(0).column(0)
    begin = int(first.dictionary_page_offset or first.data_page_offset)
    length = int(first.total_compressed_size)
    return body[:begin] + b"\xff" * length + body[begin + length :]


def with_damaged_footer(body: bytes) -> bytes:
    return body[: -footer_bytes(body)] + b"\xff" * (footer_bytes(body) - 8) + body[-8:]


def cut_short(body: bytes) -> bytes:
    return body[:-20]


def others_of_its_length(body: bytes) -> bytes:
    return (b"no Parquet at all " * len(body))[: len(body)]


DAMAGES = [with_damaged_page, with_damaged_footer, cut_short, others_of_its_length]


def check(quay: Quay, *files: str, but: tuple[str, ...] = (), table: str = "gauges") -> None:
    """All files but these are in the table once, and the reconciler finds nothing but these."""
    assert quay.ids(table) == Counter(quay.ids(table).keys())
    assert quay.ids(table).total() == ROWS * (len(files) - len(but))
    assert {finding.file for finding in quay.findings() if finding.table.startswith(table)} == set(but)
    assert not quay.manifests()


@pytest.mark.parametrize("damage", DAMAGES)
def test_one_corrupt_file_among_twenty(quay: Quay, damage: Any) -> None:
    """It alone is set aside, by its name; once it is whole again, and released where it is in quarantine, it loads."""
    files = [quay.commit_rows() for _ in range(TWENTY)]
    lamps = quay.commit_rows("lamps")
    whole = quay.body(files[7])
    quay.put(files[7], damage(whole))
    quay.load()
    check(quay, *files, but=(files[7],))
    check(quay, lamps, table="lamps")
    [finding] = quay.findings()
    assert files[7] in finding.detail
    state = FileState.HELD if damage is cut_short else FileState.QUARANTINED
    assert list(quay.reasons(state)) == [files[7]]
    quay.put(files[7], whole)
    if state is FileState.QUARANTINED:
        quay.load()
        check(quay, *files, but=(files[7],))
        [released] = quay.release(files[7])
        assert released.reason == finding.detail
    quay.load()
    check(quay, *files)


def test_a_file_that_its_commit_did_not_write(quay: Quay) -> None:
    """Sound Parquet of as many rows is held, too: S3 does not say of it what it says of the commit's own."""
    files = [quay.commit_rows() for _ in range(2)]
    quay.put(files[0], parquet(quay.rows()), keep_metadata=False)
    loader = quay.loader()
    settle(loader)
    check(quay, *files, but=(files[0],))
    assert "repair" in quay.reasons(FileState.HELD)[files[0]]
    quay.make_again(files[0], quay.rows(note="stormy"))
    settle(loader)
    check(quay, *files)


def test_a_loader_that_has_nothing_to_do_notices_a_release(quay: Quay) -> None:
    """Now and then it looks at the books, and starts over where they are others; until then it asks the warehouse
    nothing, which a paused one would be woken by."""
    files = [quay.commit_rows() for _ in range(2)]
    whole = quay.body(files[0])
    quay.put(files[0], others_of_its_length(whole))
    session = Stepped(quay.harbour.session())
    idle = quay.loader(session)
    settle(idle)
    attentive = quay.loader(books_check_s=0.0)
    assert attentive.step() == idle.step() == LoadReport()
    quay.put(files[0], whole)
    quay.release(files[0])
    asked = len(session.seen)
    assert idle.step() == LoadReport()
    assert len(session.seen) == asked
    with pytest.raises(FencedError, match="another loader, or a command, is past head"):
        attentive.step()
    quay.load()
    check(quay, *files)


def test_only_what_is_in_quarantine_is_released(quay: Quay) -> None:
    """A name that is not in it is refused; without names all are; what is still bad goes back."""
    files = [quay.commit_rows() for _ in range(4)]
    for url in files[:2]:
        quay.put(url, others_of_its_length(quay.body(url)))
    quay.load()
    with pytest.raises(SettingsError, match=r"not in quarantine: .*reconcile"):
        quay.release(files[0], files[3])
    assert set(quay.reasons(FileState.QUARANTINED)) == set(files[:2])
    assert {entry.file.url for entry in quay.release()} == set(files[:2])
    assert all(reason.startswith("released; was: ") for reason in quay.reasons(FileState.HELD).values())
    quay.load()
    check(quay, *files, but=tuple(files[:2]))
    assert set(quay.reasons(FileState.QUARANTINED)) == set(files[:2])


def test_corrupt_files_in_groups_of_other_columns(quay: Quay) -> None:
    """Each is found in its own group; one that is alone in its group is held until others of its table have loaded
    without it, and then condemned."""
    plain = [quay.commit_rows() for _ in range(3)]
    short = [quay.commit(("gauges", quay.rows().drop_columns("note")))[0] for _ in range(3)]
    alone = quay.commit(("gauges", quay.rows().append_column("depth", pa.array([1.0] * ROWS))))[0]
    bad = (plain[1], short[2], alone)
    for url in bad:
        quay.put(url, with_damaged_page(quay.body(url)))
    loader = quay.loader()
    loader.step()
    check(quay, *plain, *short, alone, but=bad)
    assert list(quay.reasons(FileState.HELD)) == [alone]
    more = quay.commit_rows()
    settle(loader)
    settle(loader)
    check(quay, *plain, *short, alone, more, but=bad)
    assert set(quay.reasons(FileState.QUARANTINED)) == set(bad)


@dataclass
class Hindered:
    """A session of which some COPYs fail."""

    session: Any
    error: HeadraceError
    copies: list[int] = field(default_factory=list)
    after: int = 0
    """COPYs that pass before."""
    until: int = 1_000_000
    """The last one that fails."""

    def run(self, sql: str, *parameters: object) -> int:
        if sql.startswith("COPY"):
            self.copies.append(1)
            if self.after < len(self.copies) <= self.until:
                raise self.error
        return int(self.session.run(sql, *parameters))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.session, name)


def hindered(quay: Quay, error: HeadraceError, after: int = 0, until: int = 1_000_000) -> tuple[Loader, Hindered]:
    session = Hindered(quay.harbour.session(), error, after=after, until=until)
    return quay.loader(session), session


NOT_THE_FILES = [
    WarehouseStatementError("S3ServiceException:Access Denied,Status 403,Error AccessDenied"),
    WarehouseStatementError("User arn:aws:redshift:x is not authorized to assume IAM Role", "XX000"),
    WarehouseStatementError("permission denied for relation gauges", "42501"),
    WarehouseStatementError("canceling statement due to statement timeout", "57014"),
    WarehouseStatementError("Assert"),
]


@pytest.mark.parametrize("error", NOT_THE_FILES, ids=str)
def test_what_hinders_every_file_condemns_none(quay: Quay, error: HeadraceError) -> None:
    """All are held, after a few trials, and load by themselves once it is gone."""
    files = quay.commit(*quay.cargo("gauges", TWENTY))
    loader, session = hindered(quay, error)
    loader.step()
    assert set(quay.reasons(FileState.HELD)) == set(files)
    assert len(session.copies) < TWENTY
    session.until = 0
    settle(loader)
    check(quay, *files)


@pytest.mark.parametrize("error", [WarehouseBusyError("1023"), WarehouseAwayError("disk full")], ids=str)
@pytest.mark.parametrize("after", [0, 1])
def test_a_copy_that_is_interrupted_blames_nobody(quay: Quay, error: HeadraceError, after: int) -> None:
    """Also between two COPYs of a load: nothing stands, and the next loader loads all of it."""
    files, lamps = [quay.commit_rows(), quay.commit_rows()], quay.commit_rows("lamps")
    loader, _ = hindered(quay, error, after=after, until=after + 1)
    with pytest.raises(type(error)):
        settle(loader)
    assert not quay.ids()
    quay.load()
    check(quay, *files)
    check(quay, lamps, table="lamps")


def test_what_is_too_much_for_one_copy_goes_in_parts(quay: Quay) -> None:
    """All parts load where the whole did not: nothing is set aside."""
    files = quay.commit(*quay.cargo("gauges", 4))
    loader, session = hindered(quay, WarehouseStatementError("out of something"), until=1)
    [report, _] = settle(loader)
    assert not report.set_aside
    check(quay, *files)
    assert len(session.copies) == 1 + 2 + 2


def test_a_held_file_costs_others_nothing(quay: Quay) -> None:
    """It is tried apart before the transaction; nothing is written where nothing new is to be said of it."""
    bad = quay.commit_rows(table="lamps")
    quay.put(bad, with_damaged_page(quay.body(bad)))
    loader, session = hindered(quay, WarehouseStatementError("no"), until=0)
    assert [entry.file.url for report in settle(loader) for entry in report.set_aside] == [bad]
    session.copies.clear()
    good = quay.commit_rows()
    report = loader.step()
    assert not report.set_aside
    assert [file.url for file in report.loaded] == [good]
    assert report.held == 1
    assert len(session.copies) == 2


def test_many_held_files_are_tried_by_and_by(quay: Quay) -> None:
    """As many at once as go into a load, in turn; and what is new does not wait for them."""
    quay.sql(f"ALTER TABLE lamps RENAME TO hidden_{quay.number}")
    lamps = quay.commit(*quay.cargo("lamps", 6))
    settle(quay.loader())
    assert set(quay.reasons(FileState.HELD)) == set(lamps)
    quay.rename(f"hidden_{quay.number}", quay.lamps)
    loader = quay.loader(max_load_files=4)
    good = quay.commit_rows()
    assert len(loader.step().loaded) == 1 + 4
    assert len(loader.step().loaded) == 2
    check(quay, *lamps, table="lamps")
    check(quay, good)


def test_a_lost_file_loads_once_it_is_made_again(quay: Quay) -> None:
    """Also where it has another size then, as another version writes it."""
    files = [quay.commit_rows() for _ in range(2)]
    quay.harbour.stack.store.delete(*place(files[0]))
    loader = quay.loader()
    settle(loader)
    [reason] = quay.reasons(FileState.HELD).values()
    assert files[0] in reason
    assert "headrace-consumers repair" in reason
    quay.make_again(files[0], quay.rows(note="stormy"))
    settle(loader)
    check(quay, *files)


def test_pending_uploads_are_completed(quay: Quay) -> None:
    """Their writer died after the commit; the loader makes them visible, and loads them."""
    files = quay.commit(("gauges", quay.rows()), ("lamps", quay.rows("lamps")), complete=False)
    quay.load()
    check(quay, files[0])
    check(quay, files[1], table="lamps")


def test_whatever_keys_have(quay: Quay) -> None:
    """Quotes, percent signs and letters beyond ASCII go through manifests, statements and the ledger."""
    key = """it's "100%s" of %d ü+&=; {id}.parquet"""
    files = quay.commit(*quay.cargo("gauges", 3), key=key)
    quay.put(files[0], with_damaged_page(quay.body(files[0])))
    quay.put(files[1], others_of_its_length(quay.body(files[1])))
    quay.load()
    check(quay, *files, but=(files[0], files[1]))
    assert all(files[number] in quay.reasons(FileState.QUARANTINED)[files[number]] for number in (0, 1))


def test_a_reason_is_cut_as_the_warehouse_counts(quay: Quay) -> None:
    """A thousand letters of two bytes are more than VARCHAR(1024) holds; control characters are none for a text."""
    url = quay.commit_rows()
    loader, _ = hindered(quay, WarehouseStatementError("\x00ü" * 1000))
    settle(loader)
    reason = quay.reasons(FileState.HELD)[url]
    assert 1000 < len(reason.encode()) <= 1024
    assert reason.rstrip().endswith(" ü" * 100)


ALTERED = {
    "a column more": ("ALTER TABLE gauges ADD COLUMN keeper VARCHAR(8) DEFAULT 'Ann' NOT NULL",
                      "ALTER TABLE gauges DROP COLUMN keeper", ("keeper", "VARCHAR(8) NOT NULL")),
    "a column dropped": ("ALTER TABLE gauges DROP COLUMN station", "SELECT 1", ()),
    "a column retyped": ("ALTER TABLE gauges DROP COLUMN level_mm; ALTER TABLE gauges ADD COLUMN level_mm VARCHAR(9)",
                         "ALTER TABLE gauges DROP COLUMN level_mm; ALTER TABLE gauges ADD COLUMN level_mm BIGINT",
                         ("level_mm", "VARCHAR(9)", "BIGINT")),
    "the table dropped": ("DROP TABLE gauges", "", ("is not in the warehouse", "schema apply")),
}  # fmt: skip


@pytest.mark.parametrize("how", ALTERED)
def test_a_table_that_was_altered_by_hand(quay: Quay, how: str) -> None:
    """Its files are held, with the column and its types, or it grows again; other tables go on; what is held loads once
    the table is altered back."""
    alter, mend, named = ALTERED[how]
    for statement in alter.split("; "):
        quay.sql(statement)
    url, lamps = quay.commit(("gauges", quay.rows()), ("lamps", quay.rows("lamps")))
    loader = quay.loader()
    settle(loader)
    check(quay, lamps, table="lamps")
    held = quay.reasons(FileState.HELD)
    assert set(held) == ({url} if named else set())
    assert all(part in held[url] for part in named)
    if mend:
        for statement in mend.split("; "):
            quay.sql(statement)
        settle(loader)
    else:
        quay.apply_schema()
        quay.load()
    check(quay, url)


def test_nulls_where_the_table_was_told_to_take_none(quay: Quay) -> None:
    """Files that have some are held, those without load; the column is named; once it takes nulls, all load."""
    quay.sql("ALTER TABLE gauges DROP COLUMN note")
    quay.sql("ALTER TABLE gauges ADD COLUMN note VARCHAR(32) DEFAULT '-' NOT NULL")
    files = [quay.commit_rows(note=note) for note in ("calm", None, "calm")]
    loader = quay.loader()
    settle(loader)
    check(quay, *files, but=(files[1],))
    reason = quay.reasons(FileState.HELD)[files[1]]
    assert all(part in reason for part in (quay.gauges, files[1], "note"))
    quay.sql("ALTER TABLE gauges ADD COLUMN other VARCHAR(32)")
    quay.sql("UPDATE gauges SET other = note")
    quay.sql("ALTER TABLE gauges DROP COLUMN note")
    quay.sql("ALTER TABLE gauges RENAME COLUMN other TO note")
    settle(loader)
    check(quay, *files)


def test_a_column_of_another_name(quay: Quay) -> None:
    """Both names are told, as the table takes no null in the first; other files load."""
    good = quay.commit_rows()
    [bad] = quay.commit(("gauges", renamed(quay.rows(), {"level_mm": "height_mm"})))
    quay.load()
    check(quay, good, bad, but=(bad,))
    reason = quay.reasons(FileState.HELD)[bad]
    assert all(part in reason for part in (quay.gauges, "level_mm", "height_mm", "BIGINT NOT NULL", bad))


@pytest.mark.parametrize(
    ("values", "said"),
    [(["1"] * ROWS, "VARCHAR"), ([1.5] * ROWS, "DOUBLE PRECISION"), ([b"1"] * ROWS, "binary"), ([[1]] * ROWS, "list")],
)
def test_a_column_of_another_type(quay: Quay, values: list[Any], said: str) -> None:
    """Also of one that the warehouse has not: table, column, both types and the file."""
    good = quay.commit_rows()
    [bad] = quay.commit(("gauges", retyped(quay.rows(), "level_mm", pa.array(values))))
    quay.load()
    check(quay, good, bad, but=(bad,))
    reason = quay.reasons(FileState.HELD)[bad]
    assert all(part in reason for part in (quay.gauges, "level_mm", "BIGINT", said, bad)), reason


def test_a_text_that_is_too_wide(quay: Quay) -> None:
    """Of one file, which does not state how wide it is: the others load, and it does once the column is wider."""
    rows = [quay.rows(note=note) for note in ("calm", "x" * 40, "calm")]
    files = quay.commit(*(("gauges", table.replace_schema_metadata().cast(bare(table.schema))) for table in rows))
    loader = quay.loader()
    settle(loader)
    check(quay, *files, but=(files[1],))
    reason = quay.reasons(FileState.HELD)[files[1]]
    assert all(part in reason for part in (quay.gauges, files[1], "note"))
    quay.sql("ALTER TABLE gauges ALTER COLUMN note TYPE VARCHAR(64)")
    settle(loader)
    check(quay, *files)


def bare(schema: pa.Schema) -> pa.Schema:
    return pa.schema([field.remove_metadata() for field in schema])


def test_a_table_with_a_view_on_it(quay: Quay) -> None:
    """A bound view keeps a column from getting wider: that holds this table's files, and says why."""
    quay.sql("ALTER TABLE gauges DROP COLUMN note")
    quay.sql("ALTER TABLE gauges ADD COLUMN note VARCHAR(3)")
    quay.sql(f"CREATE VIEW staging.seen_{quay.number} AS SELECT note FROM gauges")  # noqa: S608
    url, lamps = quay.commit(("gauges", quay.rows()), ("lamps", quay.rows("lamps")))
    loader = quay.loader()
    settle(loader)
    check(quay, lamps, table="lamps")
    reason = quay.reasons(FileState.HELD)[url]
    assert all(part in reason for part in (quay.gauges, url, "note VARCHAR(32)", "view"))
    quay.sql(f"DROP VIEW staging.seen_{quay.number}")
    settle(loader)
    check(quay, url)
