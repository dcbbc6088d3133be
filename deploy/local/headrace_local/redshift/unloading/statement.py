"""`UNLOAD ('...') TO 's3://...'` read into what it asks for. Pure; credentials are passed over and kept nowhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from headrace_local.redshift.copying.options import Compression, one_character
from headrace_local.redshift.copying.statement import S3Location, s3_location
from headrace_local.redshift.copying.words import Words
from headrace_local.redshift.errors import NOT_SUPPORTED, SYNTAX_ERROR, NotImitatedError, RedshiftError

FormatName = Literal["PARQUET", "CSV", "TEXT", "JSON"]
Value = str | int | bool | tuple[str, ...]

LARGEST_FILE_BYTES = int(6.2 * 1024**3)
_SMALLEST_FILE_BYTES = 5 * 1024**2
_UNITS = {"MB": 1024**2, "GB": 1024**3}


@dataclass(frozen=True, slots=True)
class TextLayout:
    delimiter: str
    csv: bool
    header: bool
    null_as: str
    add_quotes: bool
    escape: bool


@dataclass(frozen=True, slots=True)
class Partitioning:
    """`include`: the files have the columns too."""

    columns: tuple[str, ...] = ()
    include: bool = False


@dataclass(frozen=True, slots=True)
class UnloadStatement:
    """Where, how, and of which query."""

    query: str
    target: S3Location
    format: FormatName
    text: TextLayout
    compression: Compression | None
    partitioning: Partitioning
    manifest: bool
    verbose: bool
    parallel: bool
    max_file_bytes: int
    allow_overwrite: bool
    clean_path: bool


def parse_unload(sql: str) -> UnloadStatement | None:
    """None if it is no UNLOAD. Raises RedshiftError or NotImitatedError."""
    words = Words(sql)
    if not words.skip("UNLOAD"):
        return None
    words.expect_mark("(")
    query = words.text().replace("\\\\", "\\")
    words.expect_mark(")")
    words.expect("TO")
    target = s3_location(words.text(), "UNLOAD")
    options = _Options()
    while words:
        options.read_one(words)
    _require_no_outer_limit(query)
    return options.statement(query, target)


class _Options:
    def __init__(self) -> None:
        self.values: dict[str, Value] = {}

    def read_one(self, words: Words) -> None:
        if words.skip("WITH") or words.skip("FORMAT"):
            words.skip("AS")
        token = words.peek()
        keyword = token.keyword if token else ""
        if keyword in _NOT_IMITATED:
            raise NotImitatedError(f"UNLOAD's {keyword} is not imitated locally")
        if keyword not in _READERS:
            raise words.unexpected()
        words.take()
        if keyword in self.values:
            raise RedshiftError(f"conflicting or redundant options: {keyword}", SYNTAX_ERROR)
        self.values[keyword] = _READERS[keyword](words)

    def statement(self, query: str, target: S3Location) -> UnloadStatement:
        chosen = self._format()
        self._require_compatible(chosen)
        partitioning = self._partitioning()
        folder = partitioning.columns and not target.key.endswith("/")
        return UnloadStatement(
            query=query,
            target=S3Location(target.bucket, target.key + "/") if folder else target,
            format=chosen,
            text=self._text(csv=chosen == "CSV"),
            compression=next((name for name in _COMPRESSIONS if name in self.values), None),
            partitioning=partitioning,
            manifest="MANIFEST" in self.values,
            verbose=self.values.get("MANIFEST") == "VERBOSE",
            parallel=bool(self.values.get("PARALLEL", True)),
            max_file_bytes=self._max_file_bytes(),
            allow_overwrite="ALLOWOVERWRITE" in self.values,
            clean_path="CLEANPATH" in self.values,
        )

    def _format(self) -> FormatName:
        chosen = [name for name in _FORMATS if name in self.values]
        if len(chosen) > 1:
            raise RedshiftError(f"conflicting or redundant options: {' and '.join(chosen)}", SYNTAX_ERROR)
        return chosen[0] if chosen else "TEXT"

    def _require_compatible(self, chosen: FormatName) -> None:
        if not {"IAM_ROLE", "CREDENTIALS", "ACCESS_KEY_ID"} & self.values.keys():
            raise RedshiftError("UNLOAD needs an authorization: IAM_ROLE, or CREDENTIALS", SYNTAX_ERROR)
        if {"ALLOWOVERWRITE", "CLEANPATH"} <= self.values.keys():
            raise RedshiftError("CLEANPATH is not supported together with ALLOWOVERWRITE", NOT_SUPPORTED)
        for keyword in _NOT_WITH.get(chosen, ()):
            if keyword in self.values:
                raise RedshiftError(f"{keyword} is not supported for UNLOAD to {chosen}", NOT_SUPPORTED)

    def _text(self, *, csv: bool) -> TextLayout:
        delimiter = str(self.values.get("DELIMITER", "," if csv else "|"))
        return TextLayout(
            delimiter=one_character("DELIMITER", delimiter),
            csv=csv,
            header="HEADER" in self.values,
            null_as=str(self.values.get("NULL", "")).replace("\\\\", "\\"),
            add_quotes="ADDQUOTES" in self.values,
            escape="ESCAPE" in self.values,
        )

    def _partitioning(self) -> Partitioning:
        columns = self.values.get("PARTITION", ())
        if not isinstance(columns, tuple):
            return Partitioning()
        include = columns[-1:] == (_INCLUDE,)
        return Partitioning(columns[:-1] if include else columns, include)

    def _max_file_bytes(self) -> int:
        size = self.values.get("MAXFILESIZE", LARGEST_FILE_BYTES)
        if not isinstance(size, int) or not _SMALLEST_FILE_BYTES <= size <= LARGEST_FILE_BYTES:
            raise RedshiftError("MAXFILESIZE must be between 5 MB and 6.2 GB", NOT_SUPPORTED)
        return size


def _require_no_outer_limit(query: str) -> None:
    words, depth = Words(query), 0
    while words.peek():
        depth += words.peek_mark("(") - words.peek_mark(")")
        if depth == 0 and words.skip("LIMIT"):
            raise RedshiftError(
                "Limit clause is not supported in the outermost select of an UNLOAD statement", NOT_SUPPORTED
            )
        words.take()


def _flag(_: Words) -> Value:
    return True


def _quoted(words: Words) -> Value:
    return words.text()


def _role(words: Words) -> Value:
    """Not kept."""
    if not words.skip("DEFAULT"):
        words.text()
    return True


def _secret(words: Words) -> Value:
    words.text()
    return True


def _manifest(words: Words) -> Value:
    return "VERBOSE" if words.skip("VERBOSE") else True


def _partition(words: Words) -> Value:
    words.expect("BY")
    columns = words.identifiers()
    return (*columns, _INCLUDE) if words.skip("INCLUDE") else columns


def _parallel(words: Words) -> Value:
    if words.skip("OFF") or words.skip("FALSE"):
        return False
    return words.skip("ON") or words.skip("TRUE") or True


def _size(words: Words) -> Value:
    words.skip("AS")
    token = words.take()
    try:
        size = float(token.value)
    except ValueError:
        raise words.unexpected() from None
    unit = next((bytes_ for name, bytes_ in _UNITS.items() if words.skip(name)), _UNITS["MB"])
    return int(size * unit)


_INCLUDE = "include "
_FORMATS: Sequence[FormatName] = ("PARQUET", "CSV", "JSON")
_COMPRESSIONS: Sequence[Compression] = ("GZIP", "ZSTD", "BZIP2")
_FLAGS = (*_FORMATS, *_COMPRESSIONS, "HEADER", "ADDQUOTES", "ESCAPE", "ALLOWOVERWRITE", "CLEANPATH")
_READERS: Mapping[str, Callable[[Words], Value]] = {
    **dict.fromkeys(_FLAGS, _flag),
    "IAM_ROLE": _role,
    "CREDENTIALS": _secret,
    "ACCESS_KEY_ID": _secret,
    "SECRET_ACCESS_KEY": _secret,
    "SESSION_TOKEN": _secret,
    "MANIFEST": _manifest,
    "PARTITION": _partition,
    "PARALLEL": _parallel,
    "MAXFILESIZE": _size,
    "ROWGROUPSIZE": _size,
    "DELIMITER": _quoted,
    "NULL": _quoted,
    "REGION": _quoted,
}
_NOT_WITH: Mapping[FormatName, Sequence[str]] = {
    "PARQUET": ("DELIMITER", "ADDQUOTES", "ESCAPE", "NULL", "HEADER", "GZIP", "BZIP2", "ZSTD"),
    "JSON": ("DELIMITER", "HEADER", "ADDQUOTES", "ESCAPE", "NULL"),
    "CSV": ("ADDQUOTES", "ESCAPE"),
}
_NOT_IMITATED = frozenset({"ENCRYPTED", "EXTENSION", "FIXEDWIDTH", "KMS_KEY_ID", "MASTER_SYMMETRIC_KEY"})
