"""The declaration of files that land: who sends them, in which form, and which table they fill.

Nothing of a file is guessed. Its sender states the form once, here, and a file of another form is refused with a
sentence; that a comma was meant as a decimal mark shows in no value.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from zoneinfo import ZoneInfo

from headrace_consumers.lake_table import LakeTable
from headrace_producers.contracts import ColumnType
from headrace_producers.errors import SettingsError

MIB = 1024 * 1024
MAX_NAME = 64
_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_DIRECTIVES = re.compile(r"%(.?)")
DATE_DIRECTIVES = "Ymdb"
TIME_DIRECTIVES = DATE_DIRECTIVES + "HMSfz"


class FileFormat(StrEnum):
    CSV = "csv"
    """Rows of fields, as RFC 4180 has them: a quote within quotes is doubled. Any single character may delimit."""
    NDJSON = "ndjson"
    """One JSON object a line."""
    JSON = "json"
    """One JSON array of objects."""
    PARQUET = "parquet"


class FileCompression(StrEnum):
    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"
    ANY = "any"
    """Whichever of these its first bytes name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileForm:
    """What a file looks like, as its sender states it. What only texts have counts for CSV alone, the forms of dates
    and times for JSON and texts in Parquet, too."""

    format: FileFormat = FileFormat.CSV
    compression: FileCompression = FileCompression.NONE
    encoding: str = "utf-8"
    """Any that Python knows, such as latin-1, cp1252 or utf-16; a byte order mark is cut off."""
    header: tuple[str, ...] = ()
    """The names of a file that has no header, in its order; empty where its first row says them."""
    delimiter: str = ","
    quote: str = '"'
    """Empty where the sender quotes nothing."""
    decimal_mark: str = "."
    thousands_mark: str = ""
    null_texts: tuple[str, ...] = ("",)
    """Texts that stand for no value where they are not quoted."""
    true_texts: tuple[str, ...] = ("true",)
    false_texts: tuple[str, ...] = ("false",)
    """Upper and lower case are the same here."""
    date_form: str = "%Y-%m-%d"
    timestamp_form: str = ""
    """Such as `%d.%m.%Y %H:%M:%S`: of %Y %m %d %b (Jan) %H %M %S %f and %z. Where empty, RFC 3339 with an offset."""
    time_zone: str = "UTC"
    """Of times without an offset. One that a clock change makes twice, or skips, is a dead letter."""

    def __post_init__(self) -> None:
        """Format and compression may be said as texts."""
        for name, kind in (("format", FileFormat), ("compression", FileCompression)):
            try:
                object.__setattr__(self, name, kind(getattr(self, name)))
            except ValueError:
                raise SettingsError(
                    f"{name} {getattr(self, name)!r} is none of {', '.join(one.value for one in kind)}"
                ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a file may cost. One beyond is refused before it does."""

    max_bytes: int = 256 * MIB
    """Of the file as it was sent; a bigger one is handed to Spark."""
    max_unpacked_bytes: int = 1024 * MIB
    max_ratio: float = 200.0
    """Unpacked by packed bytes: real tables reach some tens, bombs a thousand and more."""
    max_handed_bytes: int = 1024 * 1024 * MIB
    """Beyond it a file is refused, to Spark as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LandingSource:
    """Files of one sender and one form, each a part of one table."""

    name: str
    """Also the folder that they are put into: `landing/<name>/`."""
    table: LakeTable
    form: FileForm = field(default_factory=FileForm)
    columns: Mapping[str, str] = field(default_factory=dict)
    """Names of the contract by the file's own, where they differ."""
    joined: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Columns of the contract that the file has in pieces, such as ("year", "month", "day"): joined by hyphens."""
    ignored: tuple[str, ...] = ()
    """Names in the file that nobody wants; any other that the contract lacks is refused. Of JSON, further fields are
    ignored, as they are in the stream."""
    as_of: str = ""
    """The column that no file has, filled with the file's own time: for lists that say what is so now."""
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        _check(self)

    @property
    def file_names(self) -> dict[str, tuple[str, ...]]:
        """Per column of the contract that the file has, how it is called there: several names where it is in pieces."""
        other = {ours: (theirs,) for theirs, ours in self.columns.items()} | dict(self.joined)
        names = [column.name for column in self.table.contract.columns if column.name != self.as_of]
        return {name: other.get(name, (name,)) for name in names}


def _check(source: LandingSource) -> None:
    where = f"landing source {source.name!r}"
    if not _NAME.fullmatch(source.name) or len(source.name) > MAX_NAME:
        raise SettingsError(f"{where}: names are lower-case letters, digits, _ and -, at most {MAX_NAME}")
    ours = {column.name: column for column in source.table.contract.columns}
    if unknown := sorted({*source.columns.values(), *source.joined} - ours.keys()):
        raise SettingsError(f"{where}: contract {source.table.contract.type} has no {', '.join(unknown)}")
    if source.as_of and (source.as_of not in ours or ours[source.as_of].type is not ColumnType.TIMESTAMP):
        raise SettingsError(f"{where}: as_of must be a timestamp of contract {source.table.contract.type}")
    named = [name for names in source.file_names.values() for name in names] + list(source.ignored)
    if twice := sorted({name for name in named if named.count(name) > 1}):
        raise SettingsError(f"{where}: {', '.join(twice)} would fill two columns")
    if source.joined and source.form.format is not FileFormat.CSV:
        raise SettingsError(f"{where}: only CSV has columns in pieces")
    if source.form.header and (missing := sorted({*named} - {*source.form.header})):
        raise SettingsError(f"{where}: the form's header lacks {', '.join(missing)}")
    _check_form(where, source.form)


def _check_form(where: str, form: FileForm) -> None:
    try:
        codecs.lookup(form.encoding)
    except LookupError:
        raise SettingsError(f"{where}: Python knows no encoding {form.encoding!r}") from None
    try:
        ZoneInfo(form.time_zone)
    except (KeyError, ValueError, OSError):
        raise SettingsError(f"{where}: {form.time_zone!r} is no time zone such as Europe/Berlin") from None
    marks = [form.delimiter, *form.quote]
    if len(form.delimiter) != 1 or len(form.quote) > 1 or any(not mark.isascii() or mark in "\r\n" for mark in marks):
        raise SettingsError(f"{where}: delimiter and quote are one ASCII character each, no line end")
    if len({*marks}) < len(marks):
        raise SettingsError(f"{where}: delimiter and quote cannot be the same")
    if len(form.decimal_mark) != 1 or len(form.thousands_mark) > 1 or form.decimal_mark == form.thousands_mark:
        raise SettingsError(f"{where}: the decimal mark is one character, the thousands mark another one or none")
    _check_directives(where, form.date_form, DATE_DIRECTIVES)
    _check_directives(where, form.timestamp_form, TIME_DIRECTIVES)


def _check_directives(where: str, text: str, known: str) -> None:
    found = _DIRECTIVES.findall(text)
    if unknown := sorted({one for one in found if one not in known or not one}):
        raise SettingsError(f"{where}: {text!r} has %{unknown[0]}, which is none of {' '.join(f'%{d}' for d in known)}")
    needed = [{"Y"}, {"m", "b"}, {"d"}] if text else []
    if len(found) > len({*found}) or any(not each & {*found} for each in needed):
        raise SettingsError(f"{where}: {text!r} needs year, month and day, once each")
