"""What all commands of batch have in common, where nothing answers yet."""

from __future__ import annotations

import signal

import pytest

from headrace_batch.cli import execute
from headrace_batch.commands import standing
from headrace_batch.replay.reading import Stretch
from headrace_batch.replay.replaying import require_known
from headrace_consumers.commitlog.standing import Standing
from headrace_consumers.landing import FileCompression, FileForm, FileFormat
from headrace_producers.errors import SettingsError

PIPELINE = "tests.batch.upkeep.yard:VISITS"
TIME = "2026-01-31T12:00:00Z"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("rewind", "--help"), "A rewind that died half-way is ended by running the command again"),
        (("dead-letters", "redrive", "-h"), "Each letter comes back once"),
        (("--help",), "Send raw records into another stream."),
    ],
)
def test_help_says_all_that_a_command_says_of_itself(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(list(arguments)) == 0
    assert said in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("backfill", PIPELINE, "--from", "dawn", "--to", TIME, "--reason", "x"), "--from 'dawn' is no ISO 8601 time"),
        (("backfill", PIPELINE, "--from", TIME, "--to", TIME, "--reason", "x"), "is not before --to"),
        (("rewind", PIPELINE, "--to", "dawn", "--reason", "x"), "--to 'dawn' is no ISO 8601 time"),
        (("rewind", PIPELINE, "--to", TIME, "--reason", " "), "--reason is empty"),
        (("forget", PIPELINE, "--table", "t", "--key", "a=b", "--reason", ""), "--reason is empty"),
        (("land", PIPELINE, "visits", "file", "--as-of", "2026-01-31"), "--as-of '2026-01-31' names no offset"),
        (("dead-letters", "show", PIPELINE, "--limit=-1"), "--limit must not be negative"),
    ],
)
def test_wrong_use_is_one_sentence(arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is asked of AWS."""
    code = execute(list(arguments))
    shown = capsys.readouterr()
    assert (code, shown.out, shown.err.count("\n")) == (2, "", 1)
    assert said in shown.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_interrupts_is_told_what_stands(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt(*([number] if number != signal.SIGINT else []))

    monkeypatch.setattr(standing, "opened_in_rewind", interrupted)
    assert execute(["standing", PIPELINE]) == 128 + number
    assert "what was committed stands" in capsys.readouterr().err


def test_a_shard_to_go_on_from_is_one_that_was_read() -> None:
    with pytest.raises(SettingsError, match="--after shard-9"):
        require_known(Standing({}, {}, {}, {}, {}, 0), Stretch(0, 1, {"shard-9": 12}, with_repeats=False))


def test_a_file_s_form_may_be_said_as_texts() -> None:
    form = FileForm(format="json", compression="gzip")  # type: ignore[arg-type]
    assert (form.format, form.compression) == (FileFormat.JSON, FileCompression.GZIP)
    with pytest.raises(SettingsError, match="compression 'rar' is none of none, gzip, zstd, any"):
        FileForm(compression="rar")  # type: ignore[arg-type]
