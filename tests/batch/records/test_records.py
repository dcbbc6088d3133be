"""Records: what makes one sound, what a run writes into it, and that all that are kept here are sound."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from headrace_batch.records.files import read_record, record_name, write_record
from headrace_batch.records.keeping import Kept, kept_record
from headrace_batch.records.record import Record, Status
from headrace_consumers.commitlog.model import Counts
from headrace_producers.errors import SettingsError, TransientError

KEPT = sorted(Path("batch/backfills").glob("*.yaml"))
RECORD = Record(
    pipeline="my_team.pipelines:flights",
    start=datetime(2026, 3, 1, tzinfo=UTC),
    end=datetime(2026, 3, 2, tzinfo=UTC),
    reason="the contract refused carriers of two digits",
    owner="platform-engineer",
    created=datetime(2026, 4, 1, tzinfo=UTC),
)
TEXT = """
pipeline: my_team.pipelines:flights
from: 2026-03-01T00:00:00Z
to: 2026-03-02T00:00:00+00:00
reason: the contract refused carriers of two digits
owner: platform-engineer
created: 2026-04-01T00:00:00Z
"""


def written(folder: Path, text: str = TEXT) -> Path:
    path = folder / "two-digits.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_every_record_that_is_kept_is_sound(path: Path) -> None:
    """A review may trust the file: it is read as the command reads it, and was not left running."""
    record_name(path)
    record = read_record(path)
    assert record.status is not Status.RUNNING


def test_there_are_records_and_a_page_about_them() -> None:
    assert KEPT
    assert set(Path("batch/backfills").iterdir()) == {*KEPT, Path("batch/backfills/README.md")}


def test_a_record_is_read_as_a_person_writes_it(tmp_path: Path) -> None:
    assert read_record(written(tmp_path)) == RECORD


@pytest.mark.parametrize(
    ("line", "instead", "said"),
    [
        ("to: 2026-03-02T00:00:00+00:00", "to: 2026-03-01T00:00:00Z", "`to` must come after `from`"),
        ("from: 2026-03-01T00:00:00Z", "from: 2026-03-01T00:00:00", "offset"),
        ("from: 2026-03-01T00:00:00Z", "from: last week", "from"),
        ("owner: platform-engineer", "owner: jane.doe@example.com", "is no role such as platform-engineer"),
        ("owner: platform-engineer", "owner: jane", "is no role such as platform-engineer"),
        ("owner: platform-engineer", "owner: Jane Doe", "is no role such as platform-engineer"),
        ("owner: platform-engineer", "", "owner"),
        ("reason: the contract refused carriers of two digits", "reason: ' '", "say the reason"),
        ("owner: platform-engineer", "owner: platform-engineer\nstatus: finished", "status"),
        ("owner: platform-engineer", "owner: platform-engineer\nstatus: done", "`finished` belongs to"),
        ("owner: platform-engineer", "owner: data-owner\nfinished: 2026-05-01T00:00:00Z", "`finished` belongs to"),
        ("owner: platform-engineer", "owner: data-owner\nstatus: failed\nfinished: 2026-05-01T00:00:00Z", "`failure`"),
        ("owner: platform-engineer", "owner: data-owner\nstatus: done\nfinished: 2026-03-01T00:00:00Z", "`created`"),
        ("owner: platform-engineer", "owner: data-owner\nreviewer: data-owner", "reviewer"),
        ("pipeline: my_team.pipelines:flights", "pipeline: [", "is no record"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, line: str, instead: str, said: str) -> None:
    with pytest.raises(SettingsError, match=r"two-digits\.yaml is no record") as error:
        read_record(written(tmp_path, TEXT.replace(line, instead)))
    assert said in str(error.value)


@pytest.mark.parametrize("name", ["Two Digits.yaml", "two-digits.yml", "x.yaml", "-flag.yaml"])
def test_a_record_has_a_name_that_commits_can_carry(name: str) -> None:
    with pytest.raises(SettingsError, match="a record's file is called"):
        record_name(Path(name))


def test_a_run_says_what_it_does(tmp_path: Path) -> None:
    """Planned, running, done; then with what was committed and when."""
    path = tmp_path / "two-digits.yaml"
    kept = Kept(RECORD, path)
    kept.plan()
    assert read_record(path).status is Status.PLANNED
    with kept.running(lambda: Counts(records=3, rows=2)):
        assert read_record(path).status is Status.RUNNING
    done = read_record(path)
    assert (done.status, done.counts) == (Status.DONE, Counts(records=3, rows=2))
    assert done.finished is not None
    assert replace(done, status=Status.PLANNED, finished=None, counts=None) == RECORD
    assert "from: 2026-03-01T00:00:00Z" in path.read_text()


def test_a_run_that_fails_says_why(tmp_path: Path) -> None:
    """And may be run again, after which nothing of the failure is left."""
    path = written(tmp_path)
    kept = kept_record(path, None, RECORD.pipeline)
    with pytest.raises(TransientError), kept.running(Counts):
        raise TransientError("S3 is\naway")
    failed = read_record(path)
    assert (failed.status, failed.failure) == (Status.FAILED, "S3 is away")
    with kept_record(path, None, RECORD.pipeline).running(Counts):
        pass
    assert read_record(path).failure == ""


def test_a_kill_leaves_it_running(tmp_path: Path) -> None:
    path = written(tmp_path)
    with pytest.raises(KeyboardInterrupt), kept_record(path, None, RECORD.pipeline).running(Counts):
        raise KeyboardInterrupt
    assert read_record(path).status is Status.RUNNING


def test_a_record_and_a_command_line_must_agree(tmp_path: Path) -> None:
    """The span that was reviewed is the span that is run."""
    path = written(tmp_path)
    assert kept_record(path, RECORD, RECORD.pipeline).record == RECORD
    with pytest.raises(SettingsError, match="says another span or reason"):
        kept_record(path, replace(RECORD, end=datetime(2027, 1, 1, tzinfo=UTC)), RECORD.pipeline)
    with pytest.raises(SettingsError, match=r"is about my_team\.pipelines:flights, not about other:pipeline"):
        kept_record(path, None, "other:pipeline")
    with pytest.raises(SettingsError, match="say --from, --to and --reason"):
        kept_record(tmp_path / "not-there.yaml", None, RECORD.pipeline)
    with pytest.raises(SettingsError, match="say --from, --to and --reason"):
        kept_record(None, None, RECORD.pipeline)


def test_a_record_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be written"):
        write_record(tmp_path / "no-folder" / "two-digits.yaml", RECORD)
    with pytest.raises(SettingsError, match="cannot be read"):
        read_record(tmp_path / "two-digits.yaml")
