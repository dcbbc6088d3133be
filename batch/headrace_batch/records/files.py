"""Records as YAML files; a record is called as its file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import yaml

from headrace_batch.records.record import NAME, SUFFIX, Record
from headrace_producers.errors import SettingsError


def record_name(path: Path) -> str:
    """SettingsError where the file cannot be a record's."""
    if path.suffix != SUFFIX or not NAME.fullmatch(path.stem):
        raise SettingsError(
            f"{path}: a record's file is called as what was done, such as 2026-03-lost-carriers{SUFFIX}"
        )
    return path.stem


def read_record(path: Path) -> Record:
    """SettingsError says what is wrong with it."""
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=Record)
    except (msgspec.MsgspecError, yaml.YAMLError) as error:
        raise SettingsError(f"{path} is no record: {' '.join(str(error).split())}") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from None


def write_record(path: Path, record: Record) -> None:
    """Whole or not at all. Raises SettingsError."""
    fresh = path.with_suffix(".tmp")
    try:
        fresh.write_text(_text(record))
        fresh.replace(path)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}") from None


def _text(record: Record) -> str:
    said = msgspec.to_builtins(record, builtin_types=(datetime,))
    return yaml.dump(said, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


class _Dumper(yaml.SafeDumper):
    """Times as a person writes them."""


def _represent_time(dumper: yaml.SafeDumper, time: datetime) -> yaml.ScalarNode:
    said = time.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return dumper.represent_scalar("tag:yaml.org,2002:timestamp", said)


_Dumper.add_representer(datetime, _represent_time)
